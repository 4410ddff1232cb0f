"""Projection with its analytic derivatives, for one camera's parameters as a plain vector.

The parameters are fx, fy, cx, cy and the distortion coefficients in rig.yaml's order; skew stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rigsight.calibration.rig import Camera, Float64, as_matrix3

PINHOLE = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
FISHEYE = ("k1", "k2", "k3", "k4")


@dataclass(frozen=True)
class Projected:
    """Pixels of points and how they move.

    Attributes:
        pixels: float64 [N,2].
        by_point: d pixel / d point of the camera's frame, float64 [N,2,3], pixels per metre.
        by_lens: d pixel / d parameter, float64 [N,2,P].
    """

    pixels: Float64
    by_point: Float64
    by_lens: Float64


def lens_names(camera: Camera) -> tuple[str, ...]:
    """Names of the parameters of :func:`lens_vector`.

    >>> camera = Camera(model="fisheye", width=8, height=8, spectrum="rgb", D=(0, 0, 0, 0),
    ...                 K=((9, 0, 4), (0, 9, 4), (0, 0, 1)))
    >>> lens_names(camera)
    ('fx', 'fy', 'cx', 'cy', 'k1', 'k2', 'k3', 'k4')
    """
    coefficients = FISHEYE if camera.model == "fisheye" else PINHOLE[: len(camera.D)]
    return ("fx", "fy", "cx", "cy", *coefficients)


def lens_vector(camera: Camera) -> Float64:
    """fx, fy, cx, cy and the distortion coefficients, float64 [P]."""
    K = camera.matrix
    return np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2], *camera.D], dtype=np.float64)


def with_lens(camera: Camera, vector: Float64) -> Camera:
    """The camera with other parameters, as :func:`lens_vector` orders them."""
    K = camera.matrix
    K[0, 0], K[1, 1], K[0, 2], K[1, 2] = vector[:4]
    lens = tuple(float(value) for value in vector[4:])
    return camera.model_copy(update={"K": as_matrix3(K), "D": lens})


def project_with_derivatives(camera: Camera, points: Float64) -> Projected:
    """Project points float64 [N,3], metres, in front of the camera (z > 0)."""
    inverse_z = 1 / points[:, 2]
    x, y = points[:, 0] * inverse_z, points[:, 1] * inverse_z
    bend = _fisheye if camera.model == "fisheye" else _radtan
    distorted, by_ray, by_coefficient = bend(camera.distortion, len(camera.D), x, y)
    K = camera.matrix[:2, :2]
    pixels = distorted @ K.T + camera.matrix[:2, 2]
    to_ray = np.zeros((len(points), 2, 3))
    to_ray[:, 0, 0] = to_ray[:, 1, 1] = inverse_z
    to_ray[:, 0, 2], to_ray[:, 1, 2] = -x * inverse_z, -y * inverse_z
    by_lens = np.zeros((len(points), 2, 4 + by_coefficient.shape[2]))
    by_lens[:, 0, 0], by_lens[:, 1, 1] = distorted[:, 0], distorted[:, 1]
    by_lens[:, 0, 2] = by_lens[:, 1, 3] = 1
    by_lens[:, :, 4:] = K @ by_coefficient
    return Projected(pixels, K @ by_ray @ to_ray, by_lens)


def distort_with_derivative(camera: Camera, rays: Float64) -> tuple[Float64, Float64]:
    """Pixels float64 [N,2] of normalised coordinates float64 [N,2], and d pixel / d ray float64 [N,2,2]."""
    bend = _fisheye if camera.model == "fisheye" else _radtan
    distorted, by_ray, _ = bend(camera.distortion, len(camera.D), rays[:, 0], rays[:, 1])
    K = camera.matrix[:2, :2]
    return distorted @ K.T + camera.matrix[:2, 2], K @ by_ray


def _radtan(d: Float64, count: int, x: Float64, y: Float64) -> tuple[Float64, Float64, Float64]:
    """Distorted coordinates [N,2], derivatives by the ray [N,2,2] and by the coefficients [N,2,count]."""
    k1, k2, p1, p2, k3, k4, k5, k6 = np.concatenate([d, np.zeros(8 - len(d))])
    r2 = x * x + y * y
    r4, r6 = r2 * r2, r2 * r2 * r2
    above = 1 + k1 * r2 + k2 * r4 + k3 * r6
    below = 1 + k4 * r2 + k5 * r4 + k6 * r6
    gain = above / below
    slope = (k1 + 2 * k2 * r2 + 3 * k3 * r4 - gain * (k4 + 2 * k5 * r2 + 3 * k6 * r4)) / below
    xy2 = 2 * x * y
    distorted = np.stack(
        [x * gain + p1 * xy2 + p2 * (r2 + 2 * x * x), y * gain + p1 * (r2 + 2 * y * y) + p2 * xy2], axis=1
    )
    by_ray = np.empty((len(x), 2, 2))
    by_ray[:, 0, 0] = gain + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
    by_ray[:, 0, 1] = by_ray[:, 1, 0] = xy2 * slope + 2 * p1 * x + 2 * p2 * y
    by_ray[:, 1, 1] = gain + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
    ray = np.stack([x, y], axis=1)
    columns = [
        ray * (r2 / below)[:, None],
        ray * (r4 / below)[:, None],
        np.stack([xy2, r2 + 2 * y * y], axis=1),
        np.stack([r2 + 2 * x * x, xy2], axis=1),
        ray * (r6 / below)[:, None],
        *(ray * (-gain * power / below)[:, None] for power in (r2, r4, r6)),
    ]
    return distorted, by_ray, np.stack(columns, axis=2)[:, :, :count]


def _fisheye(d: Float64, count: int, x: Float64, y: Float64) -> tuple[Float64, Float64, Float64]:
    """As :func:`_radtan` for r_d = theta (1 + k1 theta^2 + ... + k4 theta^8), theta = atan r."""
    r = np.hypot(x, y)
    theta = np.arctan(r)
    t2 = theta * theta
    bent = theta * (1 + t2 * (d[0] + t2 * (d[1] + t2 * (d[2] + t2 * d[3]))))
    growth = (1 + t2 * (3 * d[0] + t2 * (5 * d[1] + t2 * (7 * d[2] + t2 * 9 * d[3])))) / (1 + r * r)
    central = r < 1e-6
    safe = np.where(central, 1.0, r)
    scale = np.where(central, 1.0, bent / safe)
    # (d scale / d r) / r; scale = 1 + (k1 - 1/3) r^2 + ... near the axis
    curvature = np.where(central, 2 * (d[0] - 1 / 3), (growth - scale) / (safe * safe))
    ray = np.stack([x, y], axis=1)
    by_ray = scale[:, None, None] * np.eye(2) + curvature[:, None, None] * ray[:, :, None] * ray[:, None, :]
    powers = [theta**n / safe for n in (3, 5, 7, 9)]
    by_coefficient = np.stack([ray * np.where(central, 0, power)[:, None] for power in powers], axis=2)
    return ray * scale[:, None], by_ray, by_coefficient[:, :, :count]
