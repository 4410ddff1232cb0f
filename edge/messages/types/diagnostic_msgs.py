"""diagnostic_msgs: how things are going."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rigsight.edge.messages.fields import Byte, String
from rigsight.edge.messages.message import Message
from rigsight.edge.messages.types.std_msgs import NO_HEADER, Header


@dataclass(frozen=True, slots=True)
class KeyValue(Message):
    """A figure, as text."""

    key: String = ""
    value: String = ""


@dataclass(frozen=True, slots=True)
class DiagnosticStatus(Message):
    """The state of one part. ``level`` is a ``byte``: an int here, ``bytes`` in rclpy."""

    OK: ClassVar[Byte] = 0
    WARN: ClassVar[Byte] = 1
    ERROR: ClassVar[Byte] = 2
    STALE: ClassVar[Byte] = 3

    level: Byte = 0
    name: String = ""
    message: String = ""
    hardware_id: String = ""
    values: tuple[KeyValue, ...] = ()


@dataclass(frozen=True, slots=True)
class DiagnosticArray(Message):
    """What ``/diagnostics`` carries."""

    header: Header = NO_HEADER
    status: tuple[DiagnosticStatus, ...] = ()
