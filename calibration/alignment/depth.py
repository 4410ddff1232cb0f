"""A distance for every pixel: the map from a depth picture, and where one surface hides another.

Along a reference ray the source pixel is a smooth curve in the inverse depth q. It is tabulated once as a
polynomial in q for every grid pixel, of the degree that the lens and the range need (1 for parallel cameras
without distortion, where it is exact), so that a depth picture becomes a map by a few multiplications.

The other camera may not see what the reference camera sees. Hidden pixels are found with a z-buffer in a
virtual camera: the grid's own pinhole moved to the other camera's centre, because only the centre decides
what is hidden and this view has about one grid pixel for each of its own.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration import codes
from rigsight.calibration.alignment.kernels import Maps
from rigsight.calibration.alignment.surfaces import NOWHERE, checked_distance, grid_rays
from rigsight.calibration.alignment.warp import Float32, UInt8, Warp
from rigsight.calibration.projection import distort, largest_radius
from rigsight.calibration.rig import Float64, OutputGrid, Rig

HIGHEST_DEGREE = 6
TESTS = 25  # inverse depths at which a polynomial is compared with the exact projection


class DepthAligner(Warp):
    """Aligns pictures of one camera by a depth picture of the grid.

    Attributes:
        degree: of the polynomial in 1/z.
        error_px: its largest difference to the exact projection that was found.
        occluded: uint8 [H,W], 255 where depth is known and something nearer stands between the
            camera and what the grid shows.
    """

    def __init__(
        self,
        rig: Rig,
        camera: str,
        near_m: float,
        far_m: float = np.inf,
        *,
        tolerance_px: float = 0.1,
        least_parallax_px: float = 2.0,
        grid: OutputGrid | None = None,
        maps: Maps | None = "float",
    ) -> None:
        """Tabulate the map between ``near_m`` and ``far_m`` (depths along the optical axis, metres).

        ``least_parallax_px``: what is nearer by less parallax hides nothing; keep it above twice the noise of
        the depth picture, f b sigma / z^2 pixels.

        Raises:
            RigsightError: CAL-004 for a grid that is not the reference camera's, CAL-030 for an empty range,
                CAL-034 when a polynomial of degree 6 is off by more than ``tolerance_px``.
        """
        self.rig, self.grid = rig, grid or rig.output
        super().__init__(camera, rig.cameras[camera], self.grid.size, maps)
        if self.grid.camera != rig.reference:
            raise codes.RIG_INCONSISTENT("depth is given on a grid of the reference camera")
        self.near_m, self.far_m = checked_distance(near_m), checked_distance(far_m)
        if not near_m < far_m:
            raise codes.NO_DISTANCE(f"the range from {near_m:g} m to {far_m:g} m is empty")
        low, high = 1 / far_m, 1 / near_m
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        pose = rig.pose(camera)
        turned: Float64 = grid_rays(self.grid) @ pose[:3, :3].T
        self._offset = pose[:3, 3]
        self._never = self._leaves_the_lens(turned, low) | self._leaves_the_lens(turned, high)
        self._coefficients, self.error_px = self._tabulate(turned, tolerance_px)
        self.degree = len(self._coefficients) - 1
        self._hidden = HiddenPixels(self.grid, rig, camera, near_m, least_parallax_px)
        shape = self._never.shape
        self._unknown: NDArray[np.bool_] = np.ones(shape, np.bool_)
        self._place: Float32 = np.empty(shape, np.float32)
        self.occluded: UInt8 = np.zeros(shape, np.uint8)
        self._xy[:] = NOWHERE

    def update(self, depth_m: NDArray[Any]) -> None:
        """Rebuild map and masks for a depth picture [H,W] of the grid, metres along the optical axis.

        Where depth is zero, negative, NaN or outside the range nothing is known: such pixels are invalid and
        hide nothing.

        Raises:
            RigsightError: CAL-032 for a picture of another size, or of whole numbers (which are no metres).
        """
        if depth_m.shape != self._never.shape or depth_m.dtype.kind != "f":
            raise codes.DEPTH_UNUSABLE(
                f"it is {depth_m.dtype} {list(depth_m.shape)}, the grid is {list(self._never.shape)}"
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            known = (depth_m >= self.near_m) & (depth_m <= self.far_m)
            inverse = np.divide(1, depth_m, dtype=np.float32)
        np.copyto(inverse, 0, where=~known)
        np.subtract(inverse, np.float32(self._middle), out=self._place)
        self._place *= np.float32(1 / self._half)
        self._xy[:] = self._coefficients[-1]
        for coefficients in self._coefficients[-2::-1]:
            self._xy *= self._place
            self._xy += coefficients
        np.logical_or(~known, self._never, out=self._unknown)
        np.copyto(self._xy, NOWHERE, where=self._unknown)
        self.occluded = self._hidden(inverse)
        np.copyto(self.occluded, 0, where=~known)
        self.changed()

    def valid_into(self, out: UInt8) -> UInt8:
        """255 where depth is known, the camera's picture covers the place, and nothing hides it."""
        super().valid_into(out)
        out[self._unknown | (self.occluded > 0)] = 0
        return out

    def _leaves_the_lens(self, turned: Float64, inverse: float) -> NDArray[np.bool_]:
        """Where the ray is behind the camera or beyond its lens at one end of the range.

        Pixels that are inside at both ends are inside in between, because their rays move on a line.
        """
        rays = turned + self._offset * inverse
        behind = rays[..., 2] <= 1e-9
        radius = np.hypot(rays[..., 0], rays[..., 1]) / np.where(behind, 1, rays[..., 2])
        beyond: NDArray[np.bool_] = behind | (radius >= largest_radius(self.model))
        return beyond

    def _pixels(self, place: float, turned: Float64) -> Float64:
        rays = turned + self._offset * (self._middle + place * self._half)
        return distort(self.model, rays[..., :2] / rays[..., 2:])

    def _tabulate(self, turned: Float64, tolerance_px: float) -> tuple[list[Float32], float]:
        """Polynomial coefficients [2,H,W] by rising power of the place in -1..1, and the error they leave.

        They pass through the Chebyshev nodes, where interpolation errs least.
        """
        step = max(1, max(self.grid.size) // 32)
        turned = np.where(self._never[..., None], (0.0, 0.0, 1.0), turned)
        sample = turned[::step, ::step]
        usable = ~self._never[::step, ::step]
        limits = np.array(self.model.size) - 1
        for degree in range(1, HIGHEST_DEGREE + 1):
            nodes = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
            inverse = np.linalg.inv(np.vander(nodes, increasing=True))
            values = np.stack([self._pixels(node, sample) for node in nodes])
            fitted = np.tensordot(inverse, values, axes=1)
            error = 0.0
            for place in np.linspace(-1, 1, TESTS):
                truth = self._pixels(place, sample)
                wrong = np.linalg.norm(
                    np.tensordot(place ** np.arange(degree + 1), fitted, 1) - truth, axis=-1
                )
                seen = usable & ((truth >= 0) & (truth <= limits)).all(axis=-1)
                error = max(error, float(wrong[seen].max(initial=0.0)))
            if error <= tolerance_px:
                values = np.stack([self._pixels(node, turned) for node in nodes])
                fitted = np.tensordot(inverse, values, axes=1).transpose(0, 3, 1, 2)
                return [np.ascontiguousarray(c, dtype=np.float32) for c in fitted], error
        raise codes.RANGE_TOO_WIDE(
            f"between {self.near_m:g} and {self.far_m:g} m a polynomial of degree {degree} leaves "
            f"{error:.2f} px"
        )


class HiddenPixels:
    """The z-buffer: inverse depth of the grid -> which pixels the other camera cannot see."""

    def __init__(self, grid: OutputGrid, rig: Rig, camera: str, near_m: float, least_px: float) -> None:
        self._least_px = least_px
        pose = rig.pose(camera)
        # A point moves by K R^T t q, in homogeneous pixels, when the view moves to the other centre.
        self._shift = (grid.matrix @ pose[:3, :3].T @ pose[:3, 3]).astype(np.float32)
        width, height = grid.size
        self._u, self._v = np.meshgrid(
            np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
        )
        corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], np.float64)
        scale = max(1 + self._shift[2] / near_m, 0.25)
        moved = (corners + self._shift[:2] / near_m) / scale - corners
        pad = np.minimum(np.ceil(np.abs(moved).max(axis=0)) + 2, (width, height)).astype(int)
        self._pad = (int(pad[0]), int(pad[1]))
        self._columns, self._rows = width + 2 * self._pad[0], height + 2 * self._pad[1]
        self._number = np.arange(width * height, dtype=np.int64).reshape(height, width)

    def __call__(self, inverse: Float32) -> UInt8:
        """Mask uint8 [H,W], 255 where hidden, of inverse depths float32 [H,W] (0: unknown or infinite)."""
        x, y = self._seen_at(inverse)
        column = np.rint(x).astype(np.int32) + self._pad[0]
        row = np.rint(y).astype(np.int32) + self._pad[1]
        inside = (column >= 1) & (column < self._columns - 1) & (row >= 1) & (row < self._rows - 1)
        cell = np.where(inside, row * np.int32(self._columns) + column, 0)
        # Nearest pixel of every cell: positive floats sort like their bits, the pixel's number rides along.
        key = (inverse.view(np.int32).astype(np.int64) << 32) | self._number
        nearest = np.full(self._rows * self._columns, -1, np.int64)
        np.maximum.at(nearest, cell.ravel(), np.where(inside & (inverse > 0), key, -1).ravel())

        hidden = np.zeros(inverse.shape, np.uint8)
        # Only pixels with something nearer in a neighbouring cell can be hidden.
        high = (np.maximum(nearest, 0) >> 32).astype(np.int32).view(np.float32)
        around = cv2.dilate(high.reshape(self._rows, self._columns), np.ones((3, 3), np.uint8))
        leap = np.hypot(*self._shift[:2]) + max(self._u.shape) * abs(self._shift[2])
        asked = np.flatnonzero(inside & ((around.ravel()[cell] - inverse) * leap > self._least_px - 0.5))
        if len(asked):
            hidden.ravel()[asked] = self._behind_another(asked, cell, nearest, inverse, x, y)
            hidden = cv2.morphologyEx(hidden, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).astype(np.uint8)
        return hidden

    def _seen_at(self, inverse: Float32) -> tuple[Float32, Float32]:
        scale = np.float32(1) / np.maximum(1 + self._shift[2] * inverse, np.float32(0.05))
        return (self._u + self._shift[0] * inverse) * scale, (self._v + self._shift[1] * inverse) * scale

    def _behind_another(
        self, asked: NDArray[np.intp], cell: Any, nearest: Any, inverse: Float32, x: Float32, y: Float32
    ) -> UInt8:
        """255 for the asked pixels on whose place another, nearer pixel of the grid lands as well.

        That pixel covers half a pixel to each side. Close neighbours on the grid do not count: they are the
        same surface, seen at a slant or with noise.
        """
        width = self._u.shape[1]
        x, y, inverse = x.ravel(), y.ravel(), inverse.ravel()
        own_x, own_y, own_q, own_cell = x[asked], y[asked], inverse[asked], cell.ravel()[asked]
        hidden = np.zeros(len(asked), np.bool_)
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                entry = nearest[own_cell + down * self._columns + right]
                other = np.where(entry >= 0, entry & 0xFFFFFFFF, asked)
                near = (np.abs(x[other] - own_x) <= 0.5) & (np.abs(y[other] - own_y) <= 0.5)
                apart = (np.abs(other % width - asked % width) > self._least_px) | (
                    np.abs(other // width - asked // width) > self._least_px
                )
                hidden |= near & apart & (inverse[other] > own_q)
        return hidden.astype(np.uint8) * np.uint8(255)
