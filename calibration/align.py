"""Alignment: one fused map (undistort, rotate, surface, crop) from a camera's picture to the output grid.

A ray v of the reference camera meets the plane n.X = d at d/(n.v) v, so camera c sees it along
(R + t n^T / d) v. That 3x3 matrix takes the place of a rectifying rotation in OpenCV's map builder, which
makes a whole map one call, cheap enough for a new distance in every frame.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration import codes
from rigsight.calibration.projection import largest_radius, project
from rigsight.calibration.rig import Cylinder, Float64, MatchedHomography, OutputGrid, Plane, Rig, as_matrix3

Image = NDArray[Any]
UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

# Measured with `rigsight bench pipeline`: OpenCV 5 is faster with float maps for one channel and with
# fixed-point maps for three; OpenCV 4 rounds float maps to the same 1/32 px, so that fixed-point costs
# nothing there. A rule rather than a timing at start-up, because the same input must give the same output.
_OPENCV_5 = int(cv2.__version__.split(".")[0]) >= 5
_EDGE_PX = 1e-3  # what rounding may put a border pixel outside by


class Aligner:
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
        surface: Plane | Cylinder | MatchedHomography | None = None,
        grid: OutputGrid | None = None,
    ) -> None:
        """Build the map from ``camera`` to ``grid`` (the rig's output) over ``surface`` (the rig's).

        Raises:
            RigsightError: CAL-004 when the surface does not fit the grid's camera.
        """
        self.rig, self.camera = rig, camera
        self.model = rig.cameras[camera]
        self.grid = grid or rig.output
        self.surface = surface or rig.surface
        self._float_maps: tuple[Image, Image]
        self._fixed: tuple[Image, Image] | None
        self._valid: UInt8 | None
        self._build()

    def retarget(self, distance_m: float) -> None:
        """Move the reference plane to ``distance_m`` along its normal (straight ahead for other surfaces)."""
        normal = self.surface.normal if isinstance(self.surface, Plane) else (0.0, 0.0, 1.0)
        self.surface = Plane(distance_m=distance_m, normal=normal)
        self._build()

    def __call__(self, image: Image, out: Image | None = None) -> Image:
        """Warp a picture [H,W] or [H,W,3], uint8 or uint16, bilinearly; zero where nothing is seen.

        Raises:
            RigsightError: CAL-005 when the picture is not of the camera's size.
        """
        self._check(image)
        floating = _OPENCV_5 and image.ndim == 2
        maps = self._float_maps if floating else self._fixed_maps()
        return cv2.remap(image, *maps, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_CONSTANT)

    def nearest(self, image: Image) -> Image:
        """Warp labels or masks [H,W] without blending; zero where nothing is seen."""
        self._check(image)
        return cv2.remap(image, *self._float_maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)

    @property
    def map_xy(self) -> Float32:
        """Source pixel of every grid pixel, float32 [H,W,2]."""
        return np.dstack(self._float_maps)

    @property
    def valid(self) -> UInt8:
        """255 where the grid pixel lies inside the camera's picture, else 0; uint8 [H,W]."""
        if self._valid is None:
            x, y = self._float_maps
            right, bottom = self.model.width - 1 + _EDGE_PX, self.model.height - 1 + _EDGE_PX
            inside = (x >= -_EDGE_PX) & (x <= right) & (y >= -_EDGE_PX) & (y <= bottom)
            self._valid = inside.astype(np.uint8) * np.uint8(255)
        return self._valid

    def _check(self, image: Image) -> None:
        height, width = image.shape[:2]
        if (width, height) != self.model.size:
            raise codes.PICTURE_OF_ANOTHER_CAMERA(
                f"the picture is {width}x{height}, camera '{self.camera}' is {self.model.width}x"
                f"{self.model.height}"
            )

    def _fixed_maps(self) -> tuple[Image, Image]:
        if self._fixed is None:
            x, y = self._float_maps
            self._fixed = cv2.convertMaps(x, y, cv2.CV_16SC2)
        return self._fixed

    def _build(self) -> None:
        self._fixed, self._valid = None, None
        if isinstance(self.surface, Cylinder) and self.camera != self.grid.camera:
            self._float_maps = self._maps_over_cylinder(self.surface)
        else:
            self._float_maps = self._maps_over_plane()

    def _maps_over_plane(self) -> tuple[Image, Image]:
        rays = ray_map(self.rig, self.camera, self.surface) @ np.linalg.inv(
            ray_map(self.rig, self.grid.camera, self.surface)
        )
        builder: Any = cv2.fisheye if self.model.model == "fisheye" else cv2
        x, y = builder.initUndistortRectifyMap(
            self.model.matrix,
            self.model.distortion,
            np.linalg.inv(rays),
            self.grid.matrix,
            self.grid.size,
            cv2.CV_32FC1,
        )
        unseen = _beyond_the_lens(rays @ np.linalg.inv(self.grid.matrix), self.grid, self.model)
        if unseen is not None:
            x[unseen] = y[unseen] = -1
        return x, y

    def _maps_over_cylinder(self, surface: Cylinder) -> tuple[Image, Image]:
        if self.grid.camera != self.rig.reference:
            raise codes.RIG_INCONSISTENT("a cylinder surface needs the reference camera's grid")
        u, v = np.meshgrid(np.arange(self.grid.width), np.arange(self.grid.height))
        rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(self.grid.matrix).T
        points = _hit_cylinder_from_inside(rays, surface)
        pose = self.rig.pose(self.camera)
        pixels = project(self.model, points @ pose[:3, :3].T + pose[:3, 3])
        pixels = np.where(np.isfinite(pixels), pixels, -1).astype(np.float32)
        return np.ascontiguousarray(pixels[..., 0]), np.ascontiguousarray(pixels[..., 1])


