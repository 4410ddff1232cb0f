"""Messages reach rclpy's classes with exactly the types that rclpy checks for, and come back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from rigsight.base.errors import RigsightError
from rigsight.edge.messages import Message, from_ros, image_of, picture_of, to_ros
from rigsight.edge.messages.types.diagnostic_msgs import DiagnosticStatus
from rigsight.edge.messages.types.sensor_msgs import Image, Range
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.messages.types.vision_msgs import VisionClass
from tests.edge.messages.golden import MESSAGES, golden
from tests.edge.messages.rclpy_classes import class_of
from tests.edge.messages.strategies import any_message


@pytest.mark.parametrize("distribution", ["humble", "jazzy"])
@pytest.mark.parametrize("entry", MESSAGES, ids=lambda entry: entry["name"])
def test_golden_messages_pass_rclpys_checks_and_come_back(entry: dict[str, Any], distribution: str) -> None:
    message, _ = golden(entry["name"])
    theirs = to_ros(message, class_of(distribution))
    assert type(theirs).__name__ == entry["type"]
    assert from_ros(theirs, type(message)) == message


@settings(max_examples=200, deadline=None)
@given(message=any_message())
def test_any_message_passes_rclpys_checks_and_comes_back(message: Message) -> None:
    assert from_ros(to_ros(message, class_of("jazzy")), type(message)) == message


def test_the_checks_refuse_what_rclpy_refuses() -> None:
    cls = class_of("jazzy")("vision_msgs/msg/BoundingBox2D")
    with pytest.raises(AssertionError, match="size_x"):
        cls(size_x=30)
    with pytest.raises(AssertionError, match="size_x"):
        cls(size_x=np.float32(1.5))
    with pytest.raises(AssertionError, match="level"):
        class_of("jazzy")("diagnostic_msgs/msg/DiagnosticStatus")(level=1)


def test_humble_does_not_get_what_it_does_not_know() -> None:
    message = Range(range=2.0, variance=0.5)
    assert not hasattr(to_ros(message, class_of("humble")), "variance")
    assert to_ros(message, class_of("jazzy")).variance == 0.5
    assert from_ros(to_ros(message, class_of("humble")), Range).variance == 0.0


def test_pixels_come_as_an_array_and_go_back_as_a_view() -> None:
    picture = np.arange(12, dtype=np.uint16).reshape(3, 4)
    theirs = to_ros(image_of(picture, Header()), class_of("jazzy"))
    assert theirs.data.tobytes() == picture.tobytes()
    again = from_ros(theirs, Image)
    theirs.data[0] = 99
    assert picture_of(again)[0, 0] == 99


def test_a_level_is_a_byte() -> None:
    assert to_ros(DiagnosticStatus(level=2), class_of("jazzy")).level == b"\x02"


def test_what_rclpy_lets_pass_is_refused_here() -> None:
    with pytest.raises(RigsightError, match="MSG-002: class_id: 70000"):
        from_ros(SimpleNamespace(class_id=70000, class_name="crack"), VisionClass)
