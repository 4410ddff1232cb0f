"""Timing of rivals in turns, so that whatever else the machine does hits all of them alike.

Rows of one thread are timed by the thread's own processor time: it leaves out what other programs take.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from time import thread_time_ns

NS_PER_MS = 1e6
WARM_UP = 1
BURST = 5


def medians_ms(
    rivals: Mapping[str, Callable[[], object]], rounds: int, before: Callable[[], object]
) -> dict[str, float]:
    """Median processor milliseconds of each rival over ``rounds`` turns of five calls, after a warm-up turn.

    ``before`` is called before every call and not timed. The first call of a turn finds the caches full of
    the rival before; with five of them that is not what the median shows.
    """
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(-WARM_UP, rounds):
        for name, call in rivals.items():
            for _ in range(BURST):
                before()
                start = thread_time_ns()
                call()
                if turn >= 0:
                    times[name].append((thread_time_ns() - start) / NS_PER_MS)
    return {name: statistics.median(values) for name, values in times.items()}
