"""A hundred faults one after the other, and what was measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from time import monotonic_ns

import numpy as np

from rigsight.edge.benchmarks.faults.faults import FAULTS, Fault
from rigsight.edge.benchmarks.faults.rig import CardRig
from rigsight.edge.benchmarks.throughput import resident_mib
from rigsight.edge.bundle.reader import Bundle

HEALTHY_RUN = 3
GIVE_UP_S = 15.0
LATENCY_FRAMES = 10
SETTLE_S = 3.0


@dataclass(frozen=True)
class Recovery:
    """One fault: seconds from the end of its cause to the first healthy mask, None where there was none, and
    masks until the latency was at most half as much again as before (at most 10 are looked at)."""

    fault: str
    where: str
    seconds: float | None
    goal_s: float
    latency_frames: int | None

    @property
    def met(self) -> bool:
        """Within its goal."""
        return self.seconds is not None and self.seconds <= self.goal_s


@dataclass
class FaultReport:
    """What a hundred faults did. ``unaccounted`` frames are neither delivered nor counted as dropped."""

    recoveries: list[Recovery] = field(default_factory=list)
    frames: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    unaccounted: dict[str, int] = field(default_factory=dict)
    checked: int = 0
    torn: int = 0
    masks: int = 0
    memory_mib: tuple[float, float] = (0.0, 0.0)
    seconds: float = 0.0


def run_faults(
    bundle: Bundle,
    count: int = 100,
    fps: float = 10.0,
    seed: int = 0,
    step: Callable[[int, str], None] = lambda done, what: None,
) -> FaultReport:
    """Inject ``count`` faults of every kind in turn, each into a camera drawn by ``seed``.

    Raises:
        RigsightError: what ended the run, which no fault may do.
    """
    chance = np.random.default_rng(seed)
    report = FaultReport()
    begun = time.monotonic()
    with CardRig(bundle, fps) as rig:
        if rig.watcher.healthy_after(0, HEALTHY_RUN, 30.0) is None:
            raise RuntimeError("the rig never started")
        time.sleep(SETTLE_S)
        before = median(seen.age_ms for seen in rig.watcher.recent(20))
        memory = resident_mib()
        for number in range(count):
            fault = FAULTS[number % len(FAULTS)]
            where = str(chance.choice(fault.cameras))
            step(number, f"{fault.name} ({where})")
            report.recoveries.append(_one(rig, fault, where, chance, before))
            if not rig.alive():
                break
            time.sleep(float(chance.uniform(0.2, 0.5)))
        report.memory_mib = (memory, resident_mib())
    report.seconds = time.monotonic() - begun
    _account(rig, report)
    return report


def _one(rig: CardRig, fault: Fault, where: str, chance: np.random.Generator, before_ms: float) -> Recovery:
    ended = fault.begin(rig, where, chance)
    if fault.cameras == ("range finder",):
        seconds = _range_after(rig, ended)
        return Recovery(fault.name, where, seconds, fault.goal_s, None)
    healthy = rig.watcher.healthy_after(ended, HEALTHY_RUN, GIVE_UP_S)
    seconds = None if healthy is None else (healthy.done_ns - ended) / 1e9
    since = ended if healthy is None else healthy.captured_ns
    ages = rig.watcher.ages_after(since, LATENCY_FRAMES, 5.0)
    frames = next((i for i, age in enumerate(ages) if age <= 1.5 * before_ms), None)
    return Recovery(fault.name, where, seconds, fault.goal_s, frames)


def _range_after(rig: CardRig, ended_ns: int) -> float | None:
    """Seconds until the range finder's distance is one that was measured after ``ended_ns``."""
    while monotonic_ns() - ended_ns < GIVE_UP_S * 1e9:
        now = monotonic_ns()
        found = rig.instruments.at(now).distance
        stale = None if found is None or found.value is None else found.staleness_s
        if stale is not None and now - stale * 1e9 >= ended_ns:
            return (now - ended_ns) / 1e9
        time.sleep(0.002)
    return None


def _account(rig: CardRig, report: FaultReport) -> None:
    """Every frame that a camera took is delivered or counted, under exactly one reason."""
    summary = rig.summary
    assert summary is not None
    report.masks, report.checked, report.torn = rig.watcher.masks, rig.watcher.checked, rig.watcher.torn
    report.dropped = {reason: count for reason, count in summary.dropped.items() if count}
    for role, camera in rig.source.live_cameras.items():
        took = camera.taken
        came = summary.frames[role]
        lost = sum(rig.source.lost(role).values())
        report.frames[role] = took
        report.unaccounted[role] = took - came - lost
