"""How noisy each camera's points are, from what the solution leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rigsight.calibration.boards import Float64
from rigsight.calibration.solve.adjust import Adjusted
from rigsight.calibration.solve.linear import Arrow, Target, cost_and_weights, residuals
from rigsight.calibration.solve.state import State
from rigsight.calibration.solve.views import Observations

RAYLEIGH_MEDIAN = float(np.sqrt(2 * np.log(2)))


def scaled(seen: Observations, factor: float) -> Observations:
    """The observations with all standard deviations multiplied."""
    return replace(seen, whiten=seen.whiten / factor)


def rough_factor(state: State, camera: int, seen: Observations, target: Target) -> float:
    """Robust factor on the stated standard deviations: the median whitened residual over its expectation."""
    off = residuals(state, camera, seen, target)
    lengths = np.linalg.norm((seen.whiten @ off[:, :, None])[:, :, 0], axis=1)
    return max(float(np.median(lengths)) / RAYLEIGH_MEDIAN, 1e-6)


def factors(found: Adjusted, observed: Sequence[Observations], target: Target) -> list[float]:
    """Factor on each camera's stated standard deviations under which its residuals have unit variance.

    The sum of squares is divided by the degrees of freedom that the camera keeps: its equations less the
    part of the unknowns that it determines, tr(N^-1 N_c), a split of the parameters that sums up exactly.
    """
    result = []
    for index, (seen, arrow) in enumerate(zip(observed, found.arrows, strict=True)):
        _, weights = cost_and_weights(found.state, index, seen, target)
        off = residuals(found.state, index, seen, target)
        squares = ((seen.whiten @ off[:, :, None])[:, :, 0] ** 2).sum(axis=1)
        freedom = 2 * float(weights.sum()) - determined_by(found.arrow, arrow)
        result.append(float(np.sqrt((weights * squares).sum() / max(freedom, 1.0))))
    return result


def determined_by(whole: Arrow, part: Arrow) -> float:
    """tr(N^-1 N_c): how many of the unknowns a camera's points determine."""
    own_inverse = np.linalg.inv(whole.own)
    eliminated = whole.joint @ own_inverse
    shared = inverse(whole.shared - np.einsum("vsi,vti->st", eliminated, whole.joint))
    cross = -np.einsum("st,vti->vsi", shared, eliminated)
    own = own_inverse + np.einsum("vsi,st,vtj->vij", eliminated, shared, eliminated)
    return float(np.sum(shared * part.shared) + 2 * np.sum(cross * part.joint) + np.sum(own * part.own))


def reduced_information(arrow: Arrow) -> Float64:
    """Information on the shared parameters with the board poses free (Schur complement), float64 [S,S]."""
    eliminated = arrow.joint @ np.linalg.inv(arrow.own)
    reduced: Float64 = arrow.shared - np.einsum("vsi,vti->st", eliminated, arrow.joint)
    return reduced


def inverse(matrix: Float64) -> Float64:
    """Inverse of a symmetric matrix whose diagonal spans many decades; raises LinAlgError when singular."""
    scale = 1 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    outer = np.outer(scale, scale)
    inverted: Float64 = np.linalg.inv(matrix * outer) * outer
    return (inverted + inverted.T) / 2


def covariance_of(arrow: Arrow) -> Float64:
    """Covariance of the shared parameters, poses free, float64 [S,S]; raises LinAlgError when singular."""
    return inverse(reduced_information(arrow))
