"""The pipeline and the bare engine in turn, on pictures rendered beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from time import perf_counter

import numpy as np

from rigsight.edge.demo.replay import KeepingSink, Rendered, ReplaySource
from rigsight.edge.demo.results import AGE, TOTAL, Percentiles
from rigsight.edge.engines.base import Array
from rigsight.edge.frames import CountsToKelvin, Prediction
from rigsight.edge.pairing import Pairer
from rigsight.edge.pipeline.chain import Chain
from rigsight.edge.pipeline.threaded import ThreadedPipeline
from rigsight.edge.profile import Profile

ROUNDS = 8
ENGINE_SHARE = 0.4  # runs of the bare engine, for every frame set of a round


@dataclass
class Measured:
    """What all rounds gave: predictions in order, drops by reason, one rate a round."""

    predictions: list[Prediction] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    rates_hz: list[float] = field(default_factory=list)
    engine_rates_hz: list[float] = field(default_factory=list)


def measure(
    sets: Sequence[Rendered],
    radiometry: CountsToKelvin,
    chain: Chain,
    profile: Profile,
    progress: Callable[[int, int], None],
) -> Measured:
    """Send all sets through the threaded pipeline in rounds; after each the bare engine runs its pictures.

    The engine has the same session and threads and is fed arrays that lie in memory.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    measured = Measured()
    _warm_up(chain, sets[:1], radiometry, profile)
    bounds = np.linspace(0, len(sets), min(ROUNDS, len(sets)) + 1).astype(int).tolist()
    for first, last in pairwise(bounds):
        source, sink = ReplaySource(sets[first:last], radiometry, first), KeepingSink()
        pairer = Pairer(source, profile.pairing)
        shown = partial(_shifted, progress, first, len(sets))
        pipeline = ThreadedPipeline(source, pairer, chain, [sink], profile.queues, progress=shown)
        summary = pipeline.run()
        if summary.interrupted:
            raise KeyboardInterrupt
        measured.predictions += sink.predictions
        measured.dropped.update(summary.dropped)
        measured.rates_hz.append(summary.rate_hz)
        feeds = [chain.predictor.feeds(prediction.aligned) for prediction in sink.predictions]
        if feeds:
            runs = max(1, round(ENGINE_SHARE * len(feeds)))
            measured.engine_rates_hz.append(engine_rate_hz(chain, feeds, runs))
        progress(last, len(sets))
    return measured


def _shifted(progress: Callable[[int, int], None], first: int, total: int, done: int) -> None:
    progress(first + done, total)


def engine_rate_hz(chain: Chain, feeds: Sequence[Mapping[str, Array]], runs: int) -> float:
    """Runs a second of the bare engine."""
    start = perf_counter()
    for number in range(runs):
        chain.predictor.engine.infer(feeds[number % len(feeds)])
    return runs / (perf_counter() - start)


def stage_percentiles(predictions: Sequence[Prediction]) -> dict[str, Percentiles]:
    """p50, p95 and p99 of every stage in milliseconds; ``total`` is the sum of a set's stages.

    ``age``, from reading to mask with the waiting in queues, comes last: at full speed every set waits for
    the network.
    """
    stages = [stage for stage in predictions[0].stage_ns if stage != AGE]
    columns = {stage: np.array([p.stage_ns[stage] for p in predictions]) for stage in stages}
    columns[TOTAL] = np.sum(list(columns.values()), axis=0)
    if AGE in predictions[0].stage_ns:
        columns[AGE] = np.array([p.stage_ns[AGE] for p in predictions])
    return {
        stage: Percentiles(*(float(v) for v in np.percentile(ns / 1e6, (50, 95, 99))))
        for stage, ns in columns.items()
    }


def _warm_up(chain: Chain, sets: Sequence[Rendered], radiometry: CountsToKelvin, profile: Profile) -> None:
    """The first run of a session allocates its memory and is slower than all others."""
    source = ReplaySource(sets, radiometry)
    ThreadedPipeline(source, Pairer(source, profile.pairing), chain, [], profile.queues).run()
    chain.preprocessor.agc.reset()