def ray_map(rig: Rig, camera: str, surface: Plane | Cylinder | MatchedHomography) -> Float64:
    """The 3x3 matrix that takes a reference ray to the camera's ray over the surface.

    ``R + t n^T / d`` for the plane n.X = d (Hartley and Zisserman, Multiple View Geometry, eq. 13.2, with
    the sign of n.X = d), ``K_c^-1 H K_r`` for a matched homography.
    """
    if camera == rig.reference:
        return np.eye(3)
    if isinstance(surface, MatchedHomography):
        H = np.array(surface.H, dtype=np.float64)
        matched: Float64 = np.linalg.inv(rig.cameras[camera].matrix) @ H @ rig.cameras[rig.reference].matrix
        return matched
    if isinstance(surface, Cylinder):
        raise codes.RIG_INCONSISTENT("a cylinder is no plane: it cannot carry another camera's grid")
    pose = rig.pose(camera)
    induced: Float64 = pose[:3, :3] + np.outer(pose[:3, 3], surface.normal) / surface.distance_m
    return induced


def scaled_grid(grid: OutputGrid, width: int, height: int) -> OutputGrid:
    """The same view on another number of pixels (pixel centres at integers).

    >>> from rigsight.calibration.rig import OutputGrid
    >>> grid = OutputGrid(camera="rgb", width=4, height=4, K=((8, 0, 1.5), (0, 8, 1.5), (0, 0, 1)))
    >>> scaled_grid(grid, 8, 2).K
    ((16.0, 0.0, 3.5), (0.0, 4.0, 0.5), (0.0, 0.0, 1.0))
    """
    K = pixel_scaling(grid.size, (width, height)) @ grid.matrix
    crop = None
    if grid.crop is not None:
        sx, sy = width / grid.width, height / grid.height
        x, y = int(np.ceil(grid.crop[0] * sx)), int(np.ceil(grid.crop[1] * sy))
        right, bottom = (grid.crop[0] + grid.crop[2]) * sx, (grid.crop[1] + grid.crop[3]) * sy
        crop = (x, y, int(right) - x, int(bottom) - y)
    return OutputGrid(camera=grid.camera, width=width, height=height, K=as_matrix3(K), crop=crop)


