"""The verdict on one variant, from ONNX Runtime on the same graphs: *simulated* for TensorRT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rigsight.edge.bundle import golden_instances
from rigsight.edge.bundle.golden import MIN_INSTANCE_AGREEMENT
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Variant, Verdict
from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.instances import read_instances
from rigsight.export.parity import mask_of
from rigsight.export.precision.material import Score
from rigsight.export.precision.recorder import Feeds
from rigsight.export.precision.sensitivity import Decision

MIN_HALF_AGREEMENT = 0.999
Same = Literal["mask", "detections"]
"""What of an answer is compared: the pixels of its class mask, or its detections one by one."""


@dataclass(frozen=True)
class Measured:
    """What was found of a variant.

    ``agreement`` is the share of mask pixels, or of detections, that equal the float graphs', ``size`` the
    bytes of its graphs, ``milliseconds`` the processor time of one inference in ONNX Runtime here.
    """

    score: Score
    agreement: float
    size: int
    milliseconds: float
    decision: Decision | None = None


def judged(name: Variant, found: Measured, reference: Measured, budget: float, same: Same) -> Verdict:
    """Whether the variant may run, and why."""
    lost = 100.0 * (reference.score.value - found.score.value)
    speed = reference.milliseconds / found.milliseconds
    metrics = {
        "score": round(found.score.value, 5),
        "points_lost": round(lost, 3),
        f"{same}_agreement": round(found.agreement, 6),
        "size_ratio": round(found.size / reference.size, 3),
    }
    if name == "int8-cpu":
        metrics["times_as_fast"] = round(speed, 2)
    accepted, reason = True, change(lost, found.score.metric)
    least = MIN_HALF_AGREEMENT if same == "mask" else MIN_INSTANCE_AGREEMENT
    if lost > budget:
        accepted, reason = False, f"{reason}, the budget is {budget:g}"
    elif name == "fp16" and found.agreement < least:
        accepted, reason = False, f"only {found.agreement:.3%} of the {same} agree with fp32"
    elif found.decision is not None and not found.decision.quantised:
        accepted, reason = False, "nothing of it could become INT8: keep fp16, or fp32 on CPUs"
    elif name == "int8-cpu" and speed <= 1:
        reason += f", {speed:.2f} times as fast: keep fp32 on CPUs"
    elif name == "int8-cpu":
        reason += f", {speed:.2f} times as fast"
    else:
        reason += ", simulated in ONNX Runtime"
    return Verdict(accepted=accepted, reason=reason, metrics=metrics)


def agreement(bundle: Bundle, reference: Engine, engine: Engine, feeds: Sequence[Feeds]) -> float:
    """The mean share of mask pixels that are of the same class, or of detections that are the same."""
    shares = [_agreement(bundle, reference.infer(feed), engine.infer(feed)) for feed in feeds]
    return float(np.mean(shares))


def _agreement(bundle: Bundle, expected: Mapping[str, Array], found: Mapping[str, Array]) -> float:
    steps = bundle.spec.instances
    if steps is None:
        threshold = bundle.spec.threshold
        return float((mask_of(expected, threshold) == mask_of(found, threshold)).mean())
    width, height = bundle.size
    ours, theirs = (read_instances(outputs, steps.sure) for outputs in (expected, found))
    return golden_instances.agreement(ours, theirs, steps.score, height, width)


def change(lost: float, metric: str) -> str:
    """In words.

    >>> change(0.123, "F1"), change(-0.08, "mIoU")
    ('loses 0.12 points of F1', 'gains 0.08 points of mIoU')
    """
    return f"{'loses' if lost >= 0 else 'gains'} {abs(lost):.2f} points of {metric}"
