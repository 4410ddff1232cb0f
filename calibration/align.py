"""Alignment: one fused map (undistort, rotate, surface, crop) from a camera's picture to the output grid.

A ray v of the reference camera meets the plane n.X = d at d/(n.v) v, so camera c sees it along
(R + t n^T / d) v. That 3x3 matrix takes the place of a rectifying rotation in OpenCV's map builder, which
makes a whole map one call, cheap enough for a new distance in every frame. Distances that change all the time
are cheaper still with :class:`rigsight.calibration.alignment.blend.BlendAligner`; a depth for every pixel
is for :class:`rigsight.calibration.alignment.depth.DepthAligner`.
"""

from __future__ import annotations

from rigsight.calibration import codes
from rigsight.calibration.alignment.grids import largest_rectangle as largest_rectangle
from rigsight.calibration.alignment.grids import pixel_scaling as pixel_scaling
from rigsight.calibration.alignment.grids import scaled_grid as scaled_grid
from rigsight.calibration.alignment.kernels import Maps
from rigsight.calibration.alignment.surfaces import (
    Surface,
    checked_distance,
    fill_depth_maps,
    fill_plane_maps,
    grid_rays,
    inverse_depth,
    normal_of,
)
from rigsight.calibration.alignment.surfaces import ray_map as ray_map
from rigsight.calibration.alignment.warp import Float32 as Float32
from rigsight.calibration.alignment.warp import Image as Image
from rigsight.calibration.alignment.warp import UInt8 as UInt8
from rigsight.calibration.alignment.warp import Warp
from rigsight.calibration.rig import Cylinder, OutputGrid, Plane, Rig


class Aligner(Warp):
    """Warps pictures of one camera of the rig onto a grid.

    >>> import numpy as np
    >>> from rigsight.calibration.rig import Camera, OutputGrid, Rig
    >>> K = ((100, 0, 31.5), (0, 100, 23.5), (0, 0, 1))
    >>> camera = Camera(model="pinhole-radtan", width=64, height=48, K=K, spectrum="rgb")
    >>> rig = Rig(cameras={"rgb": camera}, reference="rgb",
    ...           output=OutputGrid(camera="rgb", width=64, height=48, K=K))
    >>> picture = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)
    >>> bool((Aligner(rig, "rgb")(picture) == picture).all())
    True
    """

    def __init__(
        self,
        rig: Rig,
        camera: str,
        *,
        surface: Surface | None = None,
        grid: OutputGrid | None = None,
        maps: Maps | None = None,
    ) -> None:
        """Build the map from ``camera`` to ``grid`` (the rig's output) over ``surface`` (the rig's).

        Raises:
            RigsightError: CAL-004 when the surface does not fit the grid's camera, CAL-031 for a pipe around
                something else than the camera.
        """
        self.rig = rig
        self.grid = grid or rig.output
        self.surface = surface or rig.surface
        super().__init__(camera, rig.cameras[camera], self.grid.size, maps)
        self._build()

    def retarget(self, distance_m: float) -> None:
        """Move the reference plane to ``distance_m`` along its normal (straight ahead for other surfaces).

        The map is rewritten in place. Infinity is a distance.

        Raises:
            RigsightError: CAL-030 for zero, negative distances and NaN.
        """
        self.surface = Plane(distance_m=checked_distance(distance_m), normal=normal_of(self.surface))
        self._build()

    def _build(self) -> None:
        self.changed()
        surface = self.surface
        if not isinstance(surface, Cylinder) or self.camera == self.grid.camera:
            flat = Plane(distance_m=1.0) if isinstance(surface, Cylinder) else surface  # any will do
            fill_plane_maps(self.rig, self.camera, flat, self.grid, self._xy)
            return
        if self.grid.camera != self.rig.reference:
            raise codes.RIG_INCONSISTENT("a cylinder surface needs the reference camera's grid")
        rays = grid_rays(self.grid)
        fill_depth_maps(self.rig, self.camera, inverse_depth(surface, rays), self.grid, self._xy)
