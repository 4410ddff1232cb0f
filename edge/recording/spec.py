"""The description inside a recording: the MCAP metadata record ``rigsight``.

Times are nanoseconds of the rig's monotonic clock; ``epoch_offset_ns`` added to them gives Unix time.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rigsight.base.schema import StrictModel
from rigsight.calibration.rig import Rig


class Channel(StrictModel):
    """One topic of the recording."""

    topic: str
    message_type: str = Field(description="ROS 2 type, for example sensor_msgs/msg/Image")
    camera: str | None = None
    encoding: Literal["mono8", "mono16", "rgb8", "jpeg", "png", "h264", "cdr"]
    lossless: bool


class RecordingSpec(StrictModel):
    """Everything replay needs beside the messages: which frames were paired travels as its own topic."""

    version: Literal[1] = 1
    started_ns: int = Field(ge=0)
    epoch_offset_ns: int = Field(ge=0)
    rig: Rig | None = None
    bundle_name: str | None = None
    bundle_sha256: str | None = None
    channels: tuple[Channel, ...] = Field(min_length=1)
    tool_version: str
