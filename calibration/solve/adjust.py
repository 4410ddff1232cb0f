"""Bundle adjustment: Levenberg-Marquardt with the board poses eliminated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.calibration.boards import Float64
from rigsight.calibration.solve.linear import Arrow, Target, cost_and_weights, linearise
from rigsight.calibration.solve.state import State
from rigsight.calibration.solve.views import Observations

MOST_STEPS = 60
CONVERGED = 1e-9  # relative fall of the cost
FIRST_DAMPING, MOST_DAMPING = 1e-4, 1e10


@dataclass(frozen=True)
class Adjusted:
    """A minimum: the state, its cost and the normal equations there (one arrow a camera)."""

    state: State
    cost: float
    arrows: tuple[Arrow, ...]

    @property
    def arrow(self) -> Arrow:
        """The normal equations of all cameras together."""
        return total(self.arrows)


def adjust(
    state: State, observed: Sequence[Observations], target: Target, steps: int = MOST_STEPS
) -> Adjusted:
    """Move all unknowns to the least robust cost, from a start near the solution.

    Levenberg-Marquardt with Marquardt's scaling on the arrow-shaped normal equations (Triggs et al., "Bundle
    adjustment: a modern synthesis", 2000, section 6.1); Huber weights are renewed in every step.
    """
    cost, weights = _costs(state, observed, target)
    damping = FIRST_DAMPING
    arrows = _linearised(state, observed, target, weights)
    for _ in range(steps):
        together = total(arrows)
        accepted = False
        while damping < MOST_DAMPING:
            step = solve_arrow(together, damping)
            if step is not None:
                trial = state.moved(*step)
                trial_cost, trial_weights = _costs(trial, observed, target)
                if trial_cost < cost:
                    accepted = True
                    break
            damping *= 8
        if not accepted:
            break
        fall, state, cost = (cost - trial_cost) / cost, trial, trial_cost
        damping = max(damping / 10, 1e-12)
        arrows = _linearised(state, observed, target, trial_weights)
        if fall < CONVERGED:
            break
    return Adjusted(state, cost, arrows)


def total(arrows: Sequence[Arrow]) -> Arrow:
    """The sum of the cameras' normal equations."""
    result = arrows[0]
    for arrow in arrows[1:]:
        result = result + arrow
    return result


def solve_arrow(arrow: Arrow, damping: float = 0.0) -> tuple[Float64, Float64] | None:
    """Steps of the shared parameters [S] and the poses [V,6], or None where the matrix is singular."""
    shared = arrow.shared + damping * np.diag(np.diag(arrow.shared))
    own = arrow.own + damping * arrow.own * np.eye(6)
    try:
        eliminated = arrow.joint @ np.linalg.inv(own)
        reduced = shared - np.einsum("vsi,vti->st", eliminated, arrow.joint)
        side = arrow.shared_side - np.einsum("vsi,vi->s", eliminated, arrow.own_side)
        step = _scaled_solve(reduced, side) if len(side) else side
        rest = arrow.own_side - np.einsum("vsi,s->vi", arrow.joint, step)
        poses = np.linalg.solve(own, rest[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        return None
    return (step, poses) if np.isfinite(step).all() and np.isfinite(poses).all() else None


def _scaled_solve(matrix: Float64, side: Float64) -> Float64:
    """Solve with the unknowns scaled to a unit diagonal: focal lengths and k2 differ by many decades."""
    scale = 1 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    solution: Float64 = scale * np.linalg.solve(matrix * np.outer(scale, scale), scale * side)
    return solution


def _costs(state: State, observed: Sequence[Observations], target: Target) -> tuple[float, list[Float64]]:
    found = [cost_and_weights(state, index, seen, target) for index, seen in enumerate(observed)]
    cost = sum(cost for cost, _ in found)
    return (cost if np.isfinite(cost) else float("inf")), [weights for _, weights in found]


def _linearised(
    state: State, observed: Sequence[Observations], target: Target, weights: Sequence[Float64]
) -> tuple[Arrow, ...]:
    return tuple(
        linearise(state, index, seen, target, its)
        for index, (seen, its) in enumerate(zip(observed, weights, strict=True))
    )


def adjust_poses(state: State, observed: Sequence[Observations], target: Target, steps: int = 20) -> State:
    """Move the board poses only, the rig stays; Gauss-Newton, for views near their poses."""
    for _ in range(steps):
        _, weights = _costs(state, observed, target)
        together = total(_linearised(state, observed, target, weights))
        poses = np.linalg.solve(together.own, together.own_side[:, :, None])[:, :, 0].astype(np.float64)
        state = state.moved(np.zeros(state.shared_count), poses)
        if np.abs(poses).max() < 1e-10:
            break
    return state
