"""Where the rays of the reference camera meet the surface, and how another camera sees that place.

With q = 1/z the inverse depth of the surface along a reference ray v = (x, y, 1), camera c sees it along
R v + t q. A plane n.X = d has q = n.v / d, so the ray becomes (R + t n^T / d) v: a matrix.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration import codes
from rigsight.calibration.projection import distort, largest_radius
from rigsight.calibration.rig import Camera, Cylinder, Float64, MatchedHomography, OutputGrid, Plane, Rig

Surface = Plane | Cylinder | MatchedHomography
Float32 = NDArray[np.float32]
FAR_PX = 1e5  # farther outside than any picture is wide
NOWHERE = -1.0  # the map's entry for a ray that the camera cannot see


def ray_map(rig: Rig, camera: str, surface: Surface) -> Float64:
    """The 3x3 matrix that takes a reference ray to the camera's ray over the surface.

    ``R + t n^T / d`` for the plane n.X = d (Hartley and Zisserman, Multiple View Geometry, eq. 13.2, with
    the sign of n.X = d), ``K_c^-1 H K_r`` for a matched homography.

    Raises:
        RigsightError: CAL-004 for a cylinder, which has no such matrix.
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


def grid_rays(grid: OutputGrid) -> Float64:
    """The ray of every grid pixel, float64 [H,W,3], z = 1, in the frame of the grid's camera."""
    u, v = np.meshgrid(np.arange(grid.width), np.arange(grid.height))
    rays: Float64 = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(grid.matrix).T
    return rays


def inverse_depth(surface: Plane | Cylinder, rays: Float64) -> Float64:
    """1/z of the surface along reference rays [...,3] with z = 1; negative where a plane lies behind them.

    A cylinder is seen from inside: with w the part of the ray across the axis and o the axis's offset from
    the camera, 1/z = |w| / (o.w/|w| + sqrt((o.w/|w|)^2 + r^2 - o^2)), which is 0 along the axis.

    Raises:
        RigsightError: CAL-031 when the camera is not inside the cylinder.
    """
    if isinstance(surface, Plane):
        plane: Float64 = rays @ np.array(surface.normal) / surface.distance_m
        return plane
    axis = unit_axis(surface)
    point = np.array(surface.point_m, dtype=np.float64)
    offset = point - (point @ axis) * axis
    room = surface.radius_m**2 - float(offset @ offset)
    if room <= 0:
        raise codes.OUTSIDE_THE_PIPE(
            f"the reference camera is {float(np.linalg.norm(offset)):.3f} m from the axis, the radius is "
            f"{surface.radius_m:g} m"
        )
    across = rays - (rays @ axis)[..., None] * axis
    length: Float64 = np.asarray(np.linalg.norm(across, axis=-1))
    toward = (across @ offset) / np.maximum(length, 1e-15)
    inverse: Float64 = length / (toward + np.sqrt(toward**2 + room))
    return inverse


def unit_axis(surface: Cylinder) -> Float64:
    """Direction of the cylinder's axis, length 1, float64 [3]."""
    axis = np.array(surface.direction, dtype=np.float64)
    unit: Float64 = axis / np.linalg.norm(axis)
    return unit


def plane_distance(rig: Rig, range_m: float) -> float:
    """Distance of the rig's plane along its normal when the range finder reads ``range_m`` metres.

    The finder looks along z of its frame; without ``T_reference_rangefinder`` it sits in the reference
    camera. Surfaces without a normal count as facing the camera.

    >>> from rigsight.calibration.rig import Camera
    >>> K = ((100, 0, 31.5), (0, 100, 23.5), (0, 0, 1))
    >>> camera = Camera(model="pinhole-radtan", width=64, height=48, K=K, spectrum="rgb")
    >>> rig = Rig(cameras={"rgb": camera}, reference="rgb", surface=Plane(distance_m=5, normal=(0.6, 0, 0.8)),
    ...           output=OutputGrid(camera="rgb", width=64, height=48, K=K))
    >>> plane_distance(rig, 10.0)
    8.0
    """
    normal = np.array(normal_of(rig.surface))
    if rig.T_reference_rangefinder is None:
        return float(normal[2] * range_m)
    T = np.array(rig.T_reference_rangefinder, dtype=np.float64)
    return float(normal @ (T[:3, :3] @ (0.0, 0.0, range_m) + T[:3, 3]))


