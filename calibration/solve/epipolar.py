"""Epipolar error: a check of two cameras that needs no board."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rigsight.calibration.boards import Float64
from rigsight.calibration.projection import undistort
from rigsight.calibration.rig import Camera


def to_ideal(camera: Camera, pixels: Float64) -> Float64:
    """Pixels float64 [N,2] -> where a camera with the same K and no distortion would see them."""
    rays = np.column_stack([undistort(camera, pixels), np.ones(len(pixels))])
    ideal: Float64 = (rays @ camera.matrix.T)[:, :2]
    return ideal


def epipolar_error_px(
    reference: Camera, camera: Camera, pose: Float64, pairs: Sequence[tuple[Float64, Float64]]
) -> float:
    """Mean distance of undistorted points to their epipolar lines, both directions, pixels.

    F = K_c^-T [t]x R K_r^-1 (Hartley and Zisserman, Multiple View Geometry, eq. 9.12). NaN when the
    cameras share one centre, where there are no epipolar lines.
    """
    tx, ty, tz = pose[:3, 3]
    if not pairs or np.hypot(np.hypot(tx, ty), tz) < 1e-9:
        return float("nan")
    cross = np.array([[0, -tz, ty], [tz, 0, -tx], [-ty, tx, 0]])
    F = np.linalg.inv(camera.matrix).T @ cross @ pose[:3, :3] @ np.linalg.inv(reference.matrix)
    distances = []
    for first, second in pairs:
        a = np.column_stack([to_ideal(reference, first), np.ones(len(first))])
        b = np.column_stack([to_ideal(camera, second), np.ones(len(second))])
        for points, lines in ((b, a @ F.T), (a, b @ F)):
            distances.append(np.abs((points * lines).sum(1)) / np.hypot(lines[:, 0], lines[:, 1]))
    return float(np.nanmean(np.concatenate(distances)))
