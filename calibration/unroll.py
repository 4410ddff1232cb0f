"""The inside of a pipe laid flat: chainage along it, clock position round it.

Columns are metres along the axis, rows degrees of the clock: 0 is 12 o'clock (up), 90 is 3 o'clock, clockwise
as seen in driving direction. The raster is warped straight from a camera's own picture, so that nothing is
interpolated twice, or from the output grid for what lies there already (masks, aligned pictures).
"""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.alignment.kernels import Maps
from rigsight.calibration.alignment.surfaces import Float32, inverse_depth, pixels_of, unit_axis, write_map
from rigsight.calibration.alignment.warp import Warp
from rigsight.calibration.rig import Camera, Cylinder, Float64, OutputGrid, Rig

TURN_DEG = 360.0
LARGEST_SIDE = 16384
GRID = "grid"


class Unrolled(Warp):
    """Warps pictures of one camera, or of the output grid, onto the unrolled pipe wall.

    The pipe's direction of the rig is the driving direction. Chainage is that of the wall: the reference
    camera is at ``camera_chainage_m``.

    Attributes:
        metres_per_px: along the pipe, for each column.
        degrees_per_px: round the pipe, for each row.
        start_m: chainage at the left edge of the first column.
        cut_deg: clock angle at the upper edge of the first row, where the pipe is cut open.
        radius_m: of the pipe; a row is ``radius_m * radians(degrees_per_px)`` metres high.
    """

    def __init__(
        self,
        rig: Rig,
        camera: str | None = None,
        *,
        start_m: float,
        end_m: float,
        metres_per_px: float = 0.001,
        degrees_per_px: float | None = None,
        cut_deg: float = 0.0,
        camera_chainage_m: float = 0.0,
        up: tuple[float, float, float] = (0.0, -1.0, 0.0),
        surface: Cylinder | None = None,
        grid: OutputGrid | None = None,
        maps: Maps | None = None,
    ) -> None:
        """Build the map of the section from ``start_m`` to ``end_m``.

        Args:
            rig: gives the cameras and, without ``surface``, the cylinder.
            camera: whose raw pictures are unrolled; None for pictures on the output grid.
            start_m: chainage where the raster begins, metres.
            end_m: chainage where it ends.
            metres_per_px: length of a column.
            degrees_per_px: height of a row; None makes pixels as high as wide on the wall.
            cut_deg: clock angle of the upper edge.
            camera_chainage_m: chainage of the reference camera at this frame (odometer).
            up: direction to 12 o'clock in the reference camera's frame; need not be square to the axis.
            surface: the pipe, instead of the rig's.
            grid: instead of the rig's output, for pictures on another grid.
            maps: see :mod:`rigsight.calibration.alignment.kernels`.

        Raises:
            RigsightError: CAL-031 when the camera is outside the pipe, CAL-033 without a cylinder, with an
                empty or huge section, or ``up`` along the axis.
        """
        pipe = surface or rig.surface
        if not isinstance(pipe, Cylinder):
            raise codes.NO_PIPE_TO_UNROLL(f"the rig's surface is a {pipe.kind}")
        inverse_depth(pipe, np.zeros((0, 3)))  # raises where the camera is outside
        self.rig, self.surface, self.radius_m = rig, pipe, pipe.radius_m
        square_deg = float(np.degrees(metres_per_px / pipe.radius_m))
        width, height = _raster(end_m - start_m, metres_per_px, degrees_per_px or square_deg)
        self.start_m, self.cut_deg, self.camera_chainage_m = start_m, cut_deg, camera_chainage_m
        self.metres_per_px = (end_m - start_m) / width
        self.degrees_per_px = TURN_DEG / height
        self._origin, self._axes = _frame(pipe, up)

        view = grid or rig.output
        model = rig.cameras[camera] if camera else _ideal(view, rig.cameras[rig.reference])
        super().__init__(camera or GRID, model, (width, height), maps)
        pose = rig.pose(camera or rig.reference)
        columns, rows = np.meshgrid(np.arange(width), np.arange(height))
        points = self.points(*self.to_pipe(np.stack([columns, rows], axis=-1).astype(np.float64)))
        write_map(pixels_of(model, points @ pose[:3, :3].T + pose[:3, 3]), self._xy)

    def to_pipe(self, pixels: Float64) -> tuple[Float64, Float64]:
        """Pixels float64 [...,2] of the raster -> chainage [...] in metres, clock angle [...] in degrees."""
        chainage: Float64 = self.start_m + (pixels[..., 0] + 0.5) * self.metres_per_px
        clock: Float64 = np.mod(self.cut_deg + (pixels[..., 1] + 0.5) * self.degrees_per_px, TURN_DEG)
        return chainage, clock

    def to_pixels(self, chainage_m: Float64, clock_deg: Float64) -> Float64:
        """Chainage [...] in metres and clock angle [...] in degrees -> pixels float64 [...,2]."""
        column = (np.asarray(chainage_m) - self.start_m) / self.metres_per_px - 0.5
        row = np.mod(np.asarray(clock_deg) - self.cut_deg, TURN_DEG) / self.degrees_per_px - 0.5
        pixels: Float64 = np.stack(np.broadcast_arrays(column, row), axis=-1)
        return pixels

    def points(self, chainage_m: Float64, clock_deg: Float64) -> Float64:
        """The wall's points [...,3] in the reference camera's frame, metres."""
        along, upward, right = self._axes
        angle = np.radians(np.asarray(clock_deg))[..., None]
        ahead = (np.asarray(chainage_m) - self.camera_chainage_m)[..., None]
        round_it = np.cos(angle) * upward + np.sin(angle) * right
        points: Float64 = self._origin + ahead * along + self.radius_m * round_it
        return points

    def of_points(self, points: Float64) -> tuple[Float64, Float64]:
        """Points float64 [...,3] of the reference frame -> chainage (metres) and clock angle (degrees)."""
        along, upward, right = self._axes
        away = points - self._origin
        clock: Float64 = np.mod(np.degrees(np.arctan2(away @ right, away @ upward)), TURN_DEG)
        return self.camera_chainage_m + away @ along, clock

    def of_grid(self, pixels: Float64, grid: OutputGrid | None = None) -> tuple[Float64, Float64]:
        """Pixels float64 [...,2] of the output grid -> chainage (metres) and clock angle (degrees)."""
        K = (grid or self.rig.output).matrix
        rays = np.concatenate([pixels, np.ones((*pixels.shape[:-1], 1))], axis=-1) @ np.linalg.inv(K).T
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.of_points(rays / inverse_depth(self.surface, rays)[..., None])

    @property
    def source_px(self) -> Float32:
        """How many source pixels a column spans at every place, float32 [H,W]; below 1 the raster is empty
        magnification."""
        x, y = self._float
        along = np.hypot(np.gradient(x, axis=1), np.gradient(y, axis=1))
        inside = cv2.erode(self.valid, np.ones((1, 3), np.uint8)) > 0
        return np.where(inside, along, 0).astype(np.float32)


