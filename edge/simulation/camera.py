"""One camera somewhere in the scene: a ray for every pixel, and which pixels a box may touch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.projection import undistort
from rigsight.calibration.rig import Camera
from rigsight.edge.frames import Float32, Float64

NEAR_M = 0.02
_EDGES = np.array([(a, b) for a in range(8) for b in range(8) if a < b and (a ^ b) in (1, 2, 4)])

Block = tuple[slice, slice]
Indices = NDArray[np.intp]


class PixelRays:
    """Undistorted viewing directions of a camera, made once.

    ``directions`` float32 [3,H,W] in the camera's optical frame with z = 1, so that a ray's parameter is
    the depth.
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        pixels = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), axis=-1)
        xy = undistort(camera, pixels.reshape(-1, 2).astype(np.float64)).reshape(pixels.shape)
        self.directions: Float32 = np.stack([xy[..., 0], xy[..., 1], np.ones(xy.shape[:2])]).astype(
            np.float32
        )
        # Distortion bends columns and rows; their extremes make a conservative, monotone look-up.
        self._columns = (np.maximum.accumulate(xy[..., 0].max(0)), _backwards_minimum(xy[..., 0].min(0)))
        self._rows = (np.maximum.accumulate(xy[..., 1].max(1)), _backwards_minimum(xy[..., 1].min(1)))

    def blocks(self, low: Float64, high: Float64) -> list[Block | None]:
        """Rows and columns whose rays may lie between low and high, float64 [N,2] normalised (x, y) each."""
        left, right = _between(self._columns, low[:, 0], high[:, 0])
        top, bottom = _between(self._rows, low[:, 1], high[:, 1])
        found: list[Block | None] = [None] * len(low)
        for k in np.flatnonzero((left < right) & (top < bottom)):
            found[k] = slice(int(top[k]), int(bottom[k])), slice(int(left[k]), int(right[k]))
        return found


class Eye:
    """``PixelRays`` at a pose: origin float64 [3] and directions float32 [3,H,W] in the world."""

    def __init__(self, rays: PixelRays, T_world_camera: Float64) -> None:
        self.rays = rays
        self.T_world_camera = T_world_camera
        self.origin: Float64 = T_world_camera[:3, 3].copy()
        rotation = T_world_camera[:3, :3].astype(np.float32)
        self.directions: Float32 = (rotation @ rays.directions.reshape(3, -1)).reshape(rays.directions.shape)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.directions.shape[1], self.directions.shape[2]

    @property
    def focal_px(self) -> float:
        """Horizontal focal length in pixels."""
        return float(self.rays.camera.K[0][0])

    def points(self, depth: Float32) -> Float32:
        """World points float32 [3,H,W] of a depth map."""
        return self.directions * depth + self.origin.astype(np.float32)[:, None, None]

    def blocks(self, corners: Float64) -> list[Block | None]:
        """For boxes given by 8 corners each, float64 [N,8,3] (corner i: bits are x, y, z): pixels to test.

        Boxes reaching behind the camera are clipped at ``NEAR_M``; None means out of view.
        """
        rotation, origin = self.T_world_camera[:3, :3], self.origin
        points = (corners - origin) @ rotation
        start, end = points[:, _EDGES[:, 0]], points[:, _EDGES[:, 1]]
        step = end[..., 2] - start[..., 2]
        crossing = (start[..., 2] < NEAR_M) != (end[..., 2] < NEAR_M)
        share = np.where(crossing, (NEAR_M - start[..., 2]) / np.where(crossing, step, 1.0), 0.0)
        clipped = start + share[..., None] * (end - start)
        candidates = np.concatenate([points, clipped], axis=1)
        seen = np.concatenate([points[..., 2] >= NEAR_M, crossing], axis=1)
        xy = candidates[..., :2] / np.where(seen, candidates[..., 2], 1.0)[..., None]
        low = np.where(seen[..., None], xy, np.inf).min(axis=1)
        high = np.where(seen[..., None], xy, -np.inf).max(axis=1)
        return self.rays.blocks(low, high)


def box_corners(low: Float64, high: Float64) -> Float64:
    """The 8 corners float64 [...,8,3] of boxes with extremes [...,3]; bits of the index: x, y, z."""
    bits = (np.arange(8)[:, None] >> np.arange(3)) & 1
    return np.where(bits == 1, high[..., None, :], low[..., None, :])


def _backwards_minimum(values: Float64) -> Float64:
    return np.minimum.accumulate(values[::-1])[::-1]


def _between(extremes: tuple[Float64, Float64], low: Float64, high: Float64) -> tuple[Indices, Indices]:
    highest, lowest = extremes
    return np.searchsorted(highest, low, "left"), np.searchsorted(lowest, high, "right")
