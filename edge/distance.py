"""Alignment that follows the measured distance, without rebuilding a map for what nobody could see."""

from __future__ import annotations

import math

import numpy as np

from rigsight.calibration.alignment.surfaces import normal_of
from rigsight.calibration.rig import Rig
from rigsight.edge.frames import FrameSet
from rigsight.edge.preprocess import Preprocessor

TOLERANCE_PX = 0.25


class DistanceFollower:
    """Brings the alignment to the distance of every frame set's readings.

    The surface is the plane with the rig's normal through the point that the range finder hits: where its
    pose is known (``T_reference_rangefinder``, the beam along z) that point is P = R (0, 0, r) + t, and the
    plane's distance n.P; without one the beam counts as the reference camera's optical axis. A new distance
    moves the other camera's pixels by f b |1/d' - 1/d|; the map is rebuilt where that is a quarter pixel or
    more. A distance that is unknown leaves the map as it is.
    """

    def __init__(self, preprocessor: Preprocessor, rig: Rig, tolerance_px: float = TOLERANCE_PX) -> None:
        self._preprocessor = preprocessor
        self._normal = np.asarray(normal_of(rig.surface), dtype=np.float64)
        pose = np.eye(4) if rig.T_reference_rangefinder is None else np.array(rig.T_reference_rangefinder)
        self._origin, self._beam = pose[:3, 3], pose[:3, 2]
        focal_px = float(preprocessor.K[0, 0])
        baselines = [float(np.linalg.norm(rig.pose(role)[:3, 3])) for role in rig.cameras]
        self._least_change = tolerance_px / max(focal_px * max(baselines), 1e-9)
        self.distance_m: float | None = None
        self.rebuilt = 0

    def __call__(self, frames: FrameSet) -> None:
        """Follow the set's distance, if it has one: the range finder's, else a depth camera's."""
        readings = frames.readings
        found = None if readings is None or readings.distance is None else readings.distance.value
        if found is not None and found.distance_m is not None:
            self.set(self.plane_distance(found.distance_m))
            return
        seen = (frame.distance_m for frame in frames.frames.values())
        depth_m = next((distance for distance in seen if distance is not None), None)
        if depth_m is not None and (distance_m := float(self._normal[2]) * depth_m) > 0:
            self.set(distance_m)

    def plane_distance(self, range_m: float) -> float:
        """Distance in metres of the surface from the reference camera, along the normal, of a measured range.

        Infinite where the beam does not meet the surface in front.
        """
        distance = float(self._normal @ (self._origin + range_m * self._beam))
        return distance if distance > 0 else math.inf

    def set(self, distance_m: float) -> None:
        """Align for ``distance_m`` where that makes a visible difference."""
        if self.distance_m is not None:
            change = abs(1 / distance_m - 1 / self.distance_m)
            if change < self._least_change:
                return
        self._preprocessor.retarget(distance_m)
        self.distance_m = distance_m
        self.rebuilt += 1
