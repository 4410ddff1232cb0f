"""The golden inputs through a new engine and the real predictor: an engine that departs is not kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rigsight.edge import codes
from rigsight.edge.bundle.golden import (
    MAX_FUSED_DIFFERENCE,
    MAX_PROBABILITY_DIFFERENCE,
    MIN_INSTANCE_AGREEMENT,
    MIN_MASK_AGREEMENT,
    GoldenResult,
    compare_golden,
)
from rigsight.edge.bundle.golden_instances import ALIKE, SAME, Tolerance
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Variant
from rigsight.edge.engines.base import Engine


@dataclass(frozen=True)
class Limits:
    """The least share of equal mask pixels; the largest mean differences in levels of 255.

    Of detections the least share that are the same ``within`` a tolerance.
    """

    mask_agreement: float
    fused: float
    probability: float
    instances: float = MIN_INSTANCE_AGREEMENT
    within: Tolerance = SAME


# FP16 is held to what another processor's float32 is held to; INT8 moves borders, and export has judged it.
LIMITS: dict[Variant, Limits] = {
    "fp32": Limits(MIN_MASK_AGREEMENT, MAX_FUSED_DIFFERENCE, MAX_PROBABILITY_DIFFERENCE),
    "fp16": Limits(MIN_MASK_AGREEMENT, MAX_FUSED_DIFFERENCE, MAX_PROBABILITY_DIFFERENCE),
    "int8": Limits(0.97, 3.0, 12.0),
}
# Where a score passes one half the mask changes by a whole thing: INT8's detections are asked one by one.
INT8_INSTANCES = Limits(0.9, 3.0, 12.0, instances=0.8, within=ALIKE)


def check_engine(bundle: Bundle, engine: Engine, variant: Variant) -> list[GoldenResult]:
    """Run the bundle's golden inputs through ``engine``.

    Raises:
        RigsightError: BND-001 without a readable golden file, BND-007 where a case departs.
    """
    things = variant == "int8" and bundle.spec.instances is not None
    limits = INT8_INSTANCES if things else LIMITS[variant]
    results = compare_golden(bundle, engine, limits.within)
    failed = [result for result in results if not _passes(result, limits)]
    if failed:
        worst = min(failed, key=lambda result: (result.mask_agreement, result.instance_agreement or 0.0))
        also = "" if worst.instance_agreement is None else f", and {limits.instances:.0%} of the detections"
        raise codes.GOLDEN_FAILED(
            f"the {variant} engine departs on golden case '{worst.scene}': {words([worst])}, at least "
            f"{limits.mask_agreement:.1%} must{also}",
            where=bundle.path,
            fix="It was not kept. Build another variant, or run with '--engine onnxruntime'.",
        )
    return results


def words(results: Sequence[GoldenResult]) -> str:
    """The worst of the cases."""
    parts = [f"{min(result.mask_agreement for result in results):.3%} of the mask agree"]
    fused = [result.fused_difference for result in results if result.fused_difference is not None]
    if fused:
        parts.append(f"fused differs by {max(fused):.2f}")
    levels = [
        result.probability_difference for result in results if result.probability_difference is not None
    ]
    if levels:
        parts.append(f"the foreground's probability by {max(levels):.1f} of 255")
    same = [result.instance_agreement for result in results if result.instance_agreement is not None]
    if same:
        parts.append(f"{min(same):.0%} of the detections are the same")
    return ", ".join(parts)


def _passes(result: GoldenResult, limits: Limits) -> bool:
    return (
        result.mask_agreement >= limits.mask_agreement
        and (result.fused_difference or 0.0) <= limits.fused
        and (result.probability_difference or 0.0) <= limits.probability
        and (result.instance_agreement is None or result.instance_agreement >= limits.instances)
    )
