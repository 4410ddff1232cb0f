"""A distance that changes in every frame: maps blended linearly in 1/d between a few exact ones.

Without distortion and with parallel cameras the map is linear in 1/d; turn, forward offset and distortion
bend it slightly. With knots evenly spaced in 1/d, just as many as keep that bend below a tolerance, the map
of any distance is one ``cv2.addWeighted``.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.alignment.kernels import Maps
from rigsight.calibration.alignment.surfaces import (
    NOWHERE,
    checked_distance,
    fill_plane_maps,
    normal_of,
    pixels_of,
    ray_map,
)
from rigsight.calibration.alignment.warp import Float32, Warp
from rigsight.calibration.rig import Float64, OutputGrid, Plane, Rig

MOST_KNOTS = 12
SAMPLES = 24  # grid points along the longer side at which the error is found
BETWEEN = (0.25, 0.5, 0.75)  # places between two knots at which it is found


class BlendAligner(Warp):
    """An aligner for range finders: :meth:`retarget` takes a third of a millisecond and makes no array.

    Attributes:
        distances_m: the exact maps' distances, far to near.
        error_px: largest difference to the exact map that was found between the knots.
        distance_m: of the map in force.
    """

    def __init__(
        self,
        rig: Rig,
        camera: str,
        near_m: float,
        far_m: float = np.inf,
        *,
        tolerance_px: float = 0.1,
        grid: OutputGrid | None = None,
        maps: Maps | None = "float",
    ) -> None:
        """Distances are along the normal of the rig's plane, straight ahead for other surfaces.

        Args:
            rig: its surface gives the normal.
            camera: whose pictures are warped.
            near_m: nearest distance, metres.
            far_m: farthest, infinity included.
            tolerance_px: largest error of the blended map, pixels of the camera.
            grid: instead of the rig's output.
            maps: fixed-point maps would be converted again in every frame.

        Raises:
            RigsightError: CAL-030 for distances that are none, CAL-034 when 12 knots are not enough.
        """
        self.rig, self.grid = rig, grid or rig.output
        super().__init__(camera, rig.cameras[camera], self.grid.size, maps)
        far, near = 1 / checked_distance(far_m), 1 / checked_distance(near_m)
        if not far < near:
            raise codes.NO_DISTANCE(f"the range from {near_m:g} m to {far_m:g} m is empty")
        self._normal = normal_of(rig.surface)
        self.knots, self.error_px = self._choose_knots(far, near, tolerance_px)
        self.distances_m = tuple(_distance(q) for q in self.knots)
        width, height = self.grid.size
        self._maps = [np.empty((2, height, width), np.float32) for _ in self.knots]
        for target, distance in zip(self._maps, self.distances_m, strict=True):
            fill_plane_maps(rig, camera, self._plane(distance), self.grid, target)
        unseen = np.any([m[0] == NOWHERE for m in self._maps], axis=0)
        if unseen.any():  # a blend of a pixel and of nowhere would be some pixel
            for target in self._maps:
                target[:, unseen] = NOWHERE
        self._rows_of = [m.reshape(2 * height, width) for m in self._maps]
        self._out: Float32 = self._xy.reshape(2 * height, width)
        self.retarget(far_m)

    def retarget(self, distance_m: float) -> None:
        """Bring the map to a distance; outside the range, to its nearer end.

        Raises:
            RigsightError: CAL-030 for zero, negative distances and NaN.
        """
        place = (1 / checked_distance(distance_m) - self.knots[0]) / (self.knots[1] - self.knots[0])
        place = min(max(place, 0.0), len(self.knots) - 1.0)
        left = min(int(place), len(self.knots) - 2)
        share = place - left
        cv2.addWeighted(self._rows_of[left], 1 - share, self._rows_of[left + 1], share, 0.0, dst=self._out)
        self.distance_m = _distance(self.knots[0] + place * (self.knots[1] - self.knots[0]))
        self.changed()

    def _plane(self, distance_m: float) -> Plane:
        return Plane(distance_m=distance_m, normal=self._normal)

    def _choose_knots(self, far: float, near: float, tolerance_px: float) -> tuple[tuple[float, ...], float]:
        """Fewest even knots in 1/d that keep the tolerance, and the error that they leave."""
        rays = _sample_rays(self.grid)
        for count in range(2, MOST_KNOTS + 1):
            knots = np.linspace(far, near, count)
            error = max(self._errors(rays, knots))
            if error <= tolerance_px:
                return tuple(knots.tolist()), error
        raise codes.RANGE_TOO_WIDE(
            f"{MOST_KNOTS} maps between {_distance(near):g} and {_distance(far):g} m leave {error:.2f} px"
        )

    def _errors(self, rays: Float64, knots: Float64) -> Iterator[float]:
        exact = [self._pixels(rays, q) for q in knots]
        right, bottom = self.model.width - 1, self.model.height - 1
        for k in range(len(knots) - 1):
            for share in BETWEEN:
                truth = self._pixels(rays, knots[k] + share * (knots[k + 1] - knots[k]))
                wrong = np.linalg.norm((1 - share) * exact[k] + share * exact[k + 1] - truth, axis=1)
                x, y = truth[:, 0], truth[:, 1]
                seen = np.isfinite(wrong) & (x >= 0) & (x <= right) & (y >= 0) & (y <= bottom)
                yield float(wrong[seen].max(initial=0.0))

    def _pixels(self, rays: Float64, inverse: float) -> Float64:
        plane = self._plane(_distance(inverse))
        M = ray_map(self.rig, self.camera, plane) @ np.linalg.inv(ray_map(self.rig, self.grid.camera, plane))
        return pixels_of(self.model, rays @ M.T)


def _distance(inverse: float) -> float:
    return 1 / inverse if inverse > 0 else np.inf


def _sample_rays(grid: OutputGrid) -> Float64:
    """Rays of the grid's pixels at its edges and evenly between, float64 [N,3]."""
    u, v = np.meshgrid(np.linspace(0, grid.width - 1, SAMPLES), np.linspace(0, grid.height - 1, SAMPLES))
    rays: Float64 = np.stack([u.ravel(), v.ravel(), np.ones(u.size)], axis=1) @ np.linalg.inv(grid.matrix).T
    return rays
