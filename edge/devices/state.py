"""The five states of a device, and which may follow which."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

KEPT_CHANGES = 64


class DeviceState(str, Enum):
    """What a device is doing."""

    CLOSED = "closed"
    """Not opened, or stopped."""
    OPENING = "opening"
    """The port is being opened, or is open and nothing was understood yet."""
    STREAMING = "streaming"
    """Events arrive."""
    SILENT = "silent"
    """The port is open, and nothing that is understood arrives."""
    LOST = "lost"
    """Unplugged or not there; it is opened again after a while."""


NEXT: dict[DeviceState, frozenset[DeviceState]] = {
    DeviceState.CLOSED: frozenset({DeviceState.OPENING}),
    DeviceState.OPENING: frozenset(
        {DeviceState.STREAMING, DeviceState.SILENT, DeviceState.LOST, DeviceState.CLOSED}
    ),
    DeviceState.STREAMING: frozenset({DeviceState.SILENT, DeviceState.LOST, DeviceState.CLOSED}),
    DeviceState.SILENT: frozenset({DeviceState.STREAMING, DeviceState.LOST, DeviceState.CLOSED}),
    DeviceState.LOST: frozenset({DeviceState.OPENING, DeviceState.CLOSED}),
}


@dataclass(frozen=True, slots=True)
class Change:
    """A state, since when (monotonic nanoseconds), and why."""

    state: DeviceState
    since_ns: int
    reason: str


class StateLog:
    """The state now, and the last changes; safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Change], None]] = []
        self._changes = deque([Change(DeviceState.CLOSED, 0, "")], maxlen=KEPT_CHANGES)

    @property
    def now(self) -> Change:
        """The last change."""
        with self._lock:
            return self._changes[-1]

    def changes(self) -> tuple[Change, ...]:
        """The last changes, oldest first."""
        with self._lock:
            return tuple(self._changes)

    def watch(self, listener: Callable[[Change], None]) -> None:
        """Have ``listener`` told of every change from now on, by the thread that makes it."""
        with self._lock:
            self._listeners.append(listener)

    def to(self, state: DeviceState, at_ns: int, reason: str = "") -> None:
        """Change the state; to the same state is no change. Raises ValueError for one that may not follow."""
        with self._lock:
            before = self._changes[-1].state
            if state == before:
                return
            if state not in NEXT[before]:
                raise ValueError(f"a device cannot go from {before.value} to {state.value}")
            change = Change(state, at_ns, reason)
            self._changes.append(change)
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(change)
