"""The head that makes classes inside the graph says what the host makes of the logits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from rigsight.cli.main import main
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.edge.engines.select import open_engine
from rigsight.edge.frames import Aligned, Frame, FrameSet, PixelFormat
from rigsight.edge.postprocess import class_confidence, class_mask
from rigsight.edge.predictor import Predictor
from rigsight.edge.verdict.device import judge_cpu
from rigsight.export.class_map import with_class_map
from rigsight.export.lint import lint


def feeds_of(bundle: Bundle, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(0, 256, tensor.shape, np.uint8)
        if tensor.dtype == "uint8"
        else rng.random(tensor.shape, dtype=np.float32)
        for name, tensor in bundle.part().inputs.items()
    }


def test_mask_and_confidence_are_those_of_the_logits(nano_bundle: Path) -> None:
    bundle = open_bundle(nano_bundle)
    graph = bundle.read(bundle.part().variants["fp32"])
    mapped = with_class_map(graph)
    lint(onnx.load_from_string(mapped))
    whole, small = OnnxRuntimeEngine(graph, 1), OnnxRuntimeEngine(mapped, 1)
    assert set(small.outputs) == {"mask", "confidence", "fused"}
    for seed in range(2):
        feeds = feeds_of(bundle, seed)
        expected, found = whole.infer(feeds), small.infer(feeds)
        mask = class_mask(expected["logits"])
        assert np.array_equal(found["mask"][0], mask)
        assert len(np.unique(mask)) > 1, "one class everywhere would prove nothing"
        confidence = class_confidence(expected["logits"], mask).astype(int)
        assert np.abs(found["confidence"][0] - confidence).max() <= 1
        assert np.array_equal(found["fused"], expected["fused"])


@pytest.fixture(scope="module")
def semantic(make_checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A semantic network with all variants and labelled pictures of the simulator."""
    out = tmp_path_factory.mktemp("semantic") / "b"
    words = ["--data", "sim", "--variants", "int8,int8-cpu", "--budget", "100", "--calibrator", "minmax"]
    words += ["--calibration-pictures", "4", "--judged-pictures", "4", "--eval-pictures", "2"]
    checkpoint = make_checkpoint("mfnet", 96, 96, classes=9)
    assert main(["export", str(checkpoint), "--out", str(out), *words]) == 0
    return out


def test_only_variants_for_tensorrt_have_the_head(semantic: Path) -> None:
    bundle = open_bundle(semantic)
    part = bundle.part()
    assert list(part.outputs_of("fp32")) == ["logits"]
    assert list(part.outputs_of("int8-cpu")) == ["logits"]
    assert list(part.outputs_of("int8")) == ["mask", "confidence"]
    assert part.outputs_of("int8")["mask"].shape == (1, 96, 96)


def test_the_pipeline_sees_no_difference(semantic: Path) -> None:
    bundle = open_bundle(semantic)
    rng = np.random.default_rng(3)
    rgb = rng.integers(0, 256, (96, 96, 3), np.uint8)
    thermal = rng.integers(0, 256, (96, 96), np.uint8)
    frames = {
        "rgb": Frame("rgb", rgb, 0, 0, PixelFormat.RGB8),
        "thermal": Frame("thermal", thermal, 0, 0, PixelFormat.MONO8),
    }
    valid = np.full((96, 96), 255, np.uint8)
    valid[:10] = 0
    aligned = Aligned(FrameSet(0, 0, frames), rgb, thermal, valid, np.eye(3), np.eye(3), None)
    for variant in ("int8", "int8-cpu"):
        prediction = Predictor(bundle, open_engine(bundle, variant, 1), confidence=True)(aligned)
        assert (prediction.mask[:10] == 255).all()
        assert (prediction.mask[10:] < 9).all()
        assert prediction.confidence is not None
        assert (prediction.confidence[:10] == 0).all()
        assert (prediction.confidence[10:] >= 255 / 9 - 1).all(), "the best of nine is at least a ninth"


def test_the_labelled_pictures_are_judged_where_the_bundle_goes(
    semantic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIGSIGHT_CACHE", str(tmp_path))
    verdict = judge_cpu(open_bundle(semantic), threads=1).verdict
    assert verdict.pictures == 2
    assert verdict.reference is not None
    assert [row.variant for row in verdict.rows] == ["fp32", "int8-cpu"]
    assert verdict.rows[0].lost == pytest.approx(0.0, abs=1e-9)
