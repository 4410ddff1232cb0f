"""foxglove_msgs: video packets, for recordings."""

from __future__ import annotations

from dataclasses import dataclass

from rigsight.edge.messages.fields import Bytes, String
from rigsight.edge.messages.message import Message
from rigsight.edge.messages.types.builtin_interfaces import EPOCH, Time


@dataclass(frozen=True, slots=True)
class CompressedVideo(Message):
    """One picture of a video stream; ``format`` is ``h264`` (Annex B, no B frames) and the like."""

    timestamp: Time = EPOCH
    frame_id: String = ""
    data: Bytes = b""
    format: String = ""
