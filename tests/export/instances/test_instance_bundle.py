"""From a checkpoint of Mask R-CNN to a bundle that runs, is verified and judged as the checkpoint is."""

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

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.golden import GOLDEN_FILE, Golden, check_golden
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.detection.compare import compare_instances
from rigsight.edge.engines.instances import InstanceEngine
from rigsight.edge.engines.select import describe, open_engine, whole
from rigsight.edge.instances import read_instances
from rigsight.edge.pipeline.build import open_pipeline
from rigsight.export.bundle import ExportOptions, export_checkpoint
from rigsight.export.deploy import planes
from rigsight.export.writer import listed, write_bundle
from rigsight.training.checkpoint import load_checkpoint, save_checkpoint
from rigsight.training.data.coco import encode

pytestmark = pytest.mark.slow  # the export takes half a minute
RTX = importlib.util.find_spec("tensorrt_rtx") is not None

DATASET = """
version: 1
name: blobs
modalities: {thermal: "{stem}.png"}
thermal_input: counts16
labels: {kind: coco, pattern: instances.json}
classes:
  - {name: background, color: [0, 0, 0]}
  - {name: person, color: [255, 0, 0]}
  - {name: car, color: [0, 0, 255]}
splits:
  val: {stems: [a, b, c]}
licence: CC0
source: a test
"""


