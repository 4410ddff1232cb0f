"""Rotations as quaternions and rotation vectors, exact for the smallest angles.

``cv2.Rodrigues`` calls every rotation below 1e-5 rad none, which is 5e-3 px at a focal length of 500 px.
"""

from __future__ import annotations

import numpy as np

from rigsight.calibration.rig import Float64


def quaternion_of(R: Float64) -> Float64:
    """Unit quaternion w x y z, float64 [4] with w >= 0, of a rotation float64 [3,3].

    The largest component is found first (Shepperd, J. Guidance and Control 1, 1978), so nothing cancels.
    """
    trace = float(np.trace(R))
    squares = np.array([trace, R[0, 0], R[1, 1], R[2, 2]])
    largest = int(np.argmax(squares))
    if largest == 0:
        q = np.array([1 + trace, R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    else:
        i = largest - 1
        j, k = (i + 1) % 3, (i + 2) % 3
        q = np.zeros(4)
        q[0] = R[k, j] - R[j, k]
        q[1 + i] = 1 + R[i, i] - R[j, j] - R[k, k]
        q[1 + j] = R[j, i] + R[i, j]
        q[1 + k] = R[k, i] + R[i, k]
    unit: Float64 = q / np.linalg.norm(q) * (1.0 if q[0] >= 0 else -1.0)
    return unit


def from_quaternion(q: Float64) -> Float64:
    """Rotation float64 [3,3] of a quaternion w x y z of any length but zero.

    >>> from_quaternion(np.array([1.0, 0, 0, 1])).round(12).tolist()
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def vector_of(R: Float64) -> Float64:
    """Rotation vector float64 [3], radians, of a rotation float64 [3,3]."""
    q = quaternion_of(R)
    sine = float(np.linalg.norm(q[1:]))
    angle_by_sine = 2.0 if sine < 1e-12 else 2 * np.arctan2(sine, q[0]) / sine
    vector: Float64 = q[1:] * angle_by_sine
    return vector


def from_vector(vector: Float64) -> Float64:
    """Rotation float64 [3,3] of a rotation vector float64 [3], radians.

    >>> tiny = np.array([3e-7, -2e-7, 1e-7])
    >>> bool(np.abs(vector_of(from_vector(tiny)) - tiny).max() < 1e-20)
    True
    """
    half = float(np.linalg.norm(vector)) / 2
    return from_quaternion(np.array([np.cos(half), *(vector * np.sinc(half / np.pi) / 2)]))
