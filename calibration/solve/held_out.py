"""Held-out error: what the rig does to views that it was not solved from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rigsight.calibration.boards import Board
from rigsight.calibration.solve.adjust import adjust_poses
from rigsight.calibration.solve.camera import FEWEST_VIEWS, rms
from rigsight.calibration.solve.epipolar import epipolar_error_px
from rigsight.calibration.solve.linear import Target, residuals
from rigsight.calibration.solve.refine import refine
from rigsight.calibration.solve.solution import Solution
from rigsight.calibration.solve.views import gather

FOLDS = 5


@dataclass(frozen=True)
class HeldOut:
    """Errors of views left out of the solution, k-fold.

    Attributes:
        folds: how many parts the views were dealt into.
        reprojection_px: root mean square over both cameras, each left-out board's pose fitted to the fixed
            rig, pixels.
        epipolar_px: mean epipolar error, pixels; NaN for one camera.
        per_view_px: view -> reprojection error, pixels.
    """

    folds: int
    reprojection_px: float
    epipolar_px: float
    per_view_px: dict[str, float]


def held_out_error(solution: Solution, board: Board, folds: int = FOLDS) -> HeldOut | None:
    """Solve again without each fold of the views and measure there; None with too few views for it."""
    views, state = solution.views, solution.refined.state
    folds = min(folds, len(views))
    if folds < 2 or len(views) - -(-len(views) // folds) < FEWEST_VIEWS:
        return None
    target = Target.of(board)
    errors, lines = {}, []
    offs = []
    for fold in range(folds):
        out = list(range(fold, len(views), folds))
        kept = [index for index in range(len(views)) if index not in out]
        trained = refine(state.without_views(kept), [views[index] for index in kept], board).state
        tested = replace(trained, poses=state.poses[out])
        left = [views[index] for index in out]
        observed = [gather(left, name) for name in state.names if any(name in v.seen for v in left)]
        if len(observed) < len(state.names):
            continue
        tested = adjust_poses(tested, observed, target)
        for index, view in enumerate(left):
            seen = [
                residuals(tested, camera, its, target)[its.of_view(index)]
                for camera, its in enumerate(observed)
            ]
            offs += seen
            errors[view.name] = rms(*seen)
            if len(state.names) > 1 and all(name in view.seen for name in state.names):
                pair = tuple(its.pixels[its.of_view(index)] for its in observed)
                ids = [its.ids[its.of_view(index)] for its in observed]
                common, first, second = np.intersect1d(ids[0], ids[1], return_indices=True)
                if len(common):
                    matched = [(pair[0][first], pair[1][second])]
                    first_camera, other = tested.cameras
                    lines.append(epipolar_error_px(first_camera, other, tested.extrinsics[1], matched))
    if not offs:
        return None
    return HeldOut(folds, rms(*offs), float(np.mean(lines)) if lines else float("nan"), errors)
