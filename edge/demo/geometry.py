"""How far the calibrated rig's maps are off, judged by the simulator's true rig."""

from __future__ import annotations

import numpy as np

from rigsight.calibration.align import Aligner
from rigsight.calibration.projection import distort, project, undistort
from rigsight.calibration.rig import Cylinder, Float64, MatchedHomography, OutputGrid, Plane, Rig
from rigsight.edge.demo.results import MapError


def map_error(
    estimated: Rig,
    true: Rig,
    distance_m: float,
    *,
    surface: Plane | Cylinder | MatchedHomography | None = None,
    grid: OutputGrid | None = None,
    camera: str = "thermal",
    step: int = 6,
) -> MapError:
    """Error of the estimated rig's map of ``camera`` for a wall at ``distance_m``, square to the reference.

    Every ``step``-th grid pixel is followed through the estimated reference camera to its native pixel,
    from there through the true rig to the wall and into the true ``camera``; the map should have pointed
    there. The difference is carried back to grid pixels with the map's Jacobian.

    Args:
        estimated: the calibrated rig; its map is judged.
        true: the simulator's rig, with the same cameras.
        distance_m: of the wall, along the reference camera's axis.
        surface: the map's surface; None builds the map for that very distance.
        grid: the output grid; the estimated rig's own when None.
        camera: whose map.
        step: spacing of the judged pixels.

    Returns:
        RMS and 95th percentile over the pixels that both cameras see; nan where there is none.
    """
    aligner = Aligner(estimated, camera, surface=surface or Plane(distance_m=distance_m), grid=grid)
    grid_map = aligner.map_xy.astype(np.float64)
    along_v, along_u = np.gradient(grid_map, axis=(0, 1))
    jacobian = np.stack([along_u, along_v], axis=-1)[::step, ::step].reshape(-1, 2, 2)
    mapped = grid_map[::step, ::step].reshape(-1, 2)

    v, u = np.mgrid[0 : aligner.grid.height : step, 0 : aligner.grid.width : step]
    pixels = np.stack([u.ravel(), v.ravel(), np.ones(u.size)], axis=1)
    rays = pixels @ np.linalg.inv(aligner.grid.matrix).T
    native = distort(estimated.cameras[estimated.reference], rays[:, :2] / rays[:, 2:])
    truth = _seen_by(true, camera, native, distance_m)

    seen = _inside(native, true.cameras[true.reference].size) & _inside(truth, true.cameras[camera].size)
    seen &= np.abs(np.linalg.det(jacobian)) > 1e-9
    if not seen.any():
        return MapError(distance_m, float("nan"), float("nan"))
    offset = np.linalg.solve(jacobian[seen], (truth - mapped)[seen, :, None])[..., 0]
    length = np.hypot(offset[:, 0], offset[:, 1])
    return MapError(distance_m, float(np.sqrt((length**2).mean())), float(np.percentile(length, 95)))


def curve_distances(distances_m: tuple[float, ...], count: int = 41) -> tuple[float, ...]:
    """Distances for a curve a little beyond the given ones, evenly spaced in their logarithm.

    >>> [round(d, 2) for d in curve_distances((1.0, 100.0), 3)]
    [0.8, 10.0, 125.0]
    """
    return tuple(float(d) for d in np.geomspace(0.8 * min(distances_m), 1.25 * max(distances_m), count))


def _seen_by(rig: Rig, camera: str, native: Float64, distance_m: float) -> Float64:
    """Where ``camera`` sees what the reference camera sees at native pixels [N,2], on a wall."""
    rays = np.concatenate([undistort(rig.cameras[rig.reference], native), np.ones((len(native), 1))], axis=1)
    pose = rig.pose(camera)
    return project(rig.cameras[camera], distance_m * rays @ pose[:3, :3].T + pose[:3, 3])


def _inside(pixels: Float64, size: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    with np.errstate(invalid="ignore"):
        inside = (pixels >= 0) & (pixels <= np.array(size) - 1)
    return np.asarray(inside.all(axis=1))
