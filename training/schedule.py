"""The order of the training: rounds of a fusion and a segmentation phase, cut into parts that are saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rigsight.training.config import TrainConfig

Phase = Literal["fusion", "segmentation"]


@dataclass(frozen=True)
class Part:
    """Steps between two checkpoints. ``round`` counts from 1; ``first`` is the phase's step at its start."""

    phase: Phase
    round: int
    first: int
    steps: int
    last_of_phase: bool


def parts(config: TrainConfig) -> list[Part]:
    """All parts of a run, in order; ``first`` counts a phase's steps over all rounds."""
    done: dict[Phase, int] = {"fusion": 0, "segmentation": 0}
    steps: dict[Phase, int] = {"fusion": config.fusion.steps, "segmentation": config.segmentation.steps}
    result = []
    for number in range(1, config.schedule.rounds + 1):
        for phase, total in steps.items():
            left = total
            while left > 0:
                size = min(left, config.schedule.checkpoint_steps)
                left -= size
                result.append(Part(phase, number, done[phase], size, left == 0))
                done[phase] += size
    return result


def rate(step: int, total: int, warmup: int, power: float) -> float:
    """Learning rate at ``step`` as a share of the highest: linear warm-up, then (1 - t)^power.

    >>> [rate(s, 10, 2, 1.0) for s in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    warmup = min(warmup, total // 2)
    if step < warmup:
        return (step + 1) / warmup
    left: float = max(0.0, 1 - (step - warmup) / max(total - warmup, 1))
    return float(left**power)
