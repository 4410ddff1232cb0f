"""FP16 and INT8 of an instance bundle: from `rigsight export --data` to engines, against float32."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
import yaml

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.golden import check_golden
from rigsight.edge.bundle.golden_instances import ALIKE, agreement
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.bundle.spec import ClassEntry, Preprocessing
from rigsight.edge.engines.instances import InstanceEngine
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.edge.engines.select import describe, open_engine
from rigsight.edge.frames import as_uint8
from rigsight.edge.instances import read_instances
from rigsight.export.graph import Graph
from rigsight.export.instances.deploy import deployable_instances
from rigsight.export.precision import half
from rigsight.export.precision.calibration import reuse
from rigsight.export.precision.chain import part_feeds
from rigsight.export.precision.half import for_judging, to_half
from rigsight.export.precision.instance_material import InstanceMaterial
from rigsight.export.precision.simulated_instances import SimulatedInstances
from rigsight.export.precision.sources import Sources
from rigsight.export.precision.variants import PrecisionOptions, make_variants
from rigsight.training.checkpoint import CheckpointMeta, load_checkpoint, save_checkpoint
from rigsight.training.data.coco import encode
from rigsight.training.data.dataset import open_dataset
from rigsight.training.evaluation.bundles import BundleSubject
from rigsight.training.evaluation.dataset import evaluate
from rigsight.training.instance_scoring import detections
from rigsight.training.models.bnsa.network import BnsaMaskRcnn

pytestmark = pytest.mark.slow  # the export takes half a minute
RTX = importlib.util.find_spec("tensorrt_rtx") is not None
MakeNetwork = Callable[..., BnsaMaskRcnn]
MakeMeta = Callable[..., CheckpointMeta]
VARIANTS = ["fp32", "fp16", "int8", "int8-cpu"]
PARTS = ("main", "boxes", "masks")
BUDGET = 15.0  # weights that learnt nothing have no room between their classes

DATASET = """
version: 1
name: blobs
modalities: {{thermal: "{{stem}}.png"}}
thermal_input: camera8
labels: {{kind: coco, pattern: instances.json}}
classes:
  - {{name: background, color: [0, 0, 0]}}
  - {{name: person, color: [255, 0, 0]}}
  - {{name: car, color: [0, 0, 255]}}
splits:
  train: {{stems: [{train}]}}
  val: {{stems: [{val}]}}
