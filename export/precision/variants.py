"""FP16 and INT8 variants of a bundle's graph, each with a verdict on what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rigsight.edge.benchmarks.interleave import medians_ms
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Variant, Verdict
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.export import codes
from rigsight.export.graph import Graph
from rigsight.export.parity import mask_of
from rigsight.export.precision.calibration import keep, reuse
from rigsight.export.precision.groups import fragile_kinds, fragile_nodes, make_groups
from rigsight.export.precision.half import for_judging, to_half
from rigsight.export.precision.islands import Island, islands_of
from rigsight.export.precision.material import Material, Score, Spread
from rigsight.export.precision.quantise import Kind, quantisable, quantise
from rigsight.export.precision.ranges import Method, Ranges, collect_ranges
from rigsight.export.precision.recorder import Feeds
from rigsight.export.precision.sensitivity import Decision, sweep

if TYPE_CHECKING:
    from torch import nn

MIN_HALF_AGREEMENT = 0.999
COMPARED_FEEDS = 6
TIMED_ROUNDS = 3
CALIBRATION_FILE = "calibration.json"
WORST_CASES = 6


@dataclass(frozen=True)
class PrecisionOptions:
    """Which variants to make. ``budget`` in points of the metric, ``feeds`` inputs to find ranges with.

    ``calibration`` is a calibration.json of an earlier export; None collects ranges anew.
    """

    variants: tuple[Variant, ...] = ("fp16", "int8", "int8-cpu")
    budget: float = 0.5
    method: Method = "mse"
    feeds: int = 32
    calibration: Path | None = None


@dataclass(frozen=True)
class Made:
    """One variant: its graph, its verdict, and what the verdict rests on.

    ``agreement`` is the share of mask pixels that equal the float graph's, ``milliseconds`` the processor
    time of one inference in ONNX Runtime on this machine.
    """

    variant: Variant
    graph: bytes
    verdict: Verdict
    score: Score
    agreement: float
    milliseconds: float
    decision: Decision | None = None


@dataclass(frozen=True)
class Precision:
    """All variants of one graph, the float one first."""

    made: tuple[Made, ...]
    islands: tuple[Island, ...]
    spread: Spread
    material: str
    method: Method
    budget: float


def make_variants(
    bundle: Bundle,
    graph: Graph,
    network: nn.Module,
    material: Material,
    options: PrecisionOptions,
    report: Path,
    say: Callable[[str], None] = lambda line: None,
) -> Precision:
    """Make and judge the variants of ``graph``, the float32 main graph of ``bundle``.

    What is learned about the ranges is kept in ``report``; the pictures of a failure too.

    Raises:
        RigsightError: EXP-101 to EXP-103 for the calibration, EXP-104 when a variant misses its budget.
    """
    reference = OnnxRuntimeEngine(graph.data)
    say("scoring fp32")
    whole = material.score(bundle, reference, WORST_CASES)
    say("running the calibration pictures")
    feeds = material.feeds(bundle, reference, options.feeds)
    ranges = _ranges(bundle, graph.data, material, options, feeds, report, say)
    some = feeds[:: max(1, len(feeds) // COMPARED_FEEDS)][:COMPARED_FEEDS]
    work = _Work(bundle, graph, network, material, options, reference, whole, ranges, some, say)
    graphs: dict[Variant, tuple[bytes, Decision | None]] = {}
    islands: tuple[Island, ...] = ()
    if "fp16" in options.variants:
        islands = islands_of(graph.data, ranges.largest, graph.modules)
        graphs["fp16"] = (to_half(graph.data, {island.node for island in islands}), None)
    for kind in ("int8", "int8-cpu"):
        if kind in options.variants:
            graphs[kind] = work.int8(kind)
    engines: dict[Variant, Engine] = {
        name: OnnxRuntimeEngine(for_judging(data) if name == "fp16" else data, where=f"the variant {name}")
        for name, (data, _) in graphs.items()
    }
    say("timing the variants in turns")
    times = _times({"fp32": graph.data, **{name: data for name, (data, _) in graphs.items()}}, some[0])
    made = [work.reference(times["fp32"])]
    for name, (data, decision) in graphs.items():
        say(f"judging {name}")
        made.append(work.judge(name, data, engines[name], decision, times))
    return Precision(tuple(made), islands, material.spread, material.name, options.method, options.budget)


def _ranges(
    bundle: Bundle,
    graph: bytes,
    material: Material,
    options: PrecisionOptions,
    feeds: Sequence[Feeds],
    report: Path,
    say: Callable[[str], None],
) -> Ranges:
    if options.calibration is not None:
        return reuse(options.calibration, options.method, graph, bundle, material)
    ranges = collect_ranges(
        graph, feeds, options.method, lambda done, total: say(f"finding ranges, input {done} of {total}")
    )
    keep(report / CALIBRATION_FILE, ranges, graph, bundle, material)
    return ranges


@dataclass(frozen=True)
class _Work:
    """What all variants share."""

    bundle: Bundle
    graph: Graph
    network: Any
    material: Material
    options: PrecisionOptions
    engine: Engine
    whole: Score
    ranges: Ranges
    feeds: Sequence[Feeds]
    say: Callable[[str], None]

    def int8(self, kind: Kind) -> tuple[bytes, Decision]:
        nodes = quantisable(self.graph.data)
        kinds = fragile_kinds(self.network, self.graph.modules)
        groups = make_groups(nodes, self.graph.modules, fragile_nodes(self.graph.data, nodes, kinds))
        decision = sweep(
            groups,
            lambda floats: OnnxRuntimeEngine(quantise(self.graph.data, self.ranges, kind, floats)),
            lambda engine: self.material.score(self.bundle, engine).value,
            self.engine,
            self.feeds,
            self.options.budget,
            lambda line: self.say(f"{kind}: {line}"),
        )
        return quantise(self.graph.data, self.ranges, kind, decision.floats), decision

    def reference(self, milliseconds: float) -> Made:
        verdict = Verdict(
            accepted=True, reason="the reference", metrics={"score": round(self.whole.value, 5)}
        )
        return Made("fp32", self.graph.data, verdict, self.whole, 1.0, milliseconds)

    def judge(
        self,
        name: Variant,
        data: bytes,
        engine: Engine,
        decision: Decision | None,
        times: Mapping[Variant, float],
    ) -> Made:
        """The verdict on one variant, from ONNX Runtime on the same graph: *simulated* for TensorRT."""
        score = self.material.score(self.bundle, engine, WORST_CASES)
        agreement = float(np.mean([self._agreement(engine, feed) for feed in self.feeds]))
        lost = 100.0 * (self.whole.value - score.value)
        metrics = {
            "score": round(score.value, 5),
            "points_lost": round(lost, 3),
            "mask_agreement": round(agreement, 6),
            "size_ratio": round(len(data) / len(self.graph.data), 3),
        }
        if name == "int8-cpu":
            metrics["times_as_fast"] = round(times["fp32"] / times[name], 2)
        accepted, reason = True, _change(lost, score.metric)
        if lost > self.options.budget:
            accepted, reason = False, f"{reason}, the budget is {self.options.budget:g}"
        elif name == "fp16" and agreement < MIN_HALF_AGREEMENT:
            accepted, reason = False, f"only {agreement:.3%} of the mask agree with fp32"
        elif decision is not None and not decision.quantised:
            accepted, reason = False, "nothing of it could become INT8: keep fp16, or fp32 on CPUs"
        elif name == "int8-cpu" and times[name] >= times["fp32"]:
            reason += f", {times['fp32'] / times[name]:.2f} times as fast: keep fp32 on CPUs"
        elif name == "int8-cpu":
            reason += f", {times['fp32'] / times[name]:.2f} times as fast"
        else:
            reason += ", simulated in ONNX Runtime"
        verdict = Verdict(accepted=accepted, reason=reason, metrics=metrics)
        return Made(name, data, verdict, score, agreement, times[name], decision)

    def _agreement(self, engine: Engine, feed: Feeds) -> float:
        threshold = self.bundle.spec.threshold
        expected = mask_of(self.engine.infer(feed), threshold)
        return float((expected == mask_of(engine.infer(feed), threshold)).mean())


def refuse_failures(precision: Precision, report: Path) -> None:
    """Raises EXP-104 with the first variant that was not accepted though it was asked for."""
    for made in precision.made:
        if not made.verdict.accepted and made.decision is None:
            raise codes.BUDGET_MISSED(
                f"{made.variant}: {made.verdict.reason}", where=report / f"worst-{made.variant}.png"
            )


def _change(lost: float, metric: str) -> str:
    """In words.

    >>> _change(0.123, "F1"), _change(-0.08, "mIoU")
    ('loses 0.12 points of F1', 'gains 0.08 points of mIoU')
    """
    return f"{'loses' if lost >= 0 else 'gains'} {abs(lost):.2f} points of {metric}"


def _times(graphs: Mapping[Variant, bytes], feed: Feeds) -> dict[Variant, float]:
    """Processor milliseconds of one inference on one thread, the variants in turns."""
    engines = {name: OnnxRuntimeEngine(data, threads=1) for name, data in graphs.items()}
    calls = {str(name): (lambda engine=engine: engine.infer(feed)) for name, engine in engines.items()}
    found = medians_ms(calls, TIMED_ROUNDS, lambda: None)
    return {name: found[str(name)] for name in engines}
