"""UTC of instants of the rig's clock, and instants of the rig's clock of UTC stamps.

Cameras on a PTP network stamp by a clock that ``ptp4l`` and ``phc2sys`` also give to the system; receivers
and autopilots say UTC in messages. The rig's own clock is CLOCK_MONOTONIC, which nobody ever sets.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

TAI_MINUS_UTC_NS = 37_000_000_000  # since 2017-01-01 (IERS Bulletin C)
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Utc:
    """``utc_ns`` nanoseconds since 1970 without leap seconds; ``uncertainty_ns`` one standard deviation, None
    where nobody knows how well the system clock is set."""

    utc_ns: int
    uncertainty_ns: int | None
    source: Literal["gnss", "system", "file"]


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A clock minus CLOCK_MONOTONIC at one instant, within ``uncertainty_ns`` (half the time it took)."""

    offset_ns: int
    uncertainty_ns: int


def read_offset(clock: int = time.CLOCK_REALTIME) -> ClockReading:
    """Read ``clock`` between two readings of CLOCK_MONOTONIC, the tightest of five tries."""
    best: ClockReading | None = None
    for _ in range(_TRIES):
        before = time.monotonic_ns()
        value = time.clock_gettime_ns(clock)
        after = time.monotonic_ns()
        reading = ClockReading(value - (before + after) // 2, (after - before + 1) // 2)
        best = reading if best is None or reading.uncertainty_ns < best.uncertainty_ns else best
    assert best is not None
    return best


def system_utc(time_ns: int) -> Utc:
    """UTC of an instant of the rig's clock by the system clock."""
    return Utc(time_ns + read_offset().offset_ns, None, "system")


def rig_ns_of(epoch_ns: int, scale: Literal["utc", "tai"] = "utc") -> tuple[int, int]:
    """Instant on the rig's clock of a stamp of the system clock's UTC (or PTP's TAI), and its uncertainty.

    The offset is read now: a stamp from before the system clock was set is off by what it was set by.

    >>> now = time.time_ns()
    >>> abs(rig_ns_of(now)[0] - time.monotonic_ns()) < 10**9
    True
    """
    reading = read_offset()
    utc_ns = epoch_ns - (TAI_MINUS_UTC_NS if scale == "tai" else 0)
    return utc_ns - reading.offset_ns, reading.uncertainty_ns
