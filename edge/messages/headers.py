"""When and where: instants of the rig's clock as ROS stamps, cameras as frames of reference.

ROS stamps are Unix time; the rig's clock is CLOCK_MONOTONIC. The stamp of everything that comes of a picture
is that of the picture, never the time of publishing: read the offset once for a frame set and use it for all
its messages, so that mask, confidence, detections and camera_info carry the very same stamp.
"""

from __future__ import annotations

from rigsight.edge.devices.utc import read_offset
from rigsight.edge.frames import Frame, FrameSet
from rigsight.edge.messages.types.builtin_interfaces import Time
from rigsight.edge.messages.types.std_msgs import Header

NS_PER_S = 1_000_000_000


def time_of(epoch_ns: int) -> Time:
    """Nanoseconds since 1970 as a Time; whole seconds are rounded down: ``nanosec`` is never negative.

    >>> time_of(1_700_000_000_123_456_789), time_of(-1)
    (Time(sec=1700000000, nanosec=123456789), Time(sec=-1, nanosec=999999999))

    Raises:
        RigsightError: MSG-002 outside 1901 to 2038, which is what an int32 of seconds can count.
    """
    sec, nanosec = divmod(int(epoch_ns), NS_PER_S)
    return Time(sec, nanosec)


def nanoseconds_of(time: Time) -> int:
    """A Time as nanoseconds since 1970; the inverse of :func:`time_of`."""
    return time.sec * NS_PER_S + time.nanosec


def epoch_offset_ns() -> int:
    """Unix time minus the rig's clock, by the system clock now, nanoseconds."""
    return read_offset().offset_ns


def optical_frame(camera: str, prefix: str = "") -> str:
    """The frame of a camera's pictures (REP-103: z forward, x right, y down); ``prefix`` tells rigs apart.

    >>> optical_frame("thermal")
    'thermal_optical_frame'
    """
    return f"{prefix}{camera}_optical_frame"


def header_at(time_ns: int, offset_ns: int, frame_id: str) -> Header:
    """The header of an instant of the rig's clock; ``offset_ns`` from :func:`epoch_offset_ns`."""
    return Header(time_of(time_ns + offset_ns), frame_id)


def frame_header(frame: Frame, offset_ns: int, prefix: str = "") -> Header:
    """The header of a camera's own picture: its ``epoch_ns`` where the camera or the file says it."""
    epoch_ns = frame.captured_ns + offset_ns if frame.epoch_ns is None else frame.epoch_ns
    return Header(time_of(epoch_ns), optical_frame(frame.camera, prefix))


def grid_header(frames: FrameSet, offset_ns: int, reference: str, prefix: str = "") -> Header:
    """The header of all that is on the aligned grid: the reference camera's frame, its picture's stamp.

    Args:
        frames: of the prediction: ``prediction.aligned.source``.
        offset_ns: from :func:`epoch_offset_ns`.
        reference: the rig's reference camera, whose viewpoint the grid has.
        prefix: of frame names.
    """
    own = next((frame for frame in frames.frames.values() if frame.captured_ns == frames.captured_ns), None)
    known = None if own is None else own.epoch_ns
    epoch_ns = frames.captured_ns + offset_ns if known is None else known
    return Header(time_of(epoch_ns), optical_frame(reference, prefix))
