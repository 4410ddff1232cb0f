"""Instances in a prediction: painting, comparing, and what sinks and golden.npz make of them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rigsight.edge.bundle.golden import Golden, GoldenResult
from rigsight.edge.bundle.golden_instances import ALIKE, agreement, from_arrays, to_arrays
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.detection.compare import compare_instances
from rigsight.edge.frames import Aligned, Frame, FrameSet, PixelFormat, Prediction
from rigsight.edge.instances import Instance, paste_masks, read_instances
from rigsight.edge.render import background
from rigsight.edge.sinks.base import open_sink

CLASSES = tuple(
    ClassEntry(name=name, color=color)
    for name, color in (("background", (0, 0, 0)), ("person", (255, 0, 0)), ("car", (0, 0, 255)))
)
HEIGHT, WIDTH = 40, 60


def thing(
    x: float, y: float, label: int = 1, score: float = 0.9, side: float = 10, sure: bool = True
) -> Instance:
    box = np.array([x, y, x + side, y + side], np.float32)
    return Instance(box, label, score, np.ones((28, 28), np.float32), sure)


def test_better_instances_lie_on_top_and_unsure_ones_are_not_painted() -> None:
    valid = np.full((HEIGHT, WIDTH), 255, np.uint8)
    valid[:, 50:] = 0
    found = (thing(5, 5, 2, 0.9), thing(10, 5, 1, 0.6), thing(30, 5, 1, 0.2, sure=False))
    mask, confidence = paste_masks(found, valid, confidence=True)
    assert confidence is not None
    assert mask[6, [6, 12, 16, 31, 25, 55]].tolist() == [2, 2, 1, 0, 0, 255]
    assert confidence[6, [6, 16, 31, 25, 55]].tolist() == [230, 153, 204, 255, 0]
    assert paste_masks(found, valid)[1] is None
    assert (paste_masks((), valid)[0] == np.where(valid > 0, 0, 255)).all()


def test_an_engines_outputs_are_instances() -> None:
    outputs = {
        "boxes": np.float32([[0, 0, 4, 4], [1, 1, 2, 2]]),
        "labels": np.int64([2, 1]),
        "scores": np.float32([0.7, 0.3]),
        "masks": np.ones((2, 28, 28), np.float32),
    }
    first, second = read_instances(outputs, 0.5)
    assert (first.label, first.sure, second.label, second.sure) == (2, True, 1, False)
    assert first.mask(5, 5).sum() == 16


def test_instances_are_paired_by_class_and_overlap() -> None:
    ours = (thing(5, 5), thing(25, 5, 2), thing(6, 5, score=0.3))
    theirs = (thing(25, 5, 1), thing(7, 5, score=0.35), thing(5, 5, score=0.88))
    compared = compare_instances(ours, theirs, HEIGHT, WIDTH)
    assert [(round(p.box_px), round(p.score, 2)) for p in compared.pairs] == [(0, 0.02), (1, 0.05)]
    assert compared.pairs[0].mask_iou == 1.0
    assert compared.pairs[1].mask_iou == pytest.approx(90 / 110)
    assert [(each.label, each.box[0]) for each in compared.alone] == [(2, 25), (1, 25)]
    assert compare_instances((), (), HEIGHT, WIDTH).pairs == ()


def test_agreement_counts_what_is_not_on_the_threshold() -> None:
    both = (thing(5, 5), thing(25, 5))
    assert agreement(both, both, 0.05, HEIGHT, WIDTH) == 1.0
    assert agreement((), (), 0.05, HEIGHT, WIDTH) == 1.0
    assert agreement(both, (*both, thing(25, 25, score=0.06)), 0.05, HEIGHT, WIDTH) == 1.0
    assert agreement(both, both[:1], 0.05, HEIGHT, WIDTH) == 0.5
    moved = (thing(5, 5), thing(26.5, 5))
    assert agreement(both, moved, 0.05, HEIGHT, WIDTH) == 0.5
    assert not GoldenResult("street", 1.0, instance_agreement=0.5).passed


def test_int8_may_move_things_but_not_lose_them() -> None:
    both = (thing(5, 5), thing(25, 5))
    moved = (thing(5, 5, score=both[0].score - 0.15), thing(26.5, 5))
    assert agreement(both, moved, 0.05, HEIGHT, WIDTH) == 0.0
    assert agreement(both, moved, 0.05, HEIGHT, WIDTH, ALIKE) == 1.0
    assert agreement(both, both[:1], 0.05, HEIGHT, WIDTH, ALIKE) == 0.5
    assert agreement(both, (thing(5, 5, 2), thing(25, 5)), 0.05, HEIGHT, WIDTH, ALIKE) < 0.5
    weak = (*both, thing(25, 25, score=0.2))
    assert agreement(both, weak, 0.05, HEIGHT, WIDTH, ALIKE) == 1.0


def test_golden_keeps_instances() -> None:
    picture = np.zeros((HEIGHT, WIDTH), np.uint8)
    things = ((thing(5, 5), thing(25, 5, 2, 0.25)), ())
    golden = Golden((None,) * 2, (picture,) * 2, (None,) * 2, ("a", "b"), (picture,) * 2, instances=things)
    read = Golden.from_bytes(golden.to_bytes())
    assert [len(each) for each in read.instances] == [2, 0]
    again = read.instances[0][1]
    assert (again.label, again.score, again.box.tolist()) == (2, 0.25, [25, 5, 35, 15])
    assert agreement(things[0], read.instances[0], 0.05, HEIGHT, WIDTH) == 1.0


@pytest.mark.parametrize(("name", "shape"), [("boxes", (2, 3)), ("labels", (3,)), ("masks", (2, 4))])
def test_broken_detections_are_refused(name: str, shape: tuple[int, ...]) -> None:
    arrays: dict[str, Any] = to_arrays((thing(5, 5), thing(25, 5)), 0)
    assert from_arrays(arrays, 1) is None
    arrays[f"found_{name}_0"] = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match="do not fit"):
        from_arrays(arrays, 0)


def prediction(instances: tuple[Instance, ...] | None) -> Prediction:
    grey = np.full((HEIGHT, WIDTH), 90, np.uint8)
    valid = np.full((HEIGHT, WIDTH), 255, np.uint8)
    frames = FrameSet(3, 0, {"thermal": Frame("thermal", grey, 0, 3, PixelFormat.MONO8)})
    aligned = Aligned(frames, cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), grey, valid, np.eye(3), np.eye(3), None)
    mask = paste_masks(instances or (), valid)[0]
    return Prediction(aligned, mask, instances=instances)


def test_json_lines_list_instances_where_a_bundle_looks_for_them(tmp_path: Path) -> None:
    sink = open_sink(f"jsonl:{tmp_path / 'run.jsonl'}", CLASSES)
    for instances in ((thing(5, 5, 2, 0.912345),), (), None):
        sink.write(prediction(instances))
    sink.close()
    found, nothing, other = (json.loads(line) for line in io.StringIO((tmp_path / "run.jsonl").read_text()))
    assert found["instances"] == [{"class": "car", "score": 0.9123, "box": [5, 5, 15, 15], "sure": True}]
    assert found["class_px"] == {"background": 2300, "car": 100}
    assert nothing["instances"] == []
    assert "instances" not in other


def test_a_thermal_bundle_is_shown_on_thermal_pictures_whatever_else_comes() -> None:
    made = prediction(())
    both = {**made.aligned.source.frames, "rgb": Frame("rgb", made.aligned.rgb, 0, 3, PixelFormat.RGB8)}
    frames = replace(made.aligned.source, frames=both)
    black = replace(made.aligned, source=frames, rgb=np.zeros_like(made.aligned.rgb))
    assert (background(replace(made, aligned=black)) == 90).all()
    seen = replace(made.aligned, source=frames, rgb=made.aligned.rgb + np.uint8(1))
    assert (background(replace(made, aligned=seen)) == 91).all()


def test_overlays_and_videos_show_instances(tmp_path: Path) -> None:
    for name, instances in (("with", (thing(20, 20, 2),)), ("unsure", (thing(20, 20, 2, sure=False),))):
        sink = open_sink(f"overlay:{tmp_path / name}?quality=100", CLASSES)
        sink.write(prediction(instances))
        sink.close()
    pictures = [cv2.imread(str(next((tmp_path / name).iterdir()))) for name in ("with", "unsure")]
    blue, _, red = pictures[0][25, 20].astype(int)
    assert blue > red + 60, "the box's left side has the class's colour"
    assert abs(pictures[1].astype(int) - 90).max() <= 3
    video = open_sink(f"video:{tmp_path / 'run.avi'}", CLASSES)
    video.write(prediction((thing(20, 20, 2),)))
    video.close()
    assert (tmp_path / "run.avi").stat().st_size > 1000