def normal_of(surface: Surface) -> tuple[float, float, float]:
    """The plane's normal; straight ahead for surfaces that have none."""
    return surface.normal if isinstance(surface, Plane) else (0.0, 0.0, 1.0)


def checked_distance(distance_m: float) -> float:
    """A distance that a map can be built for: positive, infinity included. Raises CAL-030."""
    if not distance_m > 0:
        raise codes.NO_DISTANCE(f"{distance_m:g} m was given")
    return float(distance_m)


def fill_plane_maps(
    rig: Rig, camera: str, surface: Plane | MatchedHomography, grid: OutputGrid, xy: Float32
) -> None:
    """Write the map of a plane, seen from the grid, into ``xy`` float32 [2,H,W]: one call of OpenCV."""
    model = rig.cameras[camera]
    to_reference = np.linalg.inv(ray_map(rig, grid.camera, surface))
    rays = ray_map(rig, camera, surface) @ to_reference
    builder: Any = cv2.fisheye if model.model == "fisheye" else cv2
    builder.initUndistortRectifyMap(
        model.matrix,
        model.distortion,
        np.linalg.inv(rays),
        grid.matrix,
        grid.size,
        cv2.CV_32FC1,
        xy[0],
        xy[1],
    )
    pixel_to_ray = np.linalg.inv(grid.matrix)
    normal = None
    if isinstance(surface, Plane) and camera != grid.camera:
        normal = np.array(surface.normal) @ to_reference @ pixel_to_ray
    unseen = _unseen(rays @ pixel_to_ray, normal, grid, largest_radius(model))
    if unseen is not None:
        xy[:, unseen] = NOWHERE


def fill_depth_maps(rig: Rig, camera: str, inverse: Float64, grid: OutputGrid, xy: Float32) -> None:
    """Write the exact map over a surface of inverse depths [H,W] (reference frame) into ``xy``."""
    pose = rig.pose(camera)
    seen = grid_rays(grid) @ pose[:3, :3].T + pose[:3, 3] * inverse[..., None]
    write_map(pixels_of(rig.cameras[camera], seen), xy)


def write_map(pixels: Float64, xy: Float32) -> None:
    """Write pixels [H,W,2] into ``xy`` float32 [2,H,W]; NaN and what is far off become nowhere."""
    xy[:] = np.where(np.abs(pixels) < FAR_PX, pixels, NOWHERE).transpose(2, 0, 1)


def pixels_of(camera: Camera, rays: Float64) -> Float64:
    """Pixels float64 [...,2] of rays [...,3] of the camera's frame, of any length; NaN where unseen."""
    ahead = rays[..., 2] > 1e-12
    normalised = rays[..., :2] / np.where(ahead, rays[..., 2], 1.0)[..., None]
    ahead &= np.hypot(normalised[..., 0], normalised[..., 1]) < largest_radius(camera)
    with np.errstate(over="ignore", invalid="ignore"):
        pixels: Float64 = np.where(ahead[..., None], distort(camera, normalised), np.nan)
    return pixels


def _unseen(
    pixel_to_ray: Float64, normal: Float64 | None, grid: OutputGrid, limit: float
) -> NDArray[np.bool_] | None:
    """Where grid pixels look behind the camera, past its lens's monotonic radius, or beyond the horizon.

    ``normal`` is the plane's in pixels of the grid: it is hit where normal . (u, v, 1) > 0.
    """
    ends = np.array([[0, 0, 1], [grid.width, 0, 1], [0, grid.height, 1], [grid.width, grid.height, 1.0]])
    rays = ends @ pixel_to_ray.T
    whole = bool((rays[:, 2] > 0).all()) and (normal is None or bool((ends @ normal > 0).all()))
    if whole and (np.hypot(rays[:, 0], rays[:, 1]) / rays[:, 2]).max() < limit:
        return None  # the farthest rays are the corners', so nothing is beyond
    u, v = np.meshgrid(np.arange(grid.width), np.arange(grid.height))
    pixels = np.stack([u, v, np.ones_like(u)], axis=-1)
    rays = pixels @ pixel_to_ray.T
    behind = rays[..., 2] <= 0
    radius = np.hypot(rays[..., 0], rays[..., 1]) / np.where(behind, 1, rays[..., 2])
    unseen: NDArray[np.bool_] = behind | (radius >= limit)
    return unseen if normal is None else unseen | (pixels @ normal <= 0)
