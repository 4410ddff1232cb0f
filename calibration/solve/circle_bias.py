"""The perspective bias of ellipse centres."""

from __future__ import annotations

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.projection import distort
from rigsight.calibration.rig import Camera


def circle_bias(camera: Camera, pose: Float64, board: Board) -> Float64:
    """Centre of a circle's picture minus the picture of its centre, float64 [N,2], pixels.

    A tilted circle becomes an ellipse whose centre is not the circle's (Heikkilä, "Geometric camera
    calibration using circular control points", PAMI 2000). Here the rim is projected through the lens and
    the centroid of the polygon's area taken, so that distortion counts too.

    Args:
        camera: its lens.
        pose: T_camera_board, float64 [4,4].
        board: with circles.
    """
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    rim = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1) * board.circle_m / 2
    points = board.object_points()
    outline = _projected(camera, (points[:, None] + rim) @ pose[:3, :3].T + pose[:3, 3])
    x, y = outline[..., 0] - outline[:, :1, 0], outline[..., 1] - outline[:, :1, 1]
    x2, y2 = np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)
    cross = x * y2 - x2 * y
    area = cross.sum(axis=1) / 2
    centroid = np.stack([((x + x2) * cross).sum(axis=1), ((y + y2) * cross).sum(axis=1)], axis=1)
    centre = _projected(camera, points @ pose[:3, :3].T + pose[:3, 3])
    bias: Float64 = centroid / (6 * area[:, None]) + outline[:, 0] - centre
    return np.nan_to_num(bias)


def _projected(camera: Camera, points: Float64) -> Float64:
    """Pixels of points in front of the camera, also of rims just beyond what the lens model reaches."""
    return distort(camera, points[..., :2] / np.maximum(points[..., 2:], 1e-9))
