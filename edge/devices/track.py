"""What was known when: a bounded history that is asked by time and never extrapolates."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

KEPT_SAMPLES = 1024
NS_PER_S = 1_000_000_000
How = Literal["interpolated", "held", "unknown"]


@dataclass(frozen=True, slots=True)
class Lookup(Generic[T]):
    """The answer for one instant.

    Attributes:
        value: None where ``how`` is ``unknown``.
        how: ``interpolated`` between two samples; ``held``: one sample that is ``staleness_s`` away.
        staleness_s: seconds to the nearest sample, None where there is none at all.
        reason: why it is unknown, else None.
    """

    value: T | None
    how: How
    staleness_s: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A sample that says that nothing is known, and why."""

    reason: str


class Track(Generic[T]):
    """Samples by time, of which some may be :class:`Unknown`.

    Between two samples at most ``max_gap_s`` apart the answer is ``mix(before, after, share)``. Elsewhere the
    nearest sample is held when it is at most ``max_age_s`` away; beyond that the answer is ``unknown``.
    Without ``mix`` only samples from before the instant count.
    """

    def __init__(
        self, mix: Callable[[T, T, float], T] | None, max_gap_s: float, max_age_s: float, what: str
    ) -> None:
        """``what`` is the samples' name in reasons."""
        self._mix, self._what = mix, what
        self._max_gap_ns, self._max_age_ns = int(max_gap_s * NS_PER_S), int(max_age_s * NS_PER_S)
        self._times: list[int] = []
        self._values: list[T | Unknown] = []
        self._lock = threading.Lock()
        self.out_of_order = 0

    def __len__(self) -> int:
        return len(self._times)

    def add(self, time_ns: int, value: T | Unknown) -> None:
        """Take a sample. One that is not later than the last is counted in ``out_of_order`` and left out."""
        with self._lock:
            if self._times and time_ns <= self._times[-1]:
                self.out_of_order += 1
                return
            self._times.append(time_ns)
            self._values.append(value)
            if len(self._times) >= 2 * KEPT_SAMPLES:
                del self._times[:KEPT_SAMPLES], self._values[:KEPT_SAMPLES]

    def at(self, time_ns: int) -> Lookup[T]:
        """What was known at an instant of the rig's clock."""
        with self._lock:
            after = bisect_right(self._times, time_ns)
            near = slice(max(after - 1, 0), after + 1 if self._mix is not None else after)
            times, values = self._times[near], self._values[near]
        if not times:
            return Lookup(None, "unknown", None, f"no {self._what} was heard before")
        if len(times) == 2 and self._mix is not None and times[1] - times[0] <= self._max_gap_ns:
            first, second = values
            if not isinstance(first, Unknown) and not isinstance(second, Unknown):
                share = (time_ns - times[0]) / (times[1] - times[0])
                nearest_s = min(time_ns - times[0], times[1] - time_ns) / NS_PER_S
                return Lookup(self._mix(first, second, share), "interpolated", nearest_s)
        distance, value = min(
            ((abs(time_ns - t), v) for t, v in zip(times, values, strict=True)), key=lambda pair: pair[0]
        )
        staleness_s = distance / NS_PER_S
        if isinstance(value, Unknown):
            return Lookup(None, "unknown", staleness_s, value.reason)
        if distance > self._max_age_ns:
            return Lookup(
                None, "unknown", staleness_s, f"the nearest {self._what} is {staleness_s:.2f} s away"
            )
        return Lookup(value, "held", staleness_s)
