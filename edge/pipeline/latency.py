"""Percentiles of durations in constant memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

STEPS_PER_E = 100.0  # bins of 1 %: a percentile is at most 0.5 % off


class LatencyHistogram:
    """Durations in logarithmic bins of 1 %, so that weeks of frames take no more memory than a minute's.

    >>> histogram = LatencyHistogram()
    >>> for ms in range(1, 101):
    ...     histogram.add(ms * 1_000_000)
    >>> [round(histogram.percentile_ms(p)) for p in (50, 95, 99)]
    [50, 95, 99]
    """

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()
        self.count = 0

    def add(self, duration_ns: int) -> None:
        """Count one duration."""
        self._bins[round(math.log(max(duration_ns, 1)) * STEPS_PER_E)] += 1
        self.count += 1

    def percentile_ms(self, percent: float) -> float:
        """The smallest bin that reaches the share, in milliseconds; nan when nothing was counted."""
        wanted, seen = self.count * percent / 100, 0
        for step in sorted(self._bins):
            seen += self._bins[step]
            if seen >= wanted:
                return math.exp(step / STEPS_PER_E) / 1e6
        return float("nan")


class StageLatencies:
    """One histogram a stage, in the order in which stages were first seen."""

    def __init__(self) -> None:
        self._stages: dict[str, LatencyHistogram] = {}

    def add(self, durations_ns: Mapping[str, int]) -> None:
        """Count one frame set's durations."""
        for stage, duration in durations_ns.items():
            self._stages.setdefault(stage, LatencyHistogram()).add(duration)

    def summary(self) -> dict[str, dict[str, float]]:
        """Stage -> p50, p95 and p99 in milliseconds."""
        return {
            stage: {f"p{p}": round(histogram.percentile_ms(p), 3) for p in (50, 95, 99)}
            for stage, histogram in self._stages.items()
        }