def pixel_scaling(source: tuple[int, int], target: tuple[int, int]) -> Float64:
    """3x3 matrix from pixels of a (width, height) grid to those of another over the same view."""
    sx, sy = target[0] / source[0], target[1] / source[1]
    return np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])


def largest_rectangle(valid: UInt8, cells: int = 256) -> tuple[int, int, int, int]:
    """Largest axis-parallel rectangle (x, y, width, height) of non-zero pixels.

    Exact on pictures up to ``cells`` pixels a side; larger ones are searched in blocks that are valid as a
    whole, so that the answer is valid and at most one block smaller on each side. Zeros when there is none.

    >>> import numpy as np
    >>> picture = np.zeros((5, 6), np.uint8)
    >>> picture[1:4, 2:6] = 255
    >>> largest_rectangle(picture)
    (2, 1, 4, 3)
    """
    height, width = valid.shape
    block = -(-max(height, width) // cells)
    rows, columns = height // block, width // block
    blocks = valid[: rows * block, : columns * block].reshape(rows, block, columns, block)
    whole: NDArray[np.bool_] = np.asarray(blocks.all(axis=(1, 3)))
    best, area = (0, 0, 0, 0), 0
    heights = np.zeros(columns, dtype=int)
    for row in range(rows):
        heights = np.where(whole[row], heights + 1, 0)
        stack: list[tuple[int, int]] = []  # (start column, height), heights rising
        for column, current in enumerate([*heights.tolist(), 0]):
            start = column
            while stack and stack[-1][1] >= current:
                start, tall = stack.pop()
                if tall * (column - start) > area:
                    area = tall * (column - start)
                    best = (start, row - tall + 1, column - start, tall)
            stack.append((start, current))
    return best[0] * block, best[1] * block, best[2] * block, best[3] * block


def _beyond_the_lens(pixel_to_ray: Float64, grid: OutputGrid, camera: Any) -> NDArray[np.bool_] | None:
    """Where grid pixels look behind the camera or past the radius at which its polynomial turns back."""
    limit = largest_radius(camera)
    corners = np.array([[0, 0, 1], [grid.width, 0, 1], [0, grid.height, 1], [grid.width, grid.height, 1]])
    ends = corners @ pixel_to_ray.T
    if (ends[:, 2] > 0).all() and (np.hypot(ends[:, 0], ends[:, 1]) / ends[:, 2]).max() < limit:
        return None  # the farthest rays are the corners', so nothing is beyond
    u, v = np.meshgrid(np.arange(grid.width), np.arange(grid.height))
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ pixel_to_ray.T
    behind = rays[..., 2] <= 0
    radius = np.hypot(rays[..., 0], rays[..., 1]) / np.where(behind, 1, rays[..., 2])
    beyond: NDArray[np.bool_] = behind | (radius >= limit)
    return beyond


def _hit_cylinder_from_inside(rays: Float64, surface: Cylinder) -> Float64:
    """Where rays [...,3] from the origin leave the cylinder; NaN along the axis."""
    axis = np.array(surface.direction, dtype=np.float64)
    axis /= np.linalg.norm(axis)
    point = np.array(surface.point_m, dtype=np.float64)
    across = rays - (rays @ axis)[..., None] * axis
    offset = point - (point @ axis) * axis
    a: Float64 = np.asarray((across * across).sum(-1))
    b = across @ offset
    c = offset @ offset - surface.radius_m**2
    with np.errstate(divide="ignore", invalid="ignore"):
        length = (b + np.sqrt(b * b - a * c)) / a
    length = np.where(a > 1e-12, length, np.nan)
    hit: Float64 = np.asarray(length)[..., None] * rays
    return hit
