"""What the joint solution says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rigsight.calibration.boards import Float64
from rigsight.calibration.rig import Camera, Covariance
from rigsight.calibration.solve.refine import Refined
from rigsight.calibration.solve.views import View


@dataclass(frozen=True)
class Solution:
    """One or several cameras, solved together.

    Attributes:
        cameras: name -> lens, the reference first.
        transforms: name -> T_<camera>_<reference>, float64 [4,4], of all but the reference; metres.
        poses: view -> T_<reference>_board, float64 [4,4].
        residuals: view -> camera -> observed minus predicted, pixels, float64 [N,2].
        noise_px: name -> standard deviation of a point along one axis, pixels, from the residuals.
        covariance: of lenses and transforms, board poses free; what the views do not determine is large.
        inflation: factor on that covariance for errors that the points of a view share; 1 where they are
            independent.
        bend_m: how far the board's middle stands out from its edges along x and y, metres; None if it was
            taken for flat.
        views: those the solution rests on, points in the orders that agree.
        rejected: view -> reason.
        reordered: views in which the detections disagreed about the order of the points.
        refined: the minimum itself.
    """

    cameras: dict[str, Camera]
    transforms: dict[str, Float64]
    poses: dict[str, Float64]
    residuals: Mapping[str, Mapping[str, Float64]]
    noise_px: dict[str, float]
    covariance: Covariance
    inflation: float
    bend_m: tuple[float, float] | None
    views: tuple[View, ...]
    rejected: dict[str, str]
    reordered: tuple[str, ...]
    refined: Refined

    @property
    def reference(self) -> str:
        """Name of the reference camera."""
        return next(iter(self.cameras))

    def points(self) -> dict[str, dict[str, Float64]]:
        """View -> camera -> the points that the solution rests on, free of known bias, pixels."""
        found: dict[str, dict[str, Float64]] = {view.name: {} for view in self.views}
        for name, seen in zip(self.cameras, self.refined.observed, strict=True):
            for index, view in enumerate(self.views):
                if name in view.seen:
                    found[view.name][name] = seen.pixels[seen.of_view(index)]
        return found

    def matched(self, camera: str) -> dict[str, tuple[Float64, Float64]]:
        """View -> the points that the reference and ``camera`` both saw, pixels, float64 [N,2] each."""
        points = self.points()
        pairs = {}
        for view in self.views:
            if self.reference in view.seen and camera in view.seen:
                ids = view.seen[self.reference].ids, view.seen[camera].ids
                _, first, second = np.intersect1d(*ids, return_indices=True)
                its = points[view.name]
                pairs[view.name] = (its[self.reference][first], its[camera][second])
        return pairs
