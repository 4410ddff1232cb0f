"""How well pictures of two cameras lie on each other, in pixels of the reference grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.calibration.align import Aligner
from rigsight.calibration.projection import project, undistort
from rigsight.calibration.rig import Camera, Cylinder, Float64, MatchedHomography, Plane, Rig

SAMPLES = 48  # grid points along the longer side


@dataclass(frozen=True)
class AlignmentError:
    """Distances on the output grid, pixels, over its crop (all that the camera sees where there is none)."""

    rms_px: float
    p95_px: float
    max_px: float


def alignment_error_px(rig: Rig, truth: Rig, camera: str, distance_m: float) -> float:
    """Root mean square of :func:`alignment_error`, pixels."""
    return alignment_error(rig, truth, camera, distance_m).rms_px


def alignment_error(rig: Rig, truth: Rig, camera: str, distance_m: float) -> AlignmentError:
    """Error of a calibrated rig against the true one, its map built for a plane at ``distance_m``.

    For every grid pixel: the camera pixel that the map fetches is followed through the true camera to the
    true plane, seen by the true reference camera, and brought to the grid by the calibrated one. A perfect
    rig ends where it began. A rig with a matched homography keeps its map.
    """
    homography = isinstance(rig.surface, MatchedHomography)
    surface = rig.surface if homography else _plane_at(rig, distance_m)
    return _summary(_displacement(rig, truth, camera, surface, _plane_at(rig, distance_m)))


def parallax_px(rig: Rig, camera: str, distances_m: Sequence[float]) -> dict[float, float]:
    """What the rig's one reference surface leaves at other distances: distance -> RMS pixels.

    For parallel cameras with baseline b and a plane at d0 this is f b |1/d - 1/d0| (f of the grid). Each
    distance stands for a plane along the surface's normal, straight ahead for cylinders and homographies.
    """
    return {
        float(distance): _summary(
            _displacement(rig, rig, camera, rig.surface, _plane_at(rig, distance))
        ).rms_px
        for distance in distances_m
    }


def _plane_at(rig: Rig, distance_m: float) -> Plane:
    normal = rig.surface.normal if isinstance(rig.surface, Plane) else (0.0, 0.0, 1.0)
    return Plane(distance_m=distance_m, normal=normal)


def _displacement(
    rig: Rig, truth: Rig, camera: str, surface: Plane | Cylinder | MatchedHomography, plane: Plane
) -> Float64:
    """Where grid pixels end minus where they began, float64 [N,2]; the map of ``rig`` is over ``surface``."""
    aligner = Aligner(rig, camera, surface=surface)
    x, y, width, height = rig.output.crop or (0, 0, *rig.output.size)
    step = max(1, max(width, height) // SAMPLES)
    rows, columns = np.mgrid[y : y + height : step, x : x + width : step].reshape(2, -1)
    seen = aligner.valid[rows, columns] > 0
    rows, columns = rows[seen], columns[seen]
    fetched = aligner.map_xy[rows, columns].astype(np.float64)

    rays = np.column_stack([undistort(truth.cameras[camera], fetched), np.ones(len(fetched))])
    to_reference = np.linalg.inv(truth.pose(camera))
    rays, origin = rays @ to_reference[:3, :3].T, to_reference[:3, 3]
    normal = np.array(plane.normal)
    length = (plane.distance_m - normal @ origin) / (rays @ normal)
    length[length <= 0] = np.nan
    points = origin + length[:, None] * rays

    native = project(truth.cameras[truth.reference], points)
    ended = _to_grid(rig.cameras[rig.reference], native, rig.output.matrix)
    moved: Float64 = ended - np.column_stack([columns, rows])
    return moved[np.isfinite(moved).all(axis=1)]


def _to_grid(reference: Camera, native: Float64, K: Float64) -> Float64:
    rays = np.column_stack([undistort(reference, native), np.ones(len(native))])
    grid: Float64 = (rays @ K.T)[:, :2]
    return grid


def _summary(moved: Float64) -> AlignmentError:
    if not len(moved):
        nan = float("nan")
        return AlignmentError(nan, nan, nan)
    length = np.linalg.norm(moved, axis=1)
    return AlignmentError(
        float(np.sqrt(np.mean(length**2))), float(np.percentile(length, 95)), float(length.max())
    )