def _raster(length_m: float, metres_per_px: float, degrees_per_px: float) -> tuple[int, int]:
    """(width, height) nearest to the asked resolution."""
    if not (length_m > 0 and metres_per_px > 0 and degrees_per_px > 0):
        raise codes.NO_PIPE_TO_UNROLL("the section or its resolution is empty")
    sides = length_m / metres_per_px, TURN_DEG / degrees_per_px
    if not max(sides) <= LARGEST_SIDE:
        raise codes.NO_PIPE_TO_UNROLL(f"{sides[0]:.0f} x {sides[1]:.0f} pixels are too many")
    return max(1, round(sides[0])), max(4, round(sides[1]))


def _frame(pipe: Cylinder, up: tuple[float, float, float]) -> tuple[Float64, Float64]:
    """The axis's point beside the camera [3], and the directions along, up and to the right [3,3]."""
    along = unit_axis(pipe)
    point = np.array(pipe.point_m, dtype=np.float64)
    upward = np.array(up, dtype=np.float64)
    upward -= (upward @ along) * along
    length = float(np.linalg.norm(upward))
    if length < 1e-6:
        raise codes.NO_PIPE_TO_UNROLL(
            "up points along the pipe", fix="Give the direction to 12 o'clock, across the axis."
        )
    upward /= length
    return point - (point @ along) * along, np.stack([along, upward, np.cross(along, upward)])


def _ideal(grid: OutputGrid, reference: Camera) -> Camera:
    """The output grid as a camera without distortion."""
    return Camera(
        model="pinhole-radtan",
        width=grid.width,
        height=grid.height,
        K=grid.K,
        spectrum=reference.spectrum,
    )
