"""FP16 and INT8 variants of a bundle's graphs, each with a verdict on what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import or_
from pathlib import Path

from rigsight.edge.benchmarks.interleave import medians_ms
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Variant, Verdict
from rigsight.edge.engines.base import Array, Engine
from rigsight.export import codes
from rigsight.export.precision.calibration import keep, reuse
from rigsight.export.precision.chain import part_feeds
from rigsight.export.precision.half import for_judging
from rigsight.export.precision.islands import Island
from rigsight.export.precision.judge import Measured, Same, agreement, judged
from rigsight.export.precision.material import Material, Spread
from rigsight.export.precision.quantise import Kind
from rigsight.export.precision.ranges import Method, Ranges, collect_ranges
from rigsight.export.precision.recorder import Feeds
from rigsight.export.precision.sensitivity import Decision, sweep
from rigsight.export.precision.sources import Graphs, Sources, parts_of

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
    """One variant: its graphs by part, its verdict, and what the verdict rests on."""

    variant: Variant
    graphs: Graphs
    verdict: Verdict
    found: Measured


@dataclass(frozen=True)
class Precision:
    """All variants of one bundle, the float one first; ``same`` is what agrees with it."""

    made: tuple[Made, ...]
    islands: tuple[Island, ...]
    spread: Spread
    material: str
    method: Method
    budget: float
    same: Same = "mask"


def make_variants(
    bundle: Bundle,
    sources: Sources,
    material: Material,
    options: PrecisionOptions,
    report: Path,
    say: Callable[[str], None] = lambda line: None,
) -> Precision:
    """Make and judge the variants of ``sources``, the float32 graphs of ``bundle``.

    What is learned about the ranges is kept in ``report``; the pictures of a failure too.

    Raises:
        RigsightError: EXP-101 to EXP-103 for the calibration.
    """
    reference = sources.engine(sources.graphs)
    say("scoring fp32")
    whole = material.score(bundle, reference, WORST_CASES)
    say("running the calibration pictures")
    pictures = material.feeds(bundle, reference, options.feeds)
    ranges = _ranges(bundle, sources, reference, material, options, pictures, report, say)
    stride = max(1, len(pictures) // COMPARED_FEEDS)
    some = pictures[::stride][:COMPARED_FEEDS]
    mixed = [picture for first in range(stride) for picture in pictures[first::stride]]
    graphs: dict[Variant, Graphs] = {}
    decisions: dict[Variant, Decision] = {}
    islands: tuple[Island, ...] = ()
    if "fp16" in options.variants:
        graphs["fp16"], islands = sources.half(ranges)
    kinds: tuple[Kind, ...] = ("int8", "int8-cpu")
    for kind in (kind for kind in kinds if kind in options.variants):
        decisions[kind] = _decide(kind, bundle, sources, reference, material, options, ranges, mixed, say)
        graphs[kind] = sources.quantised(ranges, kind, decisions[kind].floats)
    say("timing the variants in turns")
    times = _times(sources, {"fp32": sources.graphs, **graphs}, some[0])
    same: Same = "mask" if sources.steps is None else "detections"
    first = Measured(whole, 1.0, _size(sources.graphs), times["fp32"])
    verdict = Verdict(accepted=True, reason="the reference", metrics={"score": round(whole.value, 5)})
    made = [Made("fp32", sources.graphs, verdict, first)]
    for name, variant in graphs.items():
        say(f"judging {name}")
        engine = sources.engine(_as_judged(name, variant), where=f"the variant {name}")
        found = Measured(
            material.score(bundle, engine, WORST_CASES),
            agreement(bundle, reference, engine, some),
            _size(variant),
            times[name],
            decisions.get(name),
        )
        verdict = judged(name, found, first, options.budget, same)
        made.append(Made(name, variant, verdict, found))
        engine.close()
    return Precision(
        tuple(made), islands, material.spread, material.name, options.method, options.budget, same
    )


def refuse_failures(precision: Precision, report: Path) -> None:
    """Raises EXP-104 with the first variant that was not accepted though it was asked for."""
    for made in precision.made:
        if not made.verdict.accepted and made.found.decision is None:
            raise codes.BUDGET_MISSED(
                f"{made.variant}: {made.verdict.reason}", where=report / f"worst-{made.variant}.png"
            )


def _ranges(
    bundle: Bundle,
    sources: Sources,
    reference: Engine,
    material: Material,
    options: PrecisionOptions,
    pictures: Sequence[Feeds],
    report: Path,
    say: Callable[[str], None],
) -> dict[str, Ranges]:
    """The ranges of every part, from what the real chain feeds it."""
    if options.calibration is not None:
        return reuse(options.calibration, options.method, sources.graphs, bundle, material)
    ranges = {}
    for part, graph in sources.graphs.items():
        of = "" if len(sources.parts) == 1 else f" of {part}"

        def progress(done: int, of: str = of) -> None:
            say(f"finding ranges{of}, input {done} of {len(pictures)}")

        ranges[part] = collect_ranges(graph, part_feeds(reference, part, pictures), options.method, progress)
    keep(report / CALIBRATION_FILE, ranges, sources.graphs, bundle, material)
    return ranges


def _decide(
    kind: Kind,
    bundle: Bundle,
    sources: Sources,
    reference: Engine,
    material: Material,
    options: PrecisionOptions,
    ranges: Mapping[str, Ranges],
    pictures: Sequence[Feeds],
    say: Callable[[str], None],
) -> Decision:
    """Which layers of all parts stay float in INT8 of this kind."""
    samples = {
        part: list(islice(part_feeds(reference, part, pictures), COMPARED_FEEDS)) for part in sources.parts
    }

    float_parts = parts_of(reference)
    known: dict[str, list[dict[str, Array]]] = {}

    def answers(engine: Engine) -> list[dict[str, Array]]:
        """What every part gives for its own samples: other proposals would hide what a layer costs."""
        found = []
        for part, own in parts_of(engine).items():
            if part not in known:
                known[part] = _outputs(float_parts[part], part, sources, samples[part])
            float_one = own is float_parts[part]
            found.append(known[part] if float_one else _outputs(own, part, sources, samples[part]))
        return [reduce(or_, each) for each in zip(*found, strict=False)]

    return sweep(
        sources.groups(),
        lambda floats: sources.engine(sources.quantised(ranges, kind, floats), float_parts),
        lambda engine: material.score(bundle, engine).value,
        reference,
        answers,
        options.budget,
        lambda line: say(f"{kind}: {line}"),
    )


def _outputs(engine: Engine, part: str, sources: Sources, feeds: Sequence[Feeds]) -> list[dict[str, Array]]:
    """Copies of what one part gives, but for rows in an order of its own."""
    left_out = sources.parts[part].sorted_rows
    return [
        {f"{part}.{name}": array.copy() for name, array in engine.infer(feed).items() if name not in left_out}
        for feed in feeds
    ]


def _as_judged(name: Variant, graphs: Graphs) -> Graphs:
    return {part: for_judging(data) for part, data in graphs.items()} if name == "fp16" else graphs


def _size(graphs: Graphs) -> int:
    return sum(map(len, graphs.values()))


def _times(sources: Sources, graphs: Mapping[Variant, Graphs], feed: Feeds) -> dict[Variant, float]:
    """Processor milliseconds of one inference on one thread, the variants in turns."""
    engines = {name: sources.engine(each, threads=1) for name, each in graphs.items()}
    calls = {str(name): (lambda engine=engine: engine.infer(feed)) for name, engine in engines.items()}
    found = medians_ms(calls, TIMED_ROUNDS, lambda: None)
    for engine in engines.values():
        engine.close()
    return {name: found[str(name)] for name in engines}
