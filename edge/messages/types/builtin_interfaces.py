"""builtin_interfaces: time."""

from __future__ import annotations

from dataclasses import dataclass

from rigsight.edge.messages.fields import Int32, UInt32
from rigsight.edge.messages.message import Message


@dataclass(frozen=True, slots=True)
class Time(Message):
    """Seconds since 1970 (UTC without leap seconds), and nanoseconds in addition to them."""

    sec: Int32 = 0
    nanosec: UInt32 = 0


EPOCH = Time()
