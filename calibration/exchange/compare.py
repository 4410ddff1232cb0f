"""How far two descriptions of the same cameras differ, in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rigsight.calibration.exchange.record import CameraRecord, pose_of
from rigsight.calibration.exchange.refit import as_camera, pixel_grid, visible_rays
from rigsight.calibration.projection import distort

DEPTHS_M = (0.3, 1.0, 10.0, 1000.0)


def difference_px(before: Sequence[CameraRecord], after: Sequence[CameraRecord]) -> float:
    """Largest difference of the projections of points that cover every picture, near and far.

    Points stand on the rays of a grid of pixels of each camera ``before``. They are taken to the first
    camera's frame with the pose before and seen from there with the pose and lens after, so poses count
    as well as lenses.

    Returns:
        pixels; NaN when a point cannot be seen any more, or a lens has no ray for any pixel.
    """
    largest = 0.0
    for old, new in zip(before, after, strict=True):
        camera = as_camera(old)
        _, rays = visible_rays(camera, pixel_grid(camera))
        if not len(rays):
            return float("nan")
        expected = distort(camera, rays)
        motion = pose_of(new) @ np.linalg.inv(pose_of(old))
        for depth in DEPTHS_M:
            points = np.column_stack([rays, np.ones(len(rays))]) * depth
            moved = points @ motion[:3, :3].T + motion[:3, 3]
            if not (moved[:, 2] > 0).all():
                return float("nan")
            seen = distort(as_camera(new), moved[:, :2] / moved[:, 2:])
            largest = max(largest, float(np.linalg.norm(seen - expected, axis=1).max()))
    return largest
