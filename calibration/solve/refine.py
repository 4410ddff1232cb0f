"""From a start to the joint minimum: bias, adjustment and noise in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.solve.adjust import Adjusted, adjust
from rigsight.calibration.solve.circle_bias import circle_bias
from rigsight.calibration.solve.linear import Target, residuals
from rigsight.calibration.solve.noise import factors, rough_factor, scaled
from rigsight.calibration.solve.state import State
from rigsight.calibration.solve.views import Observations, View, gather

ROUNDS = 8
# What may still change when the rounds end: noise factors, relatively, and bias, in standard deviations.
STEADY, STEADY_SIGMAS = 0.01, 0.02


@dataclass(frozen=True)
class Refined:
    """A joint minimum, with each camera's noise.

    Attributes:
        found: the minimum.
        observed: bias-free, scaled observations of each camera at it.
        factors: on the detections' stated standard deviations, for each camera.
    """

    found: Adjusted
    observed: tuple[Observations, ...]
    factors: tuple[float, ...]

    @property
    def state(self) -> State:
        """The unknowns at the minimum."""
        return self.found.state


def refine(state: State, views: Sequence[View], board: Board) -> Refined:
    """Adjust lenses, poses and noise until they agree with each other."""
    target = Target.of(board)
    raw = [gather(views, name) for name in state.names]
    previous = np.ones(len(raw))
    found: Adjusted | None = None
    free = raw
    for _ in range(ROUNDS):
        before = free
        free = [_without_bias(state, index, views, seen, board) for index, seen in enumerate(raw)]
        if found is None:
            previous = np.array([rough_factor(state, i, seen, target) for i, seen in enumerate(free)])
        observed = [scaled(seen, float(f)) for seen, f in zip(free, previous, strict=True)]
        found = adjust(state, observed, target)
        state = found.state
        change = np.array(factors(found, observed, target))
        previous = previous * change
        if np.abs(change - 1).max() < STEADY and _same(before, free):
            break
    assert found is not None
    return Refined(found, tuple(observed), tuple(float(f) for f in previous))


def view_errors(refined: Refined, views: Sequence[View], board: Board) -> dict[str, dict[str, Float64]]:
    """View -> camera -> observed minus predicted, pixels, float64 [N,2]."""
    target = Target.of(board)
    off: dict[str, dict[str, Float64]] = {view.name: {} for view in views}
    for index, (name, seen) in enumerate(zip(refined.state.names, refined.observed, strict=True)):
        everything = residuals(refined.state, index, seen, target)
        for number, view in enumerate(views):
            if name in view.seen:
                off[view.name][name] = everything[seen.of_view(number)]
    return off


def _same(before: Sequence[Observations], after: Sequence[Observations]) -> bool:
    """Whether the points hardly moved, compared with their noise."""
    moved = [
        float(np.abs(b.whiten @ (b.pixels - a.pixels)[:, :, None]).max())
        for a, b in zip(before, after, strict=True)
    ]
    return max(moved) < STEADY_SIGMAS


def _without_bias(
    state: State, camera: int, views: Sequence[View], seen: Observations, board: Board
) -> Observations:
    """The points freed of the bias of ellipse centres, where they are such and the diameter is known."""
    name = state.names[camera]
    if not board.diameter_m or not any(name in v.seen and v.seen[name].ellipse_centres for v in views):
        return seen
    pixels = seen.pixels.copy()
    for index, view in enumerate(views):
        if name in view.seen and view.seen[name].ellipse_centres:
            part = seen.of_view(index)
            pose = state.extrinsics[camera] @ state.poses[index]
            pixels[part] -= circle_bias(state.cameras[camera], pose, board)[seen.ids[part]]
    return replace(seen, pixels=pixels)
