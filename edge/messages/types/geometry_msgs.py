"""geometry_msgs: points, rotations and poses; metres, unit quaternions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rigsight.edge.messages.fields import Float64, Floats, String
from rigsight.edge.messages.message import Message
from rigsight.edge.messages.types.std_msgs import NO_HEADER, Header


@dataclass(frozen=True, slots=True)
class Point(Message):
    """Metres."""

    x: Float64 = 0.0
    y: Float64 = 0.0
    z: Float64 = 0.0


@dataclass(frozen=True, slots=True)
class Vector3(Message):
    """A direction, or metres of a translation."""

    x: Float64 = 0.0
    y: Float64 = 0.0
    z: Float64 = 0.0


@dataclass(frozen=True, slots=True)
class Quaternion(Message):
    """A rotation; the identity where nothing is given."""

    x: Float64 = 0.0
    y: Float64 = 0.0
    z: Float64 = 0.0
    w: Float64 = 1.0


@dataclass(frozen=True, slots=True)
class Pose(Message):
    """Position and orientation."""

    position: Point = Point()
    orientation: Quaternion = Quaternion()


@dataclass(frozen=True, slots=True)
class PoseWithCovariance(Message):
    """``covariance`` row-major [6,6]: x, y, z in metres, then rotations about x, y, z in radians."""

    pose: Pose = Pose()
    covariance: Annotated[Floats, "float64[36]"] = (0.0,) * 36


NO_POSE = PoseWithCovariance()


@dataclass(frozen=True, slots=True)
class Transform(Message):
    """Maps points of the child's frame into the parent's."""

    translation: Vector3 = Vector3()
    rotation: Quaternion = Quaternion()


@dataclass(frozen=True, slots=True)
class TransformStamped(Message):
    """The pose of ``child_frame_id`` in ``header.frame_id``."""

    header: Header = NO_HEADER
    child_frame_id: String = ""
    transform: Transform = Transform()
