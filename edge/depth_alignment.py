"""Alignment by a depth picture that came with the colour picture."""

from __future__ import annotations

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.calibration.align import Aligner
from rigsight.calibration.alignment.depth import DepthAligner
from rigsight.calibration.rig import OutputGrid, Rig
from rigsight.edge.frames import Depth, Float32

NEAREST_M = (0.3, 0.6, 1.2, 2.4)


class DepthAlignment:
    """A distance for every pixel of the grid, from the depth of the reference camera's native pixels.

    What lies nearer than ``near_m`` counts as unknown. Where nothing is known the surface is taken to stand
    at the camera's one distance; without that such pixels are invalid.
    """

    def __init__(self, rig: Rig, camera: str, grid: OutputGrid) -> None:
        """Tabulate the map of ``camera``, from as near as the tables allow.

        Raises:
            RigsightError: CAL-004, CAL-034 as :class:`DepthAligner` does.
        """
        self.aligner, self.near_m = _table(rig, camera, grid)

    def __call__(self, reference: Aligner, depth: Depth, distance_m: float | None) -> DepthAligner:
        """The aligner of this instant; ``reference`` aligns the camera whose depth it is. It holds until the
        next call."""
        metres: Float32 = reference.nearest(depth.counts).astype(np.float32)
        metres *= np.float32(depth.metres_per_count)
        if distance_m is not None:
            np.copyto(metres, np.float32(distance_m), where=metres < self.near_m)
        self.aligner.update(metres)
        return self.aligner


def _table(rig: Rig, camera: str, grid: OutputGrid) -> tuple[DepthAligner, float]:
    for near_m in NEAREST_M[:-1]:
        try:
            return DepthAligner(rig, camera, near_m, grid=grid), near_m
        except RigsightError as error:
            if error.code != "CAL-034":
                raise
    return DepthAligner(rig, camera, NEAREST_M[-1], grid=grid), NEAREST_M[-1]
