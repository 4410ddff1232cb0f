"""rosbags' type stores as the judge of ours: its own definitions, CDR and hashes."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import numpy as np
import pytest

from rigsight.edge.messages import Message
from rigsight.edge.messages.fields import PRIMITIVES, fields_of

# vision_msgs 4.1 and foxglove_msgs are in no store: their fields, written down from the packages' pages.
OTHERS = {
    "vision_msgs/msg/Point2D": "float64 x\nfloat64 y\n",
    "vision_msgs/msg/Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
    "vision_msgs/msg/BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "vision_msgs/msg/ObjectHypothesis": "string class_id\nfloat64 score\n",
    "vision_msgs/msg/ObjectHypothesisWithPose": (
        "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n"
    ),
    "vision_msgs/msg/Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox2D bbox\nstring id\n"
    ),
    "vision_msgs/msg/Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
    "vision_msgs/msg/VisionClass": "uint16 class_id\nstring class_name\n",
    "vision_msgs/msg/LabelInfo": (
        "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n"
    ),
    "foxglove_msgs/msg/CompressedVideo": (
        "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n"
    ),
}
_NUMPY = {"float32": np.float32, "float64": np.float64, "uint8": np.uint8}


@cache
def store(distribution: str) -> Any:
    """The types of ``humble`` or ``jazzy``; skips the test where rosbags is not installed."""
    typesys = pytest.importorskip("rosbags.typesys", reason="rosbags is not installed: no comparison with it")
    found = typesys.get_typestore(getattr(typesys.Stores, f"ROS2_{distribution.upper()}"))
    for name, text in OTHERS.items():
        found.register(typesys.get_types_from_msg(text, name))
    return found


def in_rosbags(message: Message, types: Any) -> Any:
    """The same message as an object of rosbags; fields that it does not have are left out."""
    cls = types.types[message.type_name()]
    there = {field.name for field in dataclasses.fields(cls)}
    made = {}
    for field in fields_of(type(message)):
        value = getattr(message, field.name)
        if field.nested is not None:
            value = (
                in_rosbags(value, types)
                if field.kind == "one"
                else [in_rosbags(each, types) for each in value]
            )
        elif field.kind != "one" and field.base in PRIMITIVES:
            kind = _NUMPY[field.base]
            value = np.frombuffer(value, kind) if field.base == "uint8" else np.array(value, kind)
        elif field.base == "byte":
            value = value - 256 if value > 127 else value  # rosbags takes a byte as signed
        if field.name in there:
            made[field.name] = value
    return cls(**made)