def counts(seed: int, size: tuple[int, int] = (320, 192)) -> np.ndarray:
    """Soft blobs as a thermal camera counts them, uint16 [H,W]."""
    small = np.random.default_rng(seed).integers(21000, 24000, (size[1] // 24, size[0] // 24))
    return cv2.resize(small.astype(np.float32), size, interpolation=cv2.INTER_CUBIC).astype(np.uint16)


def test_three_graphs_and_the_steps_between_them(things: Bundle) -> None:
    spec = things.spec
    assert [part.name for part in spec.parts] == ["main", "boxes", "masks"]
    assert spec.host_steps == ("select_proposals", "select_detections", "paste_masks")
    assert (spec.task, spec.metric, spec.accuracy) == ("instance", "mask AP", {"street": {"both": 0.31}})
    assert spec.instances is not None
    assert spec.instances.levels == (1000, 720, 180, 45, 18)
    graph = onnx.load_from_string(things.read("graphs/main.fp32.onnx")).graph
    assert next(node for node in graph.node if "thermal" in node.input).op_type == "Cast"
    for part in spec.parts:
        operators = {n.op_type for n in onnx.load_from_string(things.read(part.variants["fp32"])).graph.node}
        assert not operators & {"NonMaxSuppression", "RoiAlign", "NonZero", "ScatterND"}


def test_it_finds_what_the_checkpoint_finds(things: Bundle, checkpoint: Path) -> None:
    network, _ = load_checkpoint(checkpoint)
    with open_pipeline(things.path) as pipeline:
        for seed in range(3):
            prediction = pipeline(None, counts(seed))
            assert prediction.instances is not None
            with torch.inference_mode():
                seen = planes(torch.from_numpy(prediction.aligned.thermal.copy())[None, :, :, None])
                outputs = {name: each[0].numpy() for name, each in network(seen).items()}
            wanted = read_instances(outputs, 0.5)
            compared = compare_instances(wanted, prediction.instances, 96, 160)
            assert (len(compared.pairs), compared.alone) == (25, ())
            assert max(pair.box_px for pair in compared.pairs) < 0.01
            assert min(pair.mask_iou for pair in compared.pairs) >= 0.99
            sure = [each for each in prediction.instances if each.sure]
            assert set(np.unique(prediction.mask)) == {0, *(each.label for each in sure)}
        empty = pipeline(None, None)
        assert (empty.instances, set(np.unique(empty.mask))) == ((), {255})


def test_its_golden_pictures_pass_and_altered_ones_do_not(things: Bundle, tmp_path: Path) -> None:
    results = check_golden(things, open_engine(things, threads=1))
    assert [result.instance_agreement for result in results] == [1.0] * 3
    files = {name: things.read(name) for name in things.spec.files}
    golden = Golden.from_bytes(files[GOLDEN_FILE])
    assert all(len(found) == 25 for found in golden.instances)
    files[GOLDEN_FILE] = replace(golden, instances=tuple(found[2:] for found in golden.instances)).to_bytes()
    write_bundle(tmp_path / "b", things.spec.model_copy(update={"files": listed(files)}), files)
    other = open_bundle(tmp_path / "b")
    with pytest.raises(RigsightError, match="BND-007.*92% of the detections are the same"):
        check_golden(other, open_engine(other, threads=1))


def test_the_commands_know_it(things: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle", "verify", str(things.path), "--golden"]) == 0
    assert "golden street 12: 100.000% of the mask agree, 100.0% of the detections" in capsys.readouterr().out
    assert main(["bundle", "inspect", str(things.path)]) == 0
    out = capsys.readouterr().out
    assert "host steps: select_proposals, select_detections, paste_masks; at most 25 detections" in out
    assert "masks  regions" in " ".join(out.split(" ")).replace("   ", "  ") or "regions" in out
    assert main(["bundle", "inspect", str(things.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["instances"]["proposal_nms"] == 0.7


def test_a_run_lists_and_shows_instances(things: Bundle, tmp_path: Path) -> None:
    for i in range(2):
        cv2.imwrite(str(tmp_path / f"{i}.png"), counts(i))
    words = ["--bundle", str(things.path), "--thermal", f"images:{tmp_path}", "--json"]
    for sink in (
        "jsonl:{}/run.jsonl",
        "overlay:{}/over",
        "masks:{}/masks",
        "confidence:{}/sure",
        "video:{}/v.avi",
    ):
        words += ["--sink", sink.format(tmp_path / "out")]
    assert main(["run", *words]) == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "run.jsonl").read_text().splitlines()]
    assert [len(line["instances"]) for line in lines] == [25, 25]
    first = lines[0]["instances"][0]
    assert first["class"] in ("person", "car")
    assert first["score"] == max(each["score"] for each in lines[0]["instances"])
    assert 0 <= first["box"][0] < first["box"][2] <= 160
    assert sorted(path.name for path in (tmp_path / "out" / "over").iterdir()) == ["0.jpg", "1.jpg"]


def test_it_is_judged_as_the_checkpoint_is(
    things: Bundle, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The truth is made of every second thing that is found, so that the figures lie between 0 and 1."""
    images, annotations = [], []
    with open_pipeline(things.path) as pipeline:
        for number, stem in enumerate("abc"):
            cv2.imwrite(str(tmp_path / f"{stem}.png"), counts(number))
            images.append({"id": number, "file_name": f"{stem}.png", "width": 320, "height": 192})
            pipeline.chain.preprocessor.agc.reset()
            for each in (pipeline(None, counts(number)).instances or ())[::2]:
                mask = replace(each, box=each.box * 2).mask(192, 320)
                if mask.any():
                    annotations.append(
                        {
                            "id": len(annotations),
                            "image_id": number,
                            "category_id": each.label,
                            "segmentation": encode(mask),
                        }
                    )
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "instances.json").write_text(json.dumps(coco))
    (tmp_path / "dataset.yaml").write_text(DATASET)
    figures = []
    for model in (things.path, checkpoint):
        words = ["evaluate", str(model), "--data", str(tmp_path), "--out", str(tmp_path / "eval"), "--json"]
        assert main(words) == 0
        figures.append(json.loads(capsys.readouterr().out)["scores"]["both"])
        assert (tmp_path / "eval" / "worst.png").is_file()
    assert 0.2 < figures[0]["ap"] < 0.99
    assert figures[0] == pytest.approx(figures[1], abs=1e-3)


def test_what_cannot_be_exported_is_one_line(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "b"
    for options, words in (
        (ExportOptions(tile=64), "EXP-008: .*instances are not found in tiles"),
        (ExportOptions(data="nowhere"), "DAT-001"),
        (ExportOptions(golden="nowhere"), "SRC-002"),
        (ExportOptions(name="No Name"), "EXP-006"),
    ):
        with pytest.raises(RigsightError, match=words):
            export_checkpoint(checkpoint, out, options)
    assert list(tmp_path.iterdir()) == []


def test_parts_of_other_engines_join_the_rest(things: Bundle) -> None:
    """As 'rigsight build' judges one new engine: ONNX Runtime runs the other parts."""
    engine = open_engine(things, threads=1)
    assert isinstance(engine, InstanceEngine)
    assert describe(engine)["engine"].startswith("ONNX Runtime")
    feeds = {"thermal": np.random.default_rng(0).integers(0, 256, (1, 96, 160, 1), np.uint8)}
    wanted = engine.infer(feeds)
    for part in ("main", "masks"):
        mixed = whole(engine.parts[part], things, part)
        assert isinstance(mixed, InstanceEngine)
        assert mixed.parts[part] is engine.parts[part]
        for name, values in mixed.infer(feeds).items():
            np.testing.assert_allclose(values, wanted[name], rtol=1e-4, atol=1e-4)
    engine.close()


def test_golden_pictures_may_be_the_users_own(
    stirred: Callable[..., Any], meta_of: Callable[..., Any], tmp_path: Path
) -> None:
    """A network of RGB, resized inside the graph, whose bundle carries its weights."""
    options = {
        "classes": 2,
        "width": 8,
        "box_width": 16,
        "modality": "rgb",
        "short_side": 70,
        "detections": 9,
    }
    save_checkpoint(
        tmp_path / "m.safetensors", stirred(**options), meta_of(options=options, width=96, height=64)
    )
    photo = np.random.default_rng(1).integers(0, 256, (16, 24, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), cv2.resize(photo, (240, 160), interpolation=cv2.INTER_CUBIC))
    words = ["--golden", str(tmp_path / "photo.png"), "--with-checkpoint", "--out", str(tmp_path / "b.zip")]
    assert main(["export", str(tmp_path / "m.safetensors"), *words]) == 0
    bundle = open_bundle(tmp_path / "b.zip")
    assert list(bundle.part().inputs) == ["rgb"]
    assert bundle.spec.instances is not None
    assert bundle.spec.instances.scale == pytest.approx(70 / 64)
    assert check_golden(bundle, open_engine(bundle, threads=1))[0].passed
    assert load_checkpoint(tmp_path / "b.zip")[1].task == "instance"


@pytest.mark.skipif(not RTX, reason="tensorrt-rtx is not installed (it has no wheel for Python 3.10)")
def test_every_part_is_parsed_and_built_by_a_tensorrt(things: Bundle) -> None:
    from rigsight.edge.tensorrt.proof import prove_bundle

    assert [proof.graph.rpartition("/")[2] for proof in prove_bundle(things)] == [
        "main.fp32.onnx", "boxes.fp32.onnx", "masks.fp32.onnx",
    ]  # fmt: skip
