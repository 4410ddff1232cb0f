"""From what was measured to the variant that runs. No files, no clocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rigsight.edge.bundle.spec import Variant

# A variant takes the place of the default only where it is faster by more than timing noise.
WORTH_CHANGING = 1.05


@dataclass(frozen=True)
class Row:
    """One variant on this device.

    ``score`` in 0..1 on the bundle's labelled pictures and ``lost`` in points (of 100) against float32 in
    ONNX Runtime on this machine; nan without labelled pictures. ``agreement`` is the share of mask pixels
    that equal that reference's. Times of one inference in ms; ``speed`` relative to the first row's.
    ``refused`` says why it may not run here.
    """

    variant: Variant
    score: float = math.nan
    lost: float = math.nan
    agreement: float = math.nan
    p50_ms: float = math.nan
    p95_ms: float = math.nan
    speed: float = math.nan
    megabytes: float = math.nan
    refused: str | None = None


@dataclass(frozen=True)
class Decision:
    """``chosen`` is the variant to run, None where none of them may; ``reason`` is for people."""

    chosen: Variant | None
    reason: str
    rows: tuple[Row, ...]


def decide(rows: Sequence[Row], budget: float, asked: Variant | None = None) -> Decision:
    """Choose among ``rows``, the default first.

    A variant that loses more than ``budget`` points is refused. The default stays unless it is refused, or
    another is faster by a twentieth and its accuracy was measured here. ``asked`` is what the user wants,
    whatever was measured.

    >>> fp16 = Row("fp16", 0.70, 0.1, 0.999, p50_ms=10.0)
    >>> decide([fp16, Row("int8", 0.699, 0.2, 0.99, p50_ms=6.0)], 0.5).chosen
    'int8'
    >>> decide([fp16, Row("int8", 0.60, 10.0, 0.9, p50_ms=6.0)], 0.5).chosen
    'fp16'
    """
    judged = tuple(_judged(row, budget) for row in rows)
    if asked is not None:
        [row] = [row for row in judged if row.variant == asked]
        against = "" if row.refused is None else f", though it {row.refused}"
        return Decision(asked, f"asked for{against}", judged)
    fit = [row for row in judged if row.refused is None]
    if not fit:
        return Decision(None, "; ".join(f"{row.variant} {row.refused}" for row in judged), judged)
    default = fit[0]
    overruled = default is not judged[0]
    best = min(fit, key=lambda row: (row.p50_ms, fit.index(row)))
    if best is not default and default.p50_ms / best.p50_ms >= WORTH_CHANGING:
        if math.isnan(best.lost):
            reason = f"{best.variant} is {_times(default, best)} as fast, its accuracy was not measured here"
            return Decision(default.variant, reason, judged)
        reason = f"{_times(default, best)} as fast as {default.variant}, {_points(best)}"
        return Decision(best.variant, reason, judged)
    if overruled:
        return Decision(default.variant, f"{judged[0].variant} {judged[0].refused}", judged)
    return Decision(default.variant, "nothing else is faster" if len(fit) > 1 else "the default", judged)


def _judged(row: Row, budget: float) -> Row:
    if row.refused is None and row.lost > budget:
        return replace(row, refused=f"loses {row.lost:.2f} points, the budget is {budget:g}")
    return row


def _times(slow: Row, fast: Row) -> str:
    return f"{slow.p50_ms / fast.p50_ms:.2f} times"


def _points(row: Row) -> str:
    return f"{'losing' if row.lost >= 0 else 'gaining'} {abs(row.lost):.2f} points"