licence: CC0
source: a test
"""


def picture(seed: int) -> np.ndarray:
    """Soft blobs, uint8 [96,160]."""
    small = np.random.default_rng(seed).integers(0, 256, (8, 13))
    large = cv2.resize(small.astype(np.float32), (160, 96), interpolation=cv2.INTER_CUBIC)
    return np.clip(large, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def network(stirred: MakeNetwork) -> BnsaMaskRcnn:
    """It finds large things with few holes: the masks of others change by tenths where a border does."""
    made = stirred(anchor=32)
    with torch.no_grad():
        made.get_parameter("roi_heads.mask_predictor.mask_fcn_logits.bias").add_(30)
    return made


@pytest.fixture(scope="module")
def solid(network: BnsaMaskRcnn, meta_of: MakeMeta, tmp_path_factory: pytest.TempPathFactory) -> Path:
    meta = meta_of(options={"anchor": 32}, preprocessing=Preprocessing(thermal_input="camera8"))
    path = tmp_path_factory.mktemp("variants") / "m.safetensors"
    save_checkpoint(path, network, meta)
    return path


@pytest.fixture(scope="module")
def data(network: BnsaMaskRcnn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures to calibrate and three to judge; the truth is every second thing PyTorch finds."""
    folder = tmp_path_factory.mktemp("blobs")
    images, annotations = [], []
    for number in range(11):
        cv2.imwrite(str(folder / f"{number:02d}.png"), picture(number))
        images.append({"id": number, "file_name": f"{number:02d}.png", "width": 160, "height": 96})
        for each in read_instances(detections(network, as_uint8(picture(number))), 0.5)[::2]:
            mask = each.mask(96, 160)
            if mask.any():
                annotation = {"id": len(annotations), "image_id": number, "category_id": each.label}
                annotations.append({**annotation, "segmentation": encode(mask)})
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(coco))
    names = [f"'{number:02d}'" for number in range(11)]
    text = DATASET.format(train=", ".join(names[:8]), val=", ".join(names[8:]))
    (folder / "dataset.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def exported(solid: Path, data: Path) -> Bundle:
    """What `rigsight export --data` makes."""
    out = data / "out" / "things"
    words = ["--data", str(data), "--out", str(out), "--budget", str(BUDGET)]
    words += ["--golden", str(data / "08.png")]
    assert main(["export", str(solid), *words]) == 0
    return open_bundle(out)


@pytest.fixture(scope="module")
def sources(solid: Path, exported: Bundle) -> Sources:
    """The float32 graphs of the bundle; without modules each part is one group."""
    model, meta = load_checkpoint(solid)
    made = deployable_instances(model, meta)
    graphs = {part: Graph(exported.read(f"graphs/{part}.fp32.onnx"), {}) for part in PARTS}
    return Sources(made.sources(graphs), made.steps)


def seen(seed: int) -> dict[str, Any]:
    """A feed of the graph."""
    return {"thermal": picture(seed)[None, :, :, None]}


def found(engine: Any, seed: int) -> Any:
    return read_instances(engine.infer(seen(seed)), 0.5)


def test_every_part_has_every_variant_and_each_runs_like_float32(exported: Bundle) -> None:
    assert [list(part.variants) for part in exported.spec.parts] == [VARIANTS] * 3
    assert {f"graphs/{part}.{name}.onnx" for part in PARTS for name in VARIANTS} <= set(exported.spec.files)
    reference = open_engine(exported, threads=1)
    for variant, within, least in (("fp16", None, 0.95), ("int8", ALIKE, 0.7), ("int8-cpu", ALIKE, 0.7)):
        engine = open_engine(exported, variant, threads=1)  # type: ignore[arg-type]
        assert describe(engine)["variant"] == variant
        tolerance = () if within is None else (within,)
        shares = [
            agreement(found(reference, seed), found(engine, seed), 0.05, 96, 160, *tolerance)
            for seed in range(3)
        ]
        assert np.mean(shares) >= least, variant
    assert all(result.passed for result in check_golden(exported, reference))


def test_its_verdicts_are_what_an_evaluation_finds(exported: Bundle, data: Path) -> None:
    verdicts = exported.spec.verdicts
    assert verdicts["fp32"].metrics["score"] > 0.3, "a network that finds nothing proves nothing"
    for variant in ("fp32", "int8-cpu"):
        subject = BundleSubject(exported, open_engine(exported, variant, threads=1))  # type: ignore[arg-type]
        ap = evaluate(subject, open_dataset(data), "val").figures["both"]["ap"]
        assert verdicts[variant].metrics["score"] == pytest.approx(ap, abs=1e-5)  # type: ignore[index]
    for variant in ("fp16", "int8", "int8-cpu"):
        verdict = verdicts[variant]  # type: ignore[index]
        assert verdict.accepted
        assert verdict.metrics["points_lost"] <= BUDGET
        assert 0 < verdict.metrics["detections_agreement"] <= 1
    assert verdicts["fp16"].metrics["size_ratio"] < 0.55
    assert verdicts["int8"].metrics["size_ratio"] < 0.5


def test_its_report_names_layers_of_all_parts(exported: Bundle) -> None:
    folder = Path(exported.path).with_name("things-report")  # type: ignore[arg-type]
    page = (folder / "report.html").read_text()
    for word in ("mask AP", "equal detections", "8 pictures", "computes places in pixels", "data:image/jpeg"):
        assert word in page
    groups = json.loads((folder / "verdicts.json").read_text())["variants"]["int8"]["groups"]
    names = [row["group"] for row in groups]
    assert "last layers" in names
    assert {name.partition(".")[0] for name in names if name != "last layers"} == {*PARTS}
    fpn = [row for row in groups if "fpn.layer_blocks" in row["group"]]
    assert all(row["sqnr_db"] for row in fpn), "what other graphs read is no last layer"
    assert fpn
    assert (folder / "worst-int8.png").stat().st_size > 1000


def test_integers_and_float16_are_in_every_part(exported: Bundle) -> None:
    for part in PARTS:
        for variant, wanted in (("int8", "DequantizeLinear"), ("int8-cpu", "DequantizeLinear")):
            graph = onnx.load_from_string(exported.read(f"graphs/{part}.{variant}.onnx")).graph
            assert wanted in {node.op_type for node in graph.node}
        graph = onnx.load_from_string(exported.read(f"graphs/{part}.fp16.onnx")).graph
        assert {weight.data_type for weight in graph.initializer} >= {onnx.TensorProto.FLOAT16}


def test_boxes_keep_their_pixels_in_float16(exported: Bundle) -> None:
    """At x = 150 one step of float16 is an eighth of a pixel."""
    engine = open_engine(exported, threads=1)
    assert isinstance(engine, InstanceEngine)
    (feeds,) = part_feeds(engine, "boxes", [seen(0)])
    wanted = engine.parts["boxes"].infer(feeds)["boxes"].copy()
    assert wanted.max() > 128
    errors = {}
    graphs = {"islands": exported.read("graphs/boxes.fp16.onnx")}
    graphs["all"] = to_half(exported.read("graphs/boxes.fp32.onnx"))
    for name, graph in graphs.items():
        boxes = OnnxRuntimeEngine(for_judging(graph), threads=1).infer(feeds)["boxes"]
        errors[name] = float(np.abs(boxes - wanted).max())
    assert errors["islands"] < 0.1 < errors["all"]


def test_heads_are_calibrated_with_what_the_chain_feeds_them(exported: Bundle) -> None:
    engine = open_engine(exported, threads=1)
    assert isinstance(engine, InstanceEngine)
    pictures = [seen(seed) for seed in range(2)]
    features = [engine.parts["main"].infer(picture)["features"].copy() for picture in pictures]
    boxes = [engine.infer(picture)["boxes"] for picture in pictures]
    for part in ("boxes", "masks"):
        fed = list(part_feeds(engine, part, pictures))
        assert len(fed) == 2
        for feeds, wanted in zip(fed, features, strict=True):
            np.testing.assert_array_equal(feeds["features"], wanted)
            assert feeds["regions"].any(axis=1).all(), "what only fills up tells no range"
    masks = list(part_feeds(engine, "masks", pictures))
    np.testing.assert_allclose(masks[1]["regions"], boxes[1][:20], rtol=1e-6)
    blind = InstanceEngine(engine.parts, engine.steps.model_copy(update={"score": 1.0}))
    with pytest.raises(RigsightError, match="EXP-101.*'masks' is never run"):
        list(part_feeds(blind, "masks", pictures))


def test_a_few_real_regions_are_repeated(exported: Bundle) -> None:
    engine = open_engine(exported, threads=1)
    assert isinstance(engine, InstanceEngine)
    few = InstanceEngine(engine.parts, engine.steps.model_copy(update={"detections": 3}))
    (feeds,) = part_feeds(few, "masks", [seen(0)])
    assert feeds["regions"].shape == (20, 4)
    np.testing.assert_array_equal(feeds["regions"][3:6], feeds["regions"][:3])
    np.testing.assert_array_equal(feeds["classes"][3:6], feeds["classes"][:3])


def make(sources: Sources, exported: Bundle, data: Path, folder: Path, **options: Any) -> Any:
    material = InstanceMaterial(open_dataset(data), "train", "val", 32, 100)
    return make_variants(exported, sources, material, PrecisionOptions(**options), folder)


@pytest.fixture(scope="module")
def kept(exported: Bundle) -> Path:
    """calibration.json of the export."""
    return Path(exported.path).with_name("things-report") / "calibration.json"  # type: ignore[arg-type]


def test_a_part_may_stay_float_within_int8(
    sources: Sources, exported: Bundle, data: Path, tmp_path: Path, kept: Path
) -> None:
    """With no budget parts stay float until INT8 loses nothing; those are fp32's graph itself."""
    precision = make(
        sources, exported, data, tmp_path, variants=("int8",), budget=-1e-9, calibration=kept, method="mse"
    )
    reference, int8 = precision.made
    rows = {row.group.name: row for row in int8.found.decision.rows}
    floats = {name for name in PARTS if rows[name].kept_float}
    assert floats, "nothing was float, so that nothing was shown"
    for part in PARTS:
        assert (int8.graphs[part] == reference.graphs[part]) == (part in floats)
    assert all(rows[name].lost is not None for name in PARTS)


def test_a_variant_that_finds_other_things_is_refused(
    sources: Sources,
    exported: Bundle,
    data: Path,
    tmp_path: Path,
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every float16 weight of the mask head becomes zero: boxes stay, masks do not."""
    real = half._converted

    def wrong(tensor: Any, name: str, width: int) -> Any:
        made = real(tensor, name, width)
        if made.data_type == 10 and "mask_predictor" in name:
            made.raw_data = bytes(len(made.raw_data))
        return made

    monkeypatch.setattr(half, "_converted", wrong)
    options = {"variants": ("fp16",), "budget": 0.5, "calibration": kept}
    _, made = make(sources, exported, data, tmp_path, **options).made
    assert not made.verdict.accepted
    assert "points of mask AP, the budget is 0.5" in made.verdict.reason


def test_the_calibration_of_another_head_is_refused(kept: Path, exported: Bundle, data: Path) -> None:
    material = InstanceMaterial(open_dataset(data), "train", "val", 32, 100)
    graphs = {part: exported.read(f"graphs/{part}.fp32.onnx") for part in PARTS}
    assert set(reuse(kept, "mse", graphs, exported, material)) == {*PARTS}
    for other in ({**graphs, "masks": b"another"}, {"main": graphs["main"], "boxes": graphs["boxes"]}):
        with pytest.raises(RigsightError, match="EXP-103.*the graph 'masks' is another"):
            reuse(kept, "mse", other, exported, material)
    with pytest.raises(RigsightError, match="EXP-103.*the calibrator is another"):
        reuse(kept, "minmax", graphs, exported, material)
    preprocessing = exported.spec.preprocessing.model_copy(update={"thermal_input": "counts16"})
    altered = replace(exported, spec=exported.spec.model_copy(update={"preprocessing": preprocessing}))
    with pytest.raises(RigsightError, match="EXP-103.*preprocessing"):
        reuse(kept, "mse", graphs, altered, material)


@pytest.mark.parametrize(
    ("change", "words", "code", "told"),
    [
        ("masks", (), "EXP-101", "kind 'masks'"),
        ("empty", (), "DAT-20", "'train' has an annotation"),
        (None, ("--calibrate", "val"), "EXP-101", "3 pictures"),
        (None, ("--judge", "train"), "EXP-102", "'00'"),
        ("lorry", (), "TRN-304", "lorry"),
        (None, ("--data", "sim"), "EXP-105", "8 bits"),
    ],
)
def test_what_cannot_judge_is_one_line_and_leaves_nothing(
    solid: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: str | None,
    words: tuple[str, ...],
    code: str,
    told: str,
) -> None:
    content = yaml.safe_load((data / "dataset.yaml").read_text())
    coco = json.loads((data / "instances.json").read_text())
    content["modalities"]["thermal"] = str(data / "{stem}.png")
    if change == "masks":
        content["labels"] = {"kind": "masks", "pattern": str(data / "{stem}.png")}
    elif change == "lorry":
        content["classes"][2]["name"] = coco["categories"][1]["name"] = "lorry"
    elif change == "empty":
        coco["annotations"] = [each for each in coco["annotations"] if each["image_id"] >= 8]
    (tmp_path / "instances.json").write_text(json.dumps(coco))
    (tmp_path / "dataset.yaml").write_text(yaml.safe_dump(content))
    out = tmp_path / "out" / "b"
    assert main(["export", str(solid), "--data", str(tmp_path), "--out", str(out), *words]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1, text
    assert text.startswith(code), text
    assert told in text
    assert not list((tmp_path / "out").iterdir())


def test_the_simulated_street_calibrates_and_judges(things: Bundle, meta_of: MakeMeta) -> None:
    """Of a network that takes counts; a training place is none to judge with."""
    material, again = (SimulatedInstances(meta_of(), 8, 4) for _ in range(2))
    assert material.digest == again.digest
    assert material.spread.pictures == 8
    assert [item.stem for item in material.judged] == ["0000_00000", "0000_00017", "0000_00034", "0000_00051"]
    engine = open_engine(things, threads=1)
    feeds = material.feeds(things, engine, most=5)
    assert len(feeds) == 5
    assert feeds[0]["thermal"].shape == (1, 96, 160, 1)
    assert (feeds[0]["thermal"] != feeds[4]["thermal"]).any()
    score = material.score(things, engine, worst=1)
    assert (score.metric, score.worst is not None) == ("mask AP", True)
    assert 0 <= score.value < 0.5, "its weights are random"
    background = ClassEntry(name="background", color=(0, 0, 0))
    lorry = ClassEntry(name="lorry", color=(1, 2, 3))
    with pytest.raises(RigsightError, match="EXP-105.*no 'lorry'.*dataset.yaml"):
        SimulatedInstances(meta_of(classes=(background, lorry)), 8, 4)


@pytest.mark.skipif(not RTX, reason="tensorrt-rtx is not installed (it has no wheel for Python 3.10)")
def test_every_part_is_built_in_every_variant_by_a_tensorrt(exported: Bundle) -> None:
    from rigsight.edge.tensorrt.proof import prove_bundle

    built = [proof.graph.rpartition("/")[2] for proof in prove_bundle(exported)]
    assert built == [f"{part}.{name}.onnx" for part in PARTS for name in ("fp32", "fp16", "int8")]


_FAKES = Path(__file__).parents[2] / "edge" / "tensorrt" / "conftest.py"
_spec = importlib.util.spec_from_file_location("rigsight_tests_fakes", _FAKES)
assert _spec
assert _spec.loader
_fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fakes)
bench = _fakes.bench


def test_a_device_builds_and_proves_every_part_in_both_variants(
    bench: Any, exported: Bundle, run_build: Callable[..., str]
) -> None:
    bench.install()
    said = run_build(exported.path)
    assert said.count("of the detections are the same") == 6
    plans = sorted((bench.cache / "engines").rglob("*.plan"))
    assert len(plans) == 6, "main, boxes and masks, in fp16 and in int8"
    for variant in ("fp16", "int8"):
        engine = open_engine(exported, variant, threads=1, choice="tensorrt")  # type: ignore[arg-type]
        assert describe(engine) == {"engine": "TensorRT 10.3.0", "variant": variant}
        reference = open_engine(exported, variant, threads=1)  # type: ignore[arg-type]
        ours, theirs = found(engine, 0), found(reference, 0)
        assert agreement(theirs, ours, 0.05, 96, 160) == 1.0
        engine.close()
    # A build that was stopped between its parts: no verdict, and one engine is not there.
    for file in (*bench.cache.rglob("tensorrt.json"), *bench.cache.rglob("masks.int8.*")):
        file.unlink()
    engine = open_engine(exported, threads=1, choice="tensorrt")
    assert isinstance(engine, InstanceEngine)
    assert {part.variant for part in engine.parts.values()} == {"fp16"}  # type: ignore[attr-defined]
    engine.close()


@pytest.fixture
def run_build(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*words: object) -> str:
        assert main(["build", *map(str, words)]) == 0
        return capfd.readouterr().out

    return call
