"""The order of the training: rounds of a fusion and a segmentation phase, cut into parts that are saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rigsight.training.config import InteractiveRecipe

Phase = Literal["fusion", "segmentation"]


@dataclass(frozen=True)
class Part:
    """Steps between two checkpoints. ``round`` counts from 1; ``first`` is the phase's step at its start."""

    phase: Phase
    round: int
    first: int
    steps: int
    last_of_phase: bool


def parts(recipe: InteractiveRecipe) -> list[Part]:
    """All parts of a run, in order; ``first`` counts a phase's steps over all rounds."""
    done: dict[Phase, int] = {"fusion": 0, "segmentation": 0}
    steps: dict[Phase, int] = {"fusion": recipe.fusion.steps, "segmentation": recipe.segmentation.steps}
    result = []
    for number in range(1, recipe.rounds + 1):
        for phase, total in steps.items():
            left = total
            while left > 0:
                size = min(left, recipe.checkpoint_steps)
                left -= size
                result.append(Part(phase, number, done[phase], size, left == 0))
                done[phase] += size
    return result
