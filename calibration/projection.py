"""Points to pixels: pinhole-radtan (Brown-Conrady, OpenCV's order) and fisheye (Kannala-Brandt)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from rigsight.calibration.rig import Camera, Float64

NEWTON_STEPS = 4


def distort(camera: Camera, normalised: Float64) -> Float64:
    """Normalised image coordinates -> pixels.

    Args:
        camera: its intrinsics.
        normalised: float64 [...,2], x/z and y/z of points in front of the camera.

    Returns:
        float64 [...,2], pixels.
    """
    x, y = normalised[..., 0], normalised[..., 1]
    r2 = x * x + y * y
    d = camera.distortion
    if camera.model == "fisheye":
        r = np.sqrt(r2)
        theta = np.arctan(r)
        t2 = theta * theta
        radial = theta * (1 + t2 * (d[0] + t2 * (d[1] + t2 * (d[2] + t2 * d[3]))))
        scale = np.where(r > 1e-12, radial / np.maximum(r, 1e-12), 1.0)
        xd, yd = x * scale, y * scale
    else:
        k = np.zeros(8)
        k[: len(d)] = d
        radial = (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])))
        xd = x * radial + 2 * k[2] * x * y + k[3] * (r2 + 2 * x * x)
        yd = y * radial + k[2] * (r2 + 2 * y * y) + 2 * k[3] * x * y
    K = camera.matrix
    return np.stack([K[0, 0] * xd + K[0, 1] * yd + K[0, 2], K[1, 1] * yd + K[1, 2]], axis=-1)


def project(camera: Camera, points: Float64) -> Float64:
    """Points float64 [...,3] of the camera's frame (metres) -> pixels float64 [...,2].

    NaN for points that the camera cannot see: behind it, or beyond the radius at which its polynomial
    turns back.
    """
    z = points[..., 2]
    seen = z > 1e-9
    normalised = points[..., :2] / np.where(seen, z, 1.0)[..., None]
    seen &= np.hypot(normalised[..., 0], normalised[..., 1]) < largest_radius(camera)
    return np.where(seen[..., None], distort(camera, normalised), np.nan)


def undistort(camera: Camera, pixels: Float64) -> Float64:
    """Pixels float64 [N,2] -> normalised image coordinates float64 [N,2].

    OpenCV's estimate, then Newton steps on :func:`distort`, because OpenCV stops after five iterations.
    """
    pixels = np.ascontiguousarray(pixels, dtype=np.float64).reshape(-1, 2)
    builder: Any = cv2.fisheye if camera.model == "fisheye" else cv2
    found = builder.undistortPoints(pixels.reshape(-1, 1, 2), camera.matrix, camera.distortion)
    points: Float64 = np.asarray(found, dtype=np.float64).reshape(-1, 2)
    step = 1e-6
    for _ in range(NEWTON_STEPS):
        here = distort(camera, points)
        jacobian = np.stack(
            [(distort(camera, points + shift) - here) / step for shift in step * np.eye(2)], axis=-1
        )
        points = points - np.linalg.solve(jacobian, (here - pixels)[..., None])[..., 0]
    return points


def largest_radius(camera: Camera) -> float:
    """Normalised radius up to which the radial polynomial grows; infinity when it always does.

    Beyond it a wrong ray lands on a real pixel, so maps must call it invalid.

    >>> from rigsight.calibration.rig import Camera
    >>> camera = Camera(model="pinhole-radtan", width=64, height=48, spectrum="rgb",
    ...                 K=((50, 0, 32), (0, 50, 24), (0, 0, 1)), D=(-1 / 3, 0, 0, 0))
    >>> round(largest_radius(camera), 6)
    1.0
    """
    d = camera.distortion
    if camera.model == "fisheye" or len(d) == 8:
        return np.inf
    k3 = d[4] if len(d) > 4 else 0.0
    roots = np.roots([7 * k3, 5 * d[1], 3 * d[0], 1.0])  # of d(r * radial)/dr in r^2
    turning = [float(root.real) for root in roots if abs(root.imag) < 1e-9 and root.real > 0]
    return float(np.sqrt(min(turning))) if turning else np.inf
