"""Grey value across the edge of a disc that a Gaussian blurs, exact for any ratio of blur to radius."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rigsight.calibration.boards import Float64

REACH = 6.0  # of the table, in sigmas on both sides of the edge
STEP = 0.05
CURVATURES = np.linspace(0.0, 1.3, 27)
NODES = 40


def profile(distance: Float64, curvature: Float64) -> tuple[Float64, Float64]:
    """Share of the disc and its derivative by the distance, both like ``distance``.

    Args:
        distance: from the edge towards the centre, in sigmas of the blur.
        curvature: sigma over the radius, as large.

    >>> share, slope = profile(np.array([-7.0, 0.0, 7.0]), np.zeros(3))
    >>> share.round(3).tolist(), slope.round(3).tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.399, 0.0])
    """
    share, slope = _tables()
    row = np.clip(curvature / CURVATURES[1], 0, len(CURVATURES) - 1.001)
    column = np.clip((distance + REACH) / STEP, 0, share.shape[1] - 1.001)
    i, k = row.astype(np.intp), column.astype(np.intp)
    a, b = row - i, column - k
    at = i * share.shape[1] + k
    corners = (at, at + 1, at + share.shape[1], at + share.shape[1] + 1)
    weights = ((1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b)
    values = []
    for table in (share, slope):
        flat = table.reshape(-1)
        values.append(sum(weight * flat[corner] for weight, corner in zip(weights, corners, strict=True)))
    return np.asarray(values[0]), np.asarray(values[1])


@lru_cache(maxsize=1)
def _tables() -> tuple[Float64, Float64]:
    distance = np.arange(-REACH, REACH + STEP / 2, STEP)
    share = np.array([_blurred_disc(distance, float(k)) for k in CURVATURES])
    return share, np.gradient(share, STEP, axis=1)


def _blurred_disc(distance: Float64, curvature: float) -> Float64:
    """A disc convolved with a unit Gaussian: columns of the disc are error functions, summed."""
    if curvature == 0:
        return 0.5 * (1 + _erf(distance / np.sqrt(2)))
    radius = 1 / curvature
    r = np.abs(radius - distance)
    low = np.maximum(-radius, r - REACH - 1)
    high = np.minimum(radius, r + REACH + 1)
    # x = middle + half sin(a): the ends, where the chords shrink like a root, are sampled densely.
    angle, weight = np.polynomial.legendre.leggauss(NODES)
    angle, weight = angle * np.pi / 2, weight * np.pi / 2
    half = np.maximum(high - low, 0)[:, None] / 2
    x = (high + low)[:, None] / 2 + half * np.sin(angle)
    chord = np.sqrt(np.maximum(radius**2 - x**2, 0))
    density = np.exp(-((x - r[:, None]) ** 2) / 2) / np.sqrt(2 * np.pi)
    found: Float64 = (density * _erf(chord / np.sqrt(2)) * half * np.cos(angle)) @ weight
    return found


def _erf(x: Float64) -> Float64:
    """Error function to 1.5e-7 (Abramowitz and Stegun 7.1.26): scipy takes 0.1 s to load."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    found: Float64 = np.sign(x) * (1 - series * np.exp(-x * x))
    return found
