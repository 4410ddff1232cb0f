"""LabelInfo and Detection2DArray: names, thresholds, boxes in the pixels of camera_info."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.edge.bundle.spec import BundleSpec, InstanceSteps
from rigsight.edge.instances import Instance
from rigsight.edge.messages import deserialise, detections, label_info, serialise
from rigsight.edge.messages.types.builtin_interfaces import Time
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.messages.types.vision_msgs import Detection2DArray
from tests.edge.messages.made import CLASSES

HEADER = Header(Time(5, 6), "rgb_optical_frame")


def bundle(**values: object) -> BundleSpec:
    return BundleSpec.model_construct(**{"classes": CLASSES, "threshold": None, "instances": None} | values)  # type: ignore[arg-type]


def instance(score: float, label: int = 1, sure: bool = True) -> Instance:
    return Instance(np.array([2, 3, 6, 10], np.float32), label, score, np.ones((4, 4), np.float32), sure)


def test_ids_are_places_in_the_bundle_and_255_is_no_class() -> None:
    info = label_info(bundle(), HEADER)
    assert [(entry.class_id, entry.class_name) for entry in info.class_map] == [
        (0, "background"),
        (1, "crack"),
    ]
    assert info.threshold == 0.0
    assert info.header == HEADER


def test_the_threshold_is_a_probability() -> None:
    assert label_info(bundle(threshold=102), HEADER).threshold == pytest.approx(0.4)
    steps = InstanceSteps(levels=(1,), proposal_nms=0.7, score=0.1, nms=0.5, detections=9, sure=0.625)
    assert label_info(bundle(instances=steps), HEADER).threshold == 0.625


def test_boxes_have_pixel_centres_at_integers() -> None:
    made = detections([instance(0.75)], CLASSES, HEADER)
    found = deserialise(serialise(made), Detection2DArray).detections[0]
    # The box covers pixels 2 to 5 and 3 to 9: their middle, and how many.
    assert (found.bbox.center.position.x, found.bbox.center.position.y) == (3.5, 6.0)
    assert (found.bbox.size_x, found.bbox.size_y) == (4.0, 7.0)
    assert found.bbox.center.theta == 0.0
    assert (found.results[0].hypothesis.class_id, found.results[0].hypothesis.score) == ("crack", 0.75)
    assert found.results[0].pose.pose.orientation.w == 1.0
    assert found.header == HEADER
    assert found.id == ""


def test_only_sure_ones_unless_asked() -> None:
    some = [instance(0.9), instance(0.3, sure=False)]
    assert len(detections(some, CLASSES, HEADER).detections) == 1
    everything = detections(some, CLASSES, HEADER, unsure=True).detections
    assert [each.results[0].hypothesis.score for each in everything] == [0.9, 0.3]
    assert detections([], CLASSES, HEADER).detections == ()


def test_a_label_without_a_name_is_its_number() -> None:
    found = detections([instance(0.9, label=7), instance(0.9, label=-1)], CLASSES, HEADER).detections
    assert [each.results[0].hypothesis.class_id for each in found] == ["7", "-1"]
