"""vision_msgs 4.1 (Humble and Jazzy): detections and class names. Its Pose2D and Point2D are its own."""

from __future__ import annotations

from dataclasses import dataclass

from rigsight.edge.messages.fields import Float32, Float64, String, UInt16
from rigsight.edge.messages.message import Message
from rigsight.edge.messages.types.geometry_msgs import NO_POSE, PoseWithCovariance
from rigsight.edge.messages.types.std_msgs import NO_HEADER, Header


@dataclass(frozen=True, slots=True)
class Point2D(Message):
    """Pixels."""

    x: Float64 = 0.0
    y: Float64 = 0.0


@dataclass(frozen=True, slots=True)
class Pose2D(Message):
    """Pixels, and radians of a turned box."""

    position: Point2D = Point2D()
    theta: Float64 = 0.0


@dataclass(frozen=True, slots=True)
class BoundingBox2D(Message):
    """Centre and size in pixels."""

    center: Pose2D = Pose2D()
    size_x: Float64 = 0.0
    size_y: Float64 = 0.0


@dataclass(frozen=True, slots=True)
class ObjectHypothesis(Message):
    """What it may be, and how sure that is (0 to 1)."""

    class_id: String = ""
    score: Float64 = 0.0


@dataclass(frozen=True, slots=True)
class ObjectHypothesisWithPose(Message):
    """A hypothesis, and where that thing would be."""

    hypothesis: ObjectHypothesis = ObjectHypothesis()
    pose: PoseWithCovariance = NO_POSE


@dataclass(frozen=True, slots=True)
class Detection2D(Message):
    """One thing in a picture; ``id`` is the same in several pictures only where something is tracked."""

    header: Header = NO_HEADER
    results: tuple[ObjectHypothesisWithPose, ...] = ()
    bbox: BoundingBox2D = BoundingBox2D()
    id: String = ""


@dataclass(frozen=True, slots=True)
class Detection2DArray(Message):
    """Everything found in a picture."""

    header: Header = NO_HEADER
    detections: tuple[Detection2D, ...] = ()


@dataclass(frozen=True, slots=True)
class VisionClass(Message):
    """The name of a class id; 255 in an 8-bit mask is no class but "unlabelled"."""

    class_id: UInt16 = 0
    class_name: String = ""


@dataclass(frozen=True, slots=True)
class LabelInfo(Message):
    """What a mask's ids mean, published once and latched; ``threshold`` from 0 to 1."""

    header: Header = NO_HEADER
    class_map: tuple[VisionClass, ...] = ()
    threshold: Float32 = 0.0
