"""Points to pixels: pinhole-radtan (Brown-Conrady, OpenCV's order) and fisheye (Kannala-Brandt)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from rigsight.calibration.rig import Camera, Float64

NEWTON_STEPS = 4
DAMPED_STEPS, HALVINGS, BISECTIONS = 30, 12, 40
CONVERGED_PX = 1e-6
WIDEST_RAD = np.radians(89.9)


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

    OpenCV's estimate, then Newton steps on :func:`distort`, because OpenCV stops after five iterations. Where
    that ends on a wrong branch of the polynomial (corners of a wide lens), a damped search inside
    :func:`largest_radius` takes over. NaN for pixels on which no ray of the lens lands.
    """
    pixels = np.ascontiguousarray(pixels, dtype=np.float64).reshape(-1, 2)
    if not len(pixels):
        return pixels
    builder: Any = cv2.fisheye if camera.model == "fisheye" else cv2
    found = builder.undistortPoints(pixels.reshape(-1, 1, 2), camera.matrix, camera.distortion)
    points: Float64 = np.asarray(found, dtype=np.float64).reshape(-1, 2)
    limit = largest_radius(camera)
    with np.errstate(over="ignore", invalid="ignore"):  # wrong branches run away
        for _ in range(NEWTON_STEPS):
            try:
                points = points - _newton_step(camera, points, pixels)
            except np.linalg.LinAlgError:  # one point stands exactly where the polynomial turns
                points = np.full(points.shape, np.nan)
        missed = np.abs(distort(camera, points) - pixels).max(axis=1, initial=0)
        wrong = ~((missed < CONVERGED_PX) & (np.hypot(points[:, 0], points[:, 1]) < limit))
    if wrong.any():
        points[wrong] = _undistort_inside(camera, pixels[wrong], limit)
    return points


def _newton_step(camera: Camera, points: Float64, pixels: Float64) -> Float64:
    here, step = distort(camera, points), 1e-6
    jacobian = np.stack(
        [(distort(camera, points + shift) - here) / step for shift in step * np.eye(2)], axis=-1
    )
    move: Float64 = np.asarray(
        np.linalg.solve(jacobian, (here - pixels)[..., None])[..., 0], dtype=np.float64
    )
    return move


def _undistort_inside(camera: Camera, pixels: Float64, limit: float) -> Float64:
    """Damped Newton steps that stay inside the monotonic radius, from the radial polynomial's own root."""
    K = camera.matrix
    y = (pixels[:, 1] - K[1, 2]) / K[1, 1]
    x = (pixels[:, 0] - K[0, 2] - K[0, 1] * y) / K[0, 0]
    points: Float64 = _radial_root(camera, np.stack([x, y], axis=1), limit)
    missed = np.linalg.norm(distort(camera, points) - pixels, axis=1)
    for _ in range(DAMPED_STEPS):
        left = np.flatnonzero(missed >= CONVERGED_PX)
        if not len(left):
            break
        here, there = points[left], pixels[left]
        try:
            move = _newton_step(camera, here, there)
        except np.linalg.LinAlgError:
            break
        share = np.ones(len(left))
        for _ in range(HALVINGS):
            tried = here - share[:, None] * move
            error = np.linalg.norm(distort(camera, tried) - there, axis=1)
            worse = ~((np.hypot(tried[:, 0], tried[:, 1]) < limit) & (error < missed[left]))
            if not worse.any():
                break
            share[worse] /= 2
        better = left[~worse]
        points[better], missed[better] = tried[~worse], error[~worse]
        if not len(better):
            break
    points[~(missed < CONVERGED_PX)] = np.nan
    return points


def _radial_root(camera: Camera, distorted: Float64, limit: float) -> Float64:
    """Normalised points whose radial distortion alone gives ``distorted``; at most just inside ``limit``."""
    plain = camera.model_copy(update={"K": ((1, 0, 0), (0, 1, 0), (0, 0, 1)), "D": _radial_part(camera)})
    target = np.hypot(distorted[:, 0], distorted[:, 1])
    low, high = np.zeros(len(target)), np.full(len(target), np.arctan(limit) * (1 - 1e-9))
    high = np.minimum(high, WIDEST_RAD)
    for _ in range(BISECTIONS):  # over the viewing angle, in which wide lenses are evenly spaced
        middle = (low + high) / 2
        radius = np.tan(middle)
        beyond = distort(plain, np.stack([radius, np.zeros_like(radius)], axis=1))[:, 0] > target
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return distorted * (np.tan(low) / np.maximum(target, 1e-12))[:, None]


def _radial_part(camera: Camera) -> tuple[float, ...]:
    if camera.model == "fisheye" or len(camera.D) < 4:
        return camera.D
    return (*camera.D[:2], 0.0, 0.0, *camera.D[4:])


def largest_radius(camera: Camera) -> float:
    """Normalised radius up to which the distorted radius grows; infinity when it always does.

    Beyond it a wrong ray lands on a real pixel, so maps must call it invalid. The tangential terms do not
    count.

    >>> from rigsight.calibration.rig import Camera
    >>> camera = Camera(model="pinhole-radtan", width=64, height=48, spectrum="rgb",
    ...                 K=((50, 0, 32), (0, 50, 24), (0, 0, 1)), D=(-1 / 3, 0, 0, 0))
    >>> round(largest_radius(camera), 6)
    1.0
    """
    return _turning_radius(camera.model, camera.D)


@lru_cache(maxsize=64)
def _turning_radius(model: str, D: tuple[float, ...]) -> float:
    """First radius where the distorted radius stops to grow, from the roots of its derivative."""
    if model == "fisheye":
        k1, k2, k3, k4 = D
        angle = np.sqrt(_least_root(np.array([9 * k4, 7 * k3, 5 * k2, 3 * k1, 1.0])))
        return float(np.tan(angle)) if angle < np.pi / 2 else np.inf
    k = np.zeros(8)
    k[: len(D)] = D
    # r N / M with N, M cubic in s = r^2 grows where N M + 2 s (N' M - N M') > 0 and M does not vanish.
    above, below = np.array([k[4], k[1], k[0], 1.0]), np.array([k[7], k[6], k[5], 1.0])
    slope: Float64 = np.polysub(
        np.polymul(np.polyder(above), below), np.polymul(above, np.polyder(below))
    )  # N' M - N M'
    turning = np.polyadd(np.polymul(above, below), 2 * np.polymul(slope, np.array([1.0, 0.0])))
    return float(np.sqrt(min(_least_root(turning), _least_root(below))))


def _least_root(coefficients: Float64) -> float:
    """Smallest positive real root of a polynomial, highest power first; infinity when there is none."""
    roots = [float(root.real) for root in np.roots(coefficients) if abs(root.imag) < 1e-9 and root.real > 0]
    return min(roots, default=np.inf)
