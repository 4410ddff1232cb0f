"""A message holds exactly what the wire will; anything else is one line that names the field."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.messages import Message, time_of, type_named
from rigsight.edge.messages.types.builtin_interfaces import Time
from rigsight.edge.messages.types.diagnostic_msgs import DiagnosticArray, DiagnosticStatus
from rigsight.edge.messages.types.sensor_msgs import CameraInfo, Image, Range, RegionOfInterest
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.messages.types.vision_msgs import BoundingBox2D, ObjectHypothesis, VisionClass

NOT_HELD: list[tuple[type[Message], dict[str, Any], str]] = [
    (VisionClass, {"class_id": 70000}, "class_id: 70000 is outside uint16"),
    (VisionClass, {"class_id": -1}, "outside uint16"),
    (VisionClass, {"class_id": 1.0}, "class_id"),
    (VisionClass, {"class_name": b"crack"}, "text is needed"),
    (VisionClass, {"class_name": "a\0b"}, "NUL"),
    (VisionClass, {"class_name": "\ud800"}, "class_name"),
    (Time, {"sec": 2**31}, "sec: 2147483648 is outside int32"),
    (Range, {"range": 1e39}, "outside float32"),
    (BoundingBox2D, {"size_x": "30"}, "a number is needed"),
    (BoundingBox2D, {"size_x": None}, "size_x"),
    (BoundingBox2D, {"center": Time()}, "a vision_msgs/msg/Pose2D is needed"),
    (RegionOfInterest, {"do_rectify": 1}, "True or False"),
    (CameraInfo, {"k": (1.0,) * 8}, "9 values are needed, not 8"),
    (CameraInfo, {"d": "0123"}, "a sequence is needed"),
    (DiagnosticArray, {"status": (Header(),)}, "DiagnosticStatus is needed"),
    (DiagnosticStatus, {"level": 256}, "outside byte"),
    (Image, {"data": np.zeros(4, np.uint16)}, "contiguous bytes"),
    (Image, {"data": np.zeros(4, np.uint8)[::2]}, "contiguous bytes"),
    (Image, {"data": [1, 2]}, "data"),
]


@pytest.mark.parametrize(("cls", "values", "what"), NOT_HELD)
def test_what_a_field_cannot_hold_is_refused(cls: type[Message], values: dict[str, Any], what: str) -> None:
    with pytest.raises(RigsightError, match=what) as caught:
        cls(**values)
    assert caught.value.code == "MSG-002"
    assert caught.value.where == cls.type_name()


def test_numbers_of_numpy_become_pythons() -> None:
    made = BoundingBox2D(size_x=np.float32(1.5), size_y=30)
    assert (type(made.size_x), made.size_x) == (float, 1.5)
    assert (type(made.size_y), made.size_y) == (float, 30.0)
    entry = VisionClass(np.int64(7), np.str_("crack"))
    assert (type(entry.class_id), type(entry.class_name)) == (int, str)
    info = CameraInfo(k=np.eye(3), d=np.zeros(5, np.float32))  # type: ignore[arg-type]
    assert info.k == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    assert {type(value) for value in (*info.k, *info.d)} == {float}
    assert type(ObjectHypothesis(score=np.float64(0.5)).score) is float


def test_a_float32_is_what_the_wire_makes_of_it() -> None:
    assert Range(range=0.1).range == float(np.float32(0.1))
    assert math.isnan(Range(range=math.nan).range)


def test_bytes_are_seen_not_copied() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    image = Image(data=pixels)  # type: ignore[arg-type]
    pixels[0, 0] = 99
    assert bytes(image.data) == bytes([99, 1, 2, 3, 4, 5])
    assert isinstance(image.data, memoryview)
    assert image.data.readonly


def test_a_stamp_after_2038_is_refused() -> None:
    with pytest.raises(RigsightError, match="MSG-002: sec: 2147483648"):
        time_of(2**31 * 10**9)


def test_an_unknown_type_is_one_line() -> None:
    with pytest.raises(RigsightError, match="MSG-005: no such message type .nav_msgs/msg/Odometry."):
        type_named("nav_msgs/msg/Odometry")
