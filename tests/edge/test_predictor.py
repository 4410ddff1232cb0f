"""Predictions of the tiny bundle: masks, missing modalities, min_accuracy, golden."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.golden import Golden, check_golden
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.engines.select import open_engine
from rigsight.edge.frames import Aligned, Frame, FrameSet, PixelFormat
from rigsight.edge.predictor import Predictor

TINY = Path(__file__).parent / "data" / "tiny_bundle"
HOT, BRIGHT = (slice(30, 40), slice(20, 40)), (slice(2, 12), slice(60, 76))


def aligned(rgb: bool = True, thermal: bool = True) -> Aligned:
    visible, infrared = np.full((60, 80, 3), 30, np.uint8), np.full((60, 80), 40, np.uint8)
    visible[BRIGHT], infrared[HOT] = 250, 240
    frames = {}
    if rgb:
        frames["rgb"] = Frame("rgb", visible, 0, 0, PixelFormat.RGB8)
    if thermal:
        frames["thermal"] = Frame("thermal", infrared, 0, 0, PixelFormat.MONO8)
    valid = np.full((60, 80), 255, np.uint8)
    valid[:, :10] = 0
    return Aligned(
        source=FrameSet(0, 0, frames),
        rgb=visible if rgb else np.zeros_like(visible),
        thermal=infrared if thermal else np.zeros_like(infrared),
        valid=valid,
        K=np.eye(3),
        T_native_grid=np.eye(3),
        agc_bounds=None,
    )


def predictor(path: Path = TINY, **options: object) -> Predictor:
    bundle = open_bundle(path)
    return Predictor(bundle, open_engine(bundle, threads=1), **options)  # type: ignore[arg-type]


def edited(tmp_path: Path, **change: object) -> Path:
    folder = Path(shutil.copytree(TINY, tmp_path / "b"))
    data = yaml.safe_load((folder / "bundle.yaml").read_text())
    data.update(change)
    (folder / "bundle.yaml").write_text(yaml.safe_dump(data))
    return folder


def test_hot_and_bright_become_classes_and_outside_is_unlabelled() -> None:
    prediction = predictor(confidence=True)(aligned())
    inner_hot = (slice(31, 39), slice(21, 39))
    assert (prediction.mask[inner_hot] == 1).all()
    assert (prediction.mask[BRIGHT] == 2).all()
    assert (prediction.mask[:, :10] == 255).all()
    assert (prediction.mask[50:, 12:] == 0).all()
    assert prediction.confidence is not None
    assert not prediction.confidence[:, :10].any()
    assert prediction.confidence[50:, 12:].min() > 200
    assert prediction.degraded is None
    assert prediction.fused is not None
    assert set(prediction.stage_ns) == {"host", "engine", "mask"}
    assert all(ns > 0 for ns in prediction.stage_ns.values())
    assert prediction.bundle_id == open_bundle(TINY).id


def test_a_prediction_stays_what_it_was_when_the_next_one_is_made() -> None:
    run = predictor(confidence=True)
    first = run(aligned())
    kept = [first.mask.copy(), first.fused.copy(), first.confidence.copy()]  # type: ignore[union-attr]
    other = aligned()
    other.rgb[:], other.thermal[:] = 200, 250
    run(other)
    assert all(map(np.array_equal, kept, (first.mask, first.fused, first.confidence)))


def test_without_thermal_the_mask_is_degraded_and_says_so() -> None:
    prediction = predictor()(aligned(thermal=False))
    assert prediction.degraded == "thermal missing, mIoU 0.60"
    assert (prediction.mask[BRIGHT] == 2).all()


def test_below_min_accuracy_there_is_no_mask() -> None:
    prediction = predictor(confidence=True)(aligned(rgb=False))
    assert prediction.degraded == "rgb missing, mIoU 0.30 is below 0.50: no mask"
    assert (prediction.mask == 255).all()
    assert prediction.confidence is not None
    assert not prediction.confidence.any()
    assert prediction.fused is not None


def test_an_unknown_accuracy_is_trusted_only_where_nothing_is_demanded(tmp_path: Path) -> None:
    silent = edited(tmp_path, accuracy={"street": {"both": 0.9}})
    assert (predictor(silent)(aligned(thermal=False)).mask == 255).all()
    shutil.rmtree(silent)
    lax = edited(tmp_path, accuracy={}, min_accuracy=0.0)
    prediction = predictor(lax)(aligned(thermal=False))
    assert prediction.degraded == "thermal missing, accuracy unknown"
    assert (prediction.mask[BRIGHT] == 2).all()


def test_both_missing_gives_no_mask() -> None:
    prediction = predictor()(aligned(rgb=False, thermal=False))
    assert prediction.degraded == "rgb and thermal missing: no mask"
    assert (prediction.mask == 255).all()


def test_the_scene_chooses_the_row_of_the_accuracy_table(tmp_path: Path) -> None:
    table = {"pipe": {"thermal_only": 0.2}, "street": {"thermal_only": 0.7}}
    folder = edited(tmp_path, accuracy=table)
    assert predictor(folder).accuracy("thermal_only") == 0.2
    assert predictor(folder, scene="street").accuracy("thermal_only") == 0.7
    with pytest.raises(RigsightError, match="BND-006.*'facade'.*pipe, street"):
        predictor(folder, scene="facade")


def test_an_unknown_host_function_is_one_line(tmp_path: Path) -> None:
    parts = yaml.safe_load((TINY / "bundle.yaml").read_text())["parts"]
    parts[0]["inputs"]["saliency"]["host"] = "os_system"
    with pytest.raises(RigsightError, match="BND-004.*'os_system'.*vsm_tables"):
        predictor(edited(tmp_path, parts=parts))


def test_golden_passes_on_this_machine() -> None:
    bundle = open_bundle(TINY)
    (result,) = check_golden(bundle, open_engine(bundle, threads=1))
    assert result.passed
    assert result.scene == "street"
    assert result.mask_agreement > 0.999


def test_golden_fails_when_the_engine_computes_something_else() -> None:
    bundle = open_bundle(TINY)
    engine = open_engine(bundle, threads=1)

    class Swapped:
        """An engine whose network takes hot for bright."""

        inputs, outputs, close = engine.inputs, engine.outputs, engine.close

        def infer(self, feeds: dict) -> dict:
            done = dict(engine.infer(feeds))
            done["logits"] = np.ascontiguousarray(done["logits"][:, [0, 2, 1]])
            return done

    with pytest.raises(RigsightError, match="BND-007.*'street'"):
        check_golden(bundle, Swapped())


def test_a_golden_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    for data in (b"", b"PK\x03\x04 no zip", (TINY / "golden.npz").read_bytes()[:500]):
        with pytest.raises(RigsightError, match="BND-001.*golden.npz"):
            Golden.from_bytes(data)
    bundle: Bundle = open_bundle(edited(tmp_path))
    object.__setattr__(bundle.spec, "files", {})
    with pytest.raises(RigsightError, match="BND-001.*no golden.npz"):
        check_golden(bundle, open_engine(open_bundle(TINY)))
