"""How well pictures of two cameras lie on each other, in pixels of the reference grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.calibration.align import Aligner
from rigsight.calibration.alignment.surfaces import Surface, normal_of
from rigsight.calibration.projection import project, undistort
from rigsight.calibration.rig import Camera, Float64, MatchedHomography, Plane, Rig

AS_GOOD_AS_INFINITE_M = 1e6
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
    fetched = _fetched(rig, camera, surface)
    return _summary(_moved(rig, truth, camera, fetched, _plane_at(rig, distance_m)))


@dataclass(frozen=True)
class Parallax:
    """What is left at one distance when the map is built for one surface, pixels of the output grid.

    Attributes:
        distance_m: of a plane along the surface's normal, straight ahead for cylinders and homographies.
        rms_px: root mean square over the grid's crop.
        max_px: largest there.
        closed_form_px: f b |1/d - 1/d0|, exact for parallel cameras; None for a cylinder, which has no d0.
        per_percent_px: what an error of 1 % in the distance costs where the map follows it: f b / d / 100.
    """

    distance_m: float
    rms_px: float
    max_px: float
    closed_form_px: float | None
    per_percent_px: float


def parallax_table(rig: Rig, camera: str, distances_m: Sequence[float]) -> tuple[Parallax, ...]:
    """What the rig's one reference surface leaves at several distances.

    A matched homography hides its distance; the table shows it as what :func:`best_distance_m` finds.
    """
    surface = rig.surface
    surface_m = surface.distance_m if isinstance(surface, Plane) else None
    if isinstance(surface, MatchedHomography):
        surface_m = best_distance_m(rig, camera)
    focal_px = float(np.sqrt(rig.output.matrix[0, 0] * rig.output.matrix[1, 1]))
    baseline_m = float(np.linalg.norm(rig.pose(camera)[:3, 3]))
    fetched = _fetched(rig, camera, surface)
    rows = []
    for distance in map(float, distances_m):
        left = _summary(_moved(rig, rig, camera, fetched, _plane_at(rig, distance)))
        form = None if surface_m is None else plane_parallax_px(focal_px, baseline_m, distance, surface_m)
        at_once = plane_parallax_px(focal_px, baseline_m, distance, np.inf) / 100
        rows.append(Parallax(distance, left.rms_px, left.max_px, form, at_once))
    return tuple(rows)


def parallax_px(rig: Rig, camera: str, distances_m: Sequence[float]) -> dict[float, float]:
    """What the rig's one reference surface leaves at other distances: distance -> RMS pixels.

    For parallel cameras with baseline b and a plane at d0 this is f b |1/d - 1/d0| (f of the grid). Each
    distance stands for a plane along the surface's normal, straight ahead for cylinders and homographies.
    """
    return {row.distance_m: row.rms_px for row in parallax_table(rig, camera, distances_m)}


def plane_parallax_px(focal_px: float, baseline_m: float, distance_m: float, surface_m: float) -> float:
    """f b |1/d - 1/d0|: parallel cameras, a map for a plane straight ahead at d0, a thing at d.

    >>> [round(plane_parallax_px(800, 0.10, d, 10.0), 1) for d in (5, 8, 15, 20, 50)]
    [8.0, 2.0, 2.7, 4.0, 6.4]
    """
    return float(abs(focal_px * baseline_m * (1 / distance_m - 1 / surface_m)))


def best_plane_m(near_m: float, far_m: float) -> float:
    """The plane whose largest parallax over a range is least: the harmonic mean of its ends.

    It leaves f b (1/near - 1/far) / 2:

    >>> round(best_plane_m(5, 50), 2), round(plane_parallax_px(800, 0.10, 5, best_plane_m(5, 50)), 1)
    (9.09, 7.2)
    """
    return float(2 / (1 / near_m + 1 / far_m))


def best_distance_m(rig: Rig, camera: str) -> float:
    """Distance at which the rig's surface leaves the least, metres: the one that a homography hides.

    The error over 1/d has one valley, which is bracketed and then narrowed by thirds.
    """
    fetched = _fetched(rig, camera, rig.surface)

    def left(inverse: float) -> float:
        rms = _summary(_moved(rig, rig, camera, fetched, _plane_at(rig, 1 / inverse))).rms_px
        return rms if np.isfinite(rms) else np.inf

    ladder = np.geomspace(1e-3, 50.0, 24)  # 1 km to 2 cm
    best = int(np.argmin([left(inverse) for inverse in ladder]))
    low, high = ladder[max(best - 1, 0)], ladder[min(best + 1, len(ladder) - 1)]
    for _ in range(18):
        third = (high - low) / 3
        if left(low + third) < left(high - third):
            high -= third
        else:
            low += third
    return float(2 / (low + high))


def _plane_at(rig: Rig, distance_m: float) -> Plane:
    return Plane(distance_m=min(distance_m, AS_GOOD_AS_INFINITE_M), normal=normal_of(rig.surface))


def _fetched(rig: Rig, camera: str, surface: Surface) -> tuple[Float64, Float64]:
    """Pixels of the grid's crop that the camera sees, and the camera's pixels that the map fetches there."""
    aligner = Aligner(rig, camera, surface=surface)
    x, y, width, height = rig.output.crop or (0, 0, *rig.output.size)
    step = max(1, max(width, height) // SAMPLES)
    rows, columns = np.mgrid[y + step // 2 : y + height : step, x + step // 2 : x + width : step].reshape(
        2, -1
    )
    seen = aligner.valid[rows, columns] > 0
    rows, columns = rows[seen], columns[seen]
    began: Float64 = np.column_stack([columns, rows]).astype(np.float64)
    return began, aligner.map_xy[rows, columns].astype(np.float64)


def _moved(rig: Rig, truth: Rig, camera: str, fetched: tuple[Float64, Float64], plane: Plane) -> Float64:
    """Where grid pixels end minus where they began, float64 [N,2]."""
    began, pixels = fetched
    rays = np.column_stack([undistort(truth.cameras[camera], pixels), np.ones(len(pixels))])
    to_reference = np.linalg.inv(truth.pose(camera))
    rays, origin = rays @ to_reference[:3, :3].T, to_reference[:3, 3]
    normal = np.array(plane.normal)
    with np.errstate(divide="ignore", invalid="ignore"):
        length = (plane.distance_m - normal @ origin) / (rays @ normal)
    length[length <= 0] = np.nan
    points = origin + length[:, None] * rays

    native = project(truth.cameras[truth.reference], points)
    ended = _to_grid(rig.cameras[rig.reference], native, rig.output.matrix)
    moved: Float64 = ended - began
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
