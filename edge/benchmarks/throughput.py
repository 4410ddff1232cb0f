"""Pipeline rate beside the bare engine's, and resident memory over many sets."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns

from rigsight.edge.benchmarks.cached import CachedSource
from rigsight.edge.benchmarks.scene import bench_rig, bench_sets
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.frames import Prediction
from rigsight.edge.pairing import Pairer
from rigsight.edge.pipeline.build import build_chain, share_cores
from rigsight.edge.pipeline.chain import Chain
from rigsight.edge.pipeline.threaded import ThreadedPipeline

NS_PER_S = 1e9
CACHED = 4
WARM_UP_SETS = 200
WARM_UP_PAUSE_S = 0.02


@dataclass(frozen=True)
class Rates:
    """Medians over the rounds; the ratio is the median of the rounds' own ratios."""

    pipeline_hz: float
    engine_hz: float
    ratio: float
    rounds: int
    sets: int


@dataclass(frozen=True)
class Memory:
    """Resident memory of this process, MiB: after warming up, at the end, and the most in between."""

    start_mib: float
    end_mib: float
    peak_mib: float
    sets: int
    rate_hz: float


def measure_rates(bundle: Bundle, sets: int, rounds: int, threads: int | None = None) -> Rates:
    """Run engine and pipeline in turns on one session: resident inputs there, resident frame sets here."""
    share_cores(threads)
    chain = build_chain(bundle, bench_rig(), threads=threads)
    cached = bench_sets(CACHED)
    prepared = [chain.prepare(frames) for frames in cached]
    engine: list[float] = []
    pipeline: list[float] = []
    for turn in range(-1, rounds):
        start = perf_counter_ns()
        for i in range(sets):
            chain.infer(prepared[i % CACHED])
        bare = sets * NS_PER_S / (perf_counter_ns() - start)
        whole = _run(chain, CachedSource(cached, sets, pooled=False)).summary.rate_hz
        if turn >= 0:
            engine.append(bare)
            pipeline.append(whole)
    ratios = [a / b for a, b in zip(pipeline, engine, strict=True)]
    chain.close()
    return Rates(
        statistics.median(pipeline), statistics.median(engine), statistics.median(ratios), rounds, sets
    )


def measure_memory(bundle: Bundle, sets: int, progress: Callable[[int], None] | None = None) -> Memory:
    """Push cached sets through leased buffers and the whole pipeline as fast as it goes."""
    share_cores(None)
    chain = build_chain(bundle, bench_rig())
    watch = _MemoryWatch(min(WARM_UP_SETS, sets // 2))
    source = CachedSource(bench_sets(CACHED), sets, pooled=True)
    pipeline = ThreadedPipeline(source, Pairer(source), chain, [watch], progress=progress)
    pipeline.run()
    chain.close()
    return Memory(watch.start, resident_mib(), watch.peak, sets, pipeline.summary.rate_hz)


def resident_mib() -> float:
    """Resident memory of this process in MiB, from /proc; nan where there is none."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class _MemoryWatch:
    """A sink that reads the process's memory now and then.

    It is slow while warming up, so that every queue has been full once and holds its buffers.
    """

    def __init__(self, warm_up: int) -> None:
        self._warm_up, self._count = warm_up, 0
        self.start = self.peak = float("nan")

    def write(self, prediction: Prediction) -> None:
        self._count += 1
        if self._count < self._warm_up:
            time.sleep(WARM_UP_PAUSE_S)
        elif self._count == self._warm_up:
            self.start = self.peak = resident_mib()
        elif self._count % 100 == 0:
            self.peak = max(self.peak, resident_mib())

    def close(self) -> None:
        """Nothing to finish."""


def _run(chain: Chain, source: CachedSource) -> ThreadedPipeline:
    pipeline = ThreadedPipeline(source, Pairer(source), chain)
    pipeline.run()
    return pipeline
