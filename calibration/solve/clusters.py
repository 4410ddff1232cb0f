"""Errors that a view's points share: more of them than independent noise means a larger covariance.

Detectors err alike over a whole picture (blur, uneven heat, a board that is not quite flat), so that a view
counts for less than its number of points. The views' own pulls on the rig tell: independent noise makes them
as large as their information says.
"""

from __future__ import annotations

import numpy as np

from rigsight.calibration.boards import Board
from rigsight.calibration.solve.adjust import total
from rigsight.calibration.solve.linear import Arrow, Target, cost_and_weights, linearise
from rigsight.calibration.solve.noise import inverse
from rigsight.calibration.solve.refine import Refined
from rigsight.calibration.solve.views import Observations

SIGNIFICANT = 2.0  # standard deviations above independence from which the covariance grows


def view_inflation(refined: Refined, board: Board) -> float:
    """Factor >= 1 on the covariance for errors that the points of a view share.

    With H the information of all views, I_v that of one and g_v its gradient at the minimum, sum g^T H^-1 g
    has the expectation P - sum tr (H^-1 I_v)^2 and the variance 2 sum tr (H^-1 I_v)^2 if errors are
    independent (the cluster-robust variance of White, "Maximum likelihood estimation of misspecified models",
    Econometrica 1982, reduced to one figure). A sum that is significantly larger multiplies the covariance.
    """
    target = Target.of(board)
    information, gradients = [], []
    for view in range(len(refined.state.poses)):
        arrow = _of_view(refined, target, view)
        eliminated = arrow.joint[0] @ np.linalg.inv(arrow.own[0])
        information.append(arrow.shared - eliminated @ arrow.joint[0].T)
        gradients.append(arrow.shared_side - eliminated @ arrow.own_side[0])
    if not len(gradients[0]):
        return 1.0
    covariance = inverse(np.sum(information, axis=0))
    shares = covariance @ np.array(information)
    spread = float(np.einsum("vij,vji->", shares, shares))
    expected = len(covariance) - spread
    if expected <= 1:
        return 1.0
    pulls = np.array(gradients)
    ratio = float(np.einsum("vi,ij,vj->", pulls, covariance, pulls)) / expected
    deviation = float(np.sqrt(2 * spread)) / expected
    return ratio if ratio > 1 + SIGNIFICANT * deviation else 1.0


def _of_view(refined: Refined, target: Target, view: int) -> Arrow:
    """The normal equations of one view."""
    state = refined.state.without_views([view])
    arrows = []
    for camera, seen in enumerate(refined.observed):
        part = seen.of_view(view)
        if part.stop > part.start:
            index = np.zeros(part.stop - part.start, dtype=np.intp)
            alone = Observations(index, seen.ids[part], seen.pixels[part], seen.whiten[part])
            _, weights = cost_and_weights(state, camera, alone, target)
            arrows.append(linearise(state, camera, alone, target, weights))
    return total(arrows)
