"""Networks that make masks of pictures alone become bundles: binary in tiles, semantic as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from torch import nn

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.golden import GOLDEN_FILE, Golden, check_golden
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.edge.engines.select import open_engine
from rigsight.export.bundle import ExportOptions, export_checkpoint, level_of
from rigsight.export.cases import photo_cases, simulated_cases
from rigsight.export.deploy import GRAPH_PATH, coarsest_grid, deployable
from rigsight.export.graph import to_onnx
from rigsight.export.parity import Parity, check_parity
from rigsight.export.tiles import with_tiles
from rigsight.export.whole import whole_probability
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance, load_checkpoint, save_checkpoint
from rigsight.training.models import build

CLASSES = (ClassEntry(name="background", color=(0, 0, 0)), ClassEntry(name="crack", color=(255, 112, 40)))
EDGE = {"widths": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "prior": 0.5}


def stirred(model: nn.Module) -> nn.Module:
    """Norms that have seen something: fresh ones would hide a wrong order of operations."""
    torch.manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.2)
    return model.eval()


def meta_of(name: str, side: int = 64, **change: Any) -> CheckpointMeta:
    binary = {"task": "binary", "metric": "ODS-F1", "threshold": 0.4}
    return CheckpointMeta(
        model=name,
        classes=CLASSES,
        width=side,
        height=side,
        training=TrainingProvenance(
            command="rigsight train crack.yaml",
            tool_version="0.1.0",
            data="photos, CC0",
            config={"data": {"kind": "dataset", "crop": True}},
        ),
        **{**binary, **change},
    )


@dataclass(frozen=True)
class Exported:
    """A checkpoint of random weights, a photo, and the bundle that the command line made of them."""

    checkpoint: Path
    photo: np.ndarray
    bundle: Bundle


@pytest.fixture(scope="module")
def crack(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("crack")
    torch.set_num_threads(1)
    model = stirred(build("scnet_edge", **EDGE))
    small = np.random.default_rng(2).integers(0, 256, (20, 26, 3), np.uint8)
    photo = cv2.resize(small, (205, 150), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(folder / "photo.png"), photo[..., ::-1])
    # Wide logits, and the threshold where half of the photo lies above it: a mask that can go wrong.
    with torch.no_grad():
        sides: Any = model.sides
        for parameter in sides.parameters():
            parameter.mul_(4)
        logits: Any = model(torch.from_numpy(photo).permute(2, 0, 1)[None] / 255)["logits"]
    options: dict[str, Any] = {"options": EDGE, "scores": {"uav": {"both": 0.7}}}
    meta = meta_of("scnet_edge", threshold=float(logits.sigmoid().median()), **options)
    save_checkpoint(folder / "m.safetensors", model, meta)
    words = ("--out", folder / "bundle", "--tile", 128, "--overlap", 96, "--golden", folder / "photo.png")
    assert main(["export", str(folder / "m.safetensors"), *map(str, words)]) == 0
    return Exported(folder / "m.safetensors", photo, open_bundle(folder / "bundle"))


def test_the_bundle_is_binary_and_takes_photos_in_tiles(crack: Exported) -> None:
    spec = crack.bundle.spec
    assert (spec.task, spec.metric) == ("binary", "ODS-F1")
    assert spec.threshold == level_of(load_checkpoint(crack.checkpoint)[1])
    assert spec.accuracy == {"uav": {"both": 0.7}}
    geometry = spec.preprocessing.geometry
    assert (geometry.kind, geometry.overlap_px, geometry.blend_px, geometry.align_px) == ("tile", 96, 16, 32)
    assert list(crack.bundle.part().inputs) == ["rgb"]
    assert crack.bundle.part().outputs["probability"].shape == (1, 128, 128)
    assert spec.licences.data == "photos, CC0"
    assert "--tile 128 --overlap 96" in spec.provenance.commands[1]


def test_the_casts_are_first_and_last(crack: Exported) -> None:
    graph = onnx.load_from_string(crack.bundle.read(GRAPH_PATH)).graph
    assert next(node for node in graph.node if "rgb" in node.input).op_type == "Cast"
    assert next(node for node in graph.node if "probability" in node.output).op_type == "Cast"


def test_its_golden_photo_passes(crack: Exported) -> None:
    (result,) = check_golden(crack.bundle, open_engine(crack.bundle, threads=1))
    assert result.passed
    golden = Golden.from_bytes(crack.bundle.read(GOLDEN_FILE))
    assert golden.scenes == ("photo",)
    assert golden.rgb[0] is not None
    assert (golden.rgb[0] == crack.photo).all()
    assert 0.02 < (golden.masks[0] == 1).mean() < 0.98, "a mask of one class proves little"


def test_tiles_give_what_the_network_gives_of_the_whole_photo(crack: Exported) -> None:
    """Against the checkpoint in PyTorch; the overlap is below this network's receptive field."""
    found = open_engine(crack.bundle, threads=1).infer({"rgb": crack.photo[None]})["probability"][0]
    expected = whole_probability(crack.checkpoint)(crack.photo)
    threshold = crack.bundle.spec.threshold
    assert ((found >= threshold) != (expected >= threshold)).mean() <= 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "task", "inputs"),
    [
        ("scnet_4level", {"width": 0.05, "edge": "none"}, "binary", ("rgb",)),
        ("mfnet", {}, "semantic", ("rgb", "thermal")),
        ("ssa_ecnet", {}, "semantic", ("rgb", "thermal")),
        ("nadinet_edge", {}, "binary", ("rgb",)),
    ],
)
def test_every_mask_network_exports(
    name: str, options: dict[str, Any], task: str, inputs: tuple[str, ...]
) -> None:
    torch.set_num_threads(1)
    side = 64
    meta = meta_of(name, side, task=task, threshold=0.5 if task == "binary" else None)
    module, part = deployable(stirred(build(name, **options)), meta)
    assert tuple(part.inputs) == inputs
    engine = OnnxRuntimeEngine(to_onnx(module, part).data, threads=1)
    chance = np.random.default_rng(3)
    feeds = {key: chance.integers(0, 256, tensor.shape, np.uint8) for key, tensor in part.inputs.items()}
    (result,) = check_parity(module, engine, {"noise": feeds}, level_of(meta))
    assert result.passed


