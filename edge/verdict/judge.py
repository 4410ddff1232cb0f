"""Accuracy, agreement and speed of a bundle's variants on this machine, all on the same pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from rigsight.edge.benchmarks.variants import Rival, golden_feeds, time_rivals
from rigsight.edge.bundle.golden import GOLDEN_FILE, Golden
from rigsight.edge.bundle.labelled import labelled_names, read_case
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Variant
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.select import open_engine, tiled
from rigsight.edge.frames import Aligned, UInt8
from rigsight.edge.predictor import Predictor
from rigsight.edge.scoring.sheet import Worst
from rigsight.edge.verdict.decide import Row
from rigsight.edge.verdict.meter import Meter, agreement

ROUNDS = 10
WORST_CASES = 4


@dataclass(frozen=True)
class Judged:
    """``metric`` of the rows' scores; ``reference`` the score of float32, nan without labelled pictures.

    ``pictures`` labelled ones were judged. ``sheets``: variant -> uint8 [H,W,3] of the pictures where it
    departs most from float32.
    """

    metric: str
    reference: float
    pictures: int
    rows: tuple[Row, ...]
    sheets: Mapping[Variant, UInt8]


def judge_variants(
    bundle: Bundle,
    engines: Mapping[Variant, Engine],
    megabytes: Mapping[Variant, float],
    step: Callable[[str], None] = lambda what: None,
    rounds: int = ROUNDS,
) -> Judged:
    """Run every engine on the bundle's labelled pictures, or without any on its golden ones, and time them.

    Args:
        bundle: what was built.
        engines: of the main graph, or of all graphs of an instance bundle; they stay open.
        megabytes: of every engine.
        step: hears what is being done.
        rounds: turns of five inferences in which the engines are timed.

    Raises:
        RigsightError: BND-… for pictures that cannot be read; ENG-008 where the GPU fails.
    """
    whole = bundle.spec.instances is not None
    running = {name: engine if whole else tiled(engine, bundle) for name, engine in engines.items()}
    lenient = replace(bundle, spec=bundle.spec.model_copy(update={"min_accuracy": 0.0}))
    names = [] if whole else labelled_names(bundle.spec.files)
    with closing(open_engine(bundle)) as reference:
        walk = _Walk(lenient, reference, running)
        for number, name in enumerate(names):
            step(f"judging labelled picture {number + 1} of {len(names)}")
            case = read_case(bundle, name)
            walk.add(name, case.aligned(bundle), case.truth)
        if not names:
            golden = Golden.from_bytes(bundle.read(GOLDEN_FILE), where=str(bundle.path))
            for number, scene in enumerate(golden.scenes):
                step(f"comparing on golden case '{scene}'")
                walk.add(scene, golden.aligned(number, bundle), None)
    step("timing the variants in turns")
    feeds = {name: golden_feeds(bundle, name) for name in engines}
    rivals = [
        Rival(name, lambda engine=engine, fed=feeds[name]: engine.infer(fed), megabytes[name])  # type: ignore[misc]
        for name, engine in engines.items()
    ]
    times = dict(zip(engines, time_rivals(rivals, rounds), strict=True))
    rows = tuple(
        replace(
            walk.row(name),
            p50_ms=times[name].p50,
            p95_ms=times[name].p95,
            speed=times[name].speed,
            megabytes=times[name].megabytes,
        )
        for name in engines
    )
    return Judged(walk.metric, walk.reference, len(names), rows, walk.sheets())


class _Walk:
    """One walk over the pictures: the reference and all variants see each picture once."""

    def __init__(self, bundle: Bundle, reference: Engine, engines: Mapping[Variant, Engine]) -> None:
        self._reference = Predictor(bundle, reference)
        self._predictors = {name: Predictor(bundle, engine) for name, engine in engines.items()}
        self._whole = Meter(bundle)
        self._meters = {name: Meter(bundle) for name in engines}
        self._equal: dict[Variant, list[float]] = {name: [] for name in engines}
        self._worst = {name: Worst(WORST_CASES, bundle.spec.classes, "fp32") for name in engines}
        self._labelled = False

    def add(self, name: str, aligned: Aligned, truth: UInt8 | None) -> None:
        """Count one picture set; without ``truth`` only the agreement."""
        expected = self._reference(aligned).mask
        if truth is not None:
            self._labelled = True
            self._whole.add(expected, truth)
        seen = _Seen(
            aligned.rgb if "rgb" in aligned.source.frames else None,
            aligned.thermal if "thermal" in aligned.source.frames else None,
        )
        for variant, predictor in self._predictors.items():
            mask = predictor(aligned).mask
            equal = agreement(mask, expected)
            self._equal[variant].append(equal)
            self._worst[variant].add(name, equal, seen, expected, mask)
            if truth is not None:
                self._meters[variant].add(mask, truth)

    @property
    def metric(self) -> str:
        return self._whole.metric

    @property
    def reference(self) -> float:
        return self._whole.value if self._labelled else math.nan

    def row(self, variant: Variant) -> Row:
        score = self._meters[variant].value if self._labelled else math.nan
        equal = self._equal[variant]
        return Row(variant, score, 100.0 * (self.reference - score), sum(equal) / len(equal))

    def sheets(self) -> dict[Variant, UInt8]:
        found = {name: worst.picture() for name, worst in self._worst.items() if min(self._equal[name]) < 1}
        return {name: sheet for name, sheet in found.items() if sheet is not None}


@dataclass(frozen=True)
class _Seen:
    """What the sheet shows of a case."""

    rgb: UInt8 | None
    thermal: UInt8 | None


def refused(variant: Variant, reason: str) -> Row:
    """The row of a variant that could not be built or did not compute what it should."""
    return Row(variant, refused=reason)


def with_refusals(judged: Judged, refusals: Sequence[Row], order: Sequence[Variant]) -> tuple[Row, ...]:
    """All rows, the default first as in ``order``."""
    rows = {row.variant: row for row in (*judged.rows, *refusals)}
    return tuple(rows[name] for name in order if name in rows)
