"""The autopilot's camera triggers, by number and by time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from rigsight.edge.devices.clock import ClockOffset
from rigsight.edge.protocols.mavlink_messages import CameraTrigger

KEPT_TRIGGERS = 1024
NS_PER_US = 1000
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger: its running number and its instant on the rig's clock in nanoseconds."""

    sequence: int
    time_ns: int


class Triggers:
    """Keeps the last triggers; ``missed`` counts the gaps in their numbers."""

    def __init__(self) -> None:
        self._clock = ClockOffset()
        self._kept: OrderedDict[int, Trigger] = OrderedDict()
        self._lock = threading.Lock()
        self._last: int | None = None
        self.missed = 0

    def add(self, arrival_ns: int, message: CameraTrigger) -> Trigger:
        """Take a message; returns the trigger on the rig's clock."""
        trigger = Trigger(message.sequence, self._clock.rig_ns(message.time_us * NS_PER_US, arrival_ns))
        with self._lock:
            if self._last is not None:
                ahead = (message.sequence - self._last) % _WRAP
                if 1 < ahead < _WRAP // 2:  # more would be an autopilot that started anew
                    self.missed += ahead - 1
            self._last = message.sequence
            self._kept[message.sequence] = trigger
            self._kept.move_to_end(message.sequence)
            while len(self._kept) > KEPT_TRIGGERS:
                self._kept.popitem(last=False)
        return trigger

    def by_sequence(self, sequence: int) -> Trigger | None:
        """The trigger with a number, while it is kept."""
        with self._lock:
            return self._kept.get(sequence)

    def nearest(self, time_ns: int, max_distance_ns: int) -> Trigger | None:
        """The trigger nearest to an instant of the rig's clock, if one lies within ``max_distance_ns``."""
        with self._lock:
            kept = list(self._kept.values())
        best = min(kept, key=lambda trigger: abs(trigger.time_ns - time_ns), default=None)
        return best if best is not None and abs(best.time_ns - time_ns) <= max_distance_ns else None
