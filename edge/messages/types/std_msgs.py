"""std_msgs: the header."""

from __future__ import annotations

from dataclasses import dataclass

from rigsight.edge.messages.fields import String
from rigsight.edge.messages.message import Message
from rigsight.edge.messages.types.builtin_interfaces import EPOCH, Time


@dataclass(frozen=True, slots=True)
class Header(Message):
    """When something was measured, and in which frame of reference."""

    stamp: Time = EPOCH
    frame_id: String = ""


NO_HEADER = Header()
