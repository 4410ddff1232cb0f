"""Variants of a bundle side by side: latency in turns, size, memory, and energy where a board can tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np

from rigsight.edge.benchmarks.throughput import resident_mib
from rigsight.edge.bundle.golden import GOLDEN_FILE, Golden
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Variant
from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.edge.engines.select import open_engine
from rigsight.edge.power import module_watts
from rigsight.edge.predictor import Predictor
from rigsight.edge.tiling import TiledEngine

NS_PER_MS = 1e6
BURST = 5
Call = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """One rival. Times in ms; ``speed`` is the median over turns of the first rival's time over its own.

    ``megabytes`` of its file and ``memory_mib`` that it took to open and run once; nan where unknown.
    ``joules`` for one inference, None without a sensor.
    """

    name: str
    p50: float
    p95: float
    p99: float
    speed: float
    megabytes: float
    memory_mib: float
    joules: float | None = None


@dataclass(frozen=True)
class Rival:
    """Something to time: ``call`` runs one inference."""

    name: str
    call: Call
    megabytes: float = float("nan")
    memory_mib: float = float("nan")


def bundle_rivals(bundle: Bundle, threads: int | None = None) -> list[Rival]:
    """Every variant of the main graph in ONNX Runtime, fed its golden inputs again and again; of an instance
    bundle all graphs with the host's steps between them.

    Raises:
        RigsightError: BND-001 for a bundle without golden inputs, BND-005 for a graph that does not load.
    """
    feeds = golden_feeds(bundle)
    rivals = []
    for variant, path in bundle.part().variants.items():
        before = resident_mib()
        paths = [path]
        if bundle.spec.instances is None:
            engine: Engine = OnnxRuntimeEngine(bundle.read(path), threads, where=f"{bundle.path}/{path}")
        else:
            paths = [part.variants[variant] for part in bundle.spec.parts]
            engine = open_engine(bundle, variant, threads)
        engine.infer(feeds)
        megabytes = sum(bundle.storage.sizes[each] for each in paths) / 1e6
        rivals.append(Rival(variant, _calling(engine, feeds), megabytes, max(0.0, resident_mib() - before)))
    return rivals


def golden_feeds(bundle: Bundle, variant: Variant = "fp32") -> Mapping[str, Array]:
    """What the graph is fed for the first golden case (its first tile). Raises RigsightError BND-001."""
    golden = Golden.from_bytes(bundle.read(GOLDEN_FILE), where=str(bundle.path))
    if bundle.spec.instances is not None:
        return Predictor(bundle, open_engine(bundle, variant, 1)).feeds(golden.aligned(0, bundle))
    engine = OnnxRuntimeEngine(bundle.read(bundle.part().variants[variant]), 1, where=str(bundle.path))
    keeper = _Keeper(engine)
    geometry = bundle.spec.preprocessing.geometry
    predictor = Predictor(bundle, TiledEngine(keeper, geometry) if geometry.kind == "tile" else keeper)
    predictor(golden.aligned(0, bundle))
    assert keeper.seen is not None
    return keeper.seen


def time_rivals(rivals: Sequence[Rival], rounds: int) -> list[Timing]:
    """Run the rivals in turns of five calls, the first turn uncounted; wall time, in the order given."""
    times: dict[str, list[float]] = {rival.name: [] for rival in rivals}
    watts: dict[str, list[float]] = {rival.name: [] for rival in rivals}
    for turn in range(-1, rounds):
        for rival in rivals:
            for _ in range(BURST):
                start = perf_counter_ns()
                rival.call()
                if turn >= 0:
                    times[rival.name].append((perf_counter_ns() - start) / NS_PER_MS)
            power = module_watts()
            if turn >= 0 and power is not None:
                watts[rival.name].append(power)
    first = _turns(times[rivals[0].name])
    return [_timing(rival, times[rival.name], watts[rival.name], first) for rival in rivals]


def _timing(rival: Rival, times: list[float], watts: list[float], first: list[float]) -> Timing:
    p50, p95, p99 = (float(np.percentile(times, q)) for q in (50, 95, 99))
    ratios = [a / b for a, b in zip(first, _turns(times), strict=True)]
    joules = float(np.median(watts)) * p50 / 1e3 if watts else None
    return Timing(
        rival.name, p50, p95, p99, float(np.median(ratios)), rival.megabytes, rival.memory_mib, joules
    )


def _turns(times: list[float]) -> list[float]:
    """The median of every turn."""
    return [float(np.median(times[i : i + BURST])) for i in range(0, len(times), BURST)]


def _calling(engine: Engine, feeds: Mapping[str, Array]) -> Call:
    return lambda: engine.infer(feeds)


class _Keeper:
    """Passes inputs on and keeps the first."""

    def __init__(self, engine: OnnxRuntimeEngine) -> None:
        self._engine, self.inputs, self.outputs = engine, engine.inputs, engine.outputs
        self.seen: dict[str, Array] | None = None

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        if self.seen is None:
            self.seen = {name: np.array(feeds[name]) for name in self.inputs}
        return self._engine.infer(feeds)

    def close(self) -> None:
        self._engine.close()
