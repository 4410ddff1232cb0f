"""The distance now, or at the instant of a picture, if it is to be believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import monotonic_ns

from rigsight.edge.devices.track import Lookup, Track
from rigsight.edge.protocols.ranges import Distance


@dataclass(frozen=True, slots=True)
class RangeLimits:
    """What is plausible: metres, and the device's own unit of strength."""

    min_m: float = 0.0
    max_m: float = float("inf")
    min_strength: int = 0


class RangeFinder:
    """Keeps the plausible distances by time, and why others were not."""

    def __init__(self, limits: RangeLimits | None = None, max_age_s: float = 0.5) -> None:
        """A distance stands for at most ``max_age_s`` seconds; none is interpolated or extrapolated."""
        self.limits = limits or RangeLimits()
        self._track: Track[Distance] = Track(None, 0.0, max_age_s, "distance")
        self._last: Distance | None = None
        self._problem: str | None = None

    def add(self, time_ns: int, distance: Distance) -> None:
        """Take a measurement of the rig's time ``time_ns``."""
        self._last = distance
        self._problem = self.problem_of(distance)
        if self._problem is None:
            self._track.add(time_ns, distance)

    def problem_of(self, distance: Distance) -> str | None:
        """Why a measurement is not to be believed; None when it is."""
        metres, limits = distance.distance_m, self.limits
        if metres is None:
            return distance.problem or "the device sees nothing"
        if not limits.min_m <= metres <= limits.max_m:
            return f"{metres:.2f} m is outside {limits.min_m:g} to {limits.max_m:g} m"
        if distance.strength is not None and distance.strength < limits.min_strength:
            return f"the strength {distance.strength} is below {limits.min_strength}"
        return None

    @property
    def last(self) -> Distance | None:
        """The last measurement, believed or not."""
        return self._last

    def at(self, time_ns: int) -> Lookup[Distance]:
        """The last plausible distance before an instant; ``staleness_s`` is its age then."""
        found, problem = self._track.at(time_ns), self._problem
        if found.how == "unknown" and problem is not None:
            return replace(found, reason=problem)
        return found

    def latest(self) -> Lookup[Distance]:
        """The last plausible distance, and how old it is now."""
        return self.at(monotonic_ns())