def test_networks_that_cannot_run_on_a_camera_are_refused() -> None:
    with pytest.raises(RigsightError, match="EXP-004.*'edges'.*edge=none"):
        deployable(build("scnet_4level", width=0.05), meta_of("scnet_4level"))
    strange: Any = nn.Identity()
    with pytest.raises(RigsightError, match="EXP-004.*'strange'"):
        deployable(strange, meta_of("strange"))


def test_the_threshold_is_a_level_of_255() -> None:
    assert level_of(meta_of("m", threshold=0.4)) == 102
    assert level_of(meta_of("m", threshold=0.0)) == 1, "level 0 would call everything foreground"
    assert level_of(meta_of("m", threshold=None)) == 128
    assert level_of(meta_of("m", task="semantic", threshold=None)) is None


def test_which_tiles() -> None:
    crops = meta_of("m")
    side, preprocessing = with_tiles(crops, None, None, 32)
    assert (side, preprocessing.geometry.overlap_px) == (512, 128)
    assert with_tiles(crops, 0, None, 32) == (None, crops.preprocessing)
    whole = crops.model_copy(update={"training": TrainingProvenance(command="", tool_version="0")})
    assert with_tiles(whole, None, None, 32)[0] is None
    assert with_tiles(whole, 256, 0, 32)[1].geometry.blend_px == 0
    for side, overlap in ((100, None), (64, 33), (None, 32)):
        with pytest.raises(RigsightError, match="EXP-008"):
            with_tiles(whole, side, overlap, 32)


def test_the_grid_follows_the_levels() -> None:
    assert coarsest_grid(build("scnet_edge", **EDGE)) == 32
    assert coarsest_grid(nn.Identity()) == 32


def test_cases_of_one_camera(tmp_path: Path) -> None:
    made = simulated_cases(meta_of("m").preprocessing, ["street"], ("thermal",))
    assert made.scenes == ("facade",)
    assert (made.rgb, made.rigs) == ((None,), (None,))
    assert made.thermal[0] is not None
    for i in range(6):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((8, 9), 40 * i, np.uint8))
    photos = photo_cases(tmp_path, ("rgb",))
    assert photos.scenes == ("0", "1", "2", "3")
    assert photos.rgb[1] is not None
    assert photos.rgb[1].shape == (8, 9, 3)
    with pytest.raises(RigsightError, match="EXP-007"):
        photo_cases(tmp_path, ("rgb", "thermal"))


def test_a_probability_that_is_off_by_two_levels_is_no_parity() -> None:
    class Off(nn.Module):
        def forward(self, rgb: torch.Tensor) -> tuple[torch.Tensor]:
            return (rgb[..., 0],)

    class Engine:
        inputs, outputs = {"rgb": None}, {"probability": None}

        def __init__(self, change: Callable[[np.ndarray], np.ndarray]) -> None:
            self.change = change

        def infer(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {"probability": self.change(feeds["rgb"][..., 0].copy())}

    feeds = {"ramp": {"rgb": np.full((1, 4, 4, 3), 100, np.uint8)}}
    engine: Any = Engine(lambda p: p + 1)
    (result,) = check_parity(Off(), engine, feeds, 128)
    assert result == Parity("ramp", 1.0, probability_levels=1)
    for change, threshold in ((lambda p: p + 2, 128), (lambda p: p + 1, 101)):
        broken: Any = Engine(change)
        with pytest.raises(RigsightError, match="EXP-001.*'ramp'.*Nothing was written"):
            check_parity(Off(), broken, feeds, threshold)


def test_bad_tiles_are_one_line_before_any_work(
    crack: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RigsightError, match="EXP-008"):
        export_checkpoint(crack.checkpoint, tmp_path / "b", ExportOptions(tile=100))
    assert main(["export", str(crack.checkpoint), "--out", str(tmp_path / "b"), "--golden", "nowhere"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("SRC-002")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_may_carry_weights_to_fine_tune_from(crack: Exported, tmp_path: Path) -> None:
    options = ExportOptions(tile=128, overlap=96, with_checkpoint=True)
    export_checkpoint(crack.checkpoint, tmp_path / "with.zip", options)
    found, meta = load_checkpoint(tmp_path / "with.zip")
    kept, _ = load_checkpoint(crack.checkpoint)
    assert meta.model == "scnet_edge"
    for name, value in kept.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=1e-3, atol=1e-4)
    assert "--with-checkpoint" in open_bundle(tmp_path / "with.zip").spec.provenance.commands[1]
    with pytest.raises(RigsightError, match="TRN-201.*carries no weights.*--with-checkpoint"):
        load_checkpoint(crack.bundle.path)
