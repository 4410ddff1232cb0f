"""How well a calibrated rig will lay its pictures on each other, predicted from its covariance.

A small reprojection error proves nothing about this: views that leave focal length or rotation free fit just
as well. What counts is how the solution's uncertainty moves the aligned pictures at the distance of use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.align import ray_map
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Float64, Plane, Rig
from rigsight.calibration.solve.lens import distort_with_derivative, lens_names, project_with_derivatives
from rigsight.calibration.solve.state import POSE, cross_matrices

SAMPLES = 24  # grid points along the longer side; 12 miss 5 % of what lenses do to the corners
DRAWS = 20_000
BAND = (2.5, 97.5)  # percentiles: 95 % of all rigs that fit the views lie between
BOUND = 95.0


@dataclass(frozen=True)
class PredictedError:
    """Alignment error to expect on the output grid, its map built for a plane at ``distance_m``.

    Attributes:
        distance_m: of the plane, metres.
        rms_px: median prediction of the root mean square error over the grid, pixels of the grid.
        low_px: lower end of the 95 % band of that error.
        high_px: upper end.
        bound_px: the error stays below this with a probability of 95 %.
    """

    distance_m: float
    rms_px: float
    low_px: float
    high_px: float
    bound_px: float


def predicted_alignment_errors(
    rig: Rig, camera: str, distances_m: Sequence[float]
) -> tuple[PredictedError, ...]:
    """The error of a rig with covariance at several distances; needs numpy only, so it runs on the device.

    The displacement field is linear in the parameters' error: d = J e, e ~ N(0, C). Its mean square over the
    grid is e^T S e with S = mean J^T J, a sum of independent chi-square variables weighted by the eigenvalues
    of C S; the percentiles come from fixed draws of them.

    Raises:
        RigsightError: CAL-006 when the rig has no covariance.
    """
    return tuple(_summary(distance, mean_square_weights(rig, camera, distance)) for distance in distances_m)


def mean_square_weights(rig: Rig, camera: str, distance_m: float) -> Float64:
    """Eigenvalues of C S, float64 [P], square pixels: their sum is the expected mean square error."""
    root = square_root(covariance_matrix(rig))
    weights = np.linalg.eigvalsh(root.T @ mean_square_form(rig, camera, distance_m) @ root)
    positive: Float64 = np.maximum(weights, 0).astype(np.float64)
    return positive


def mean_square_form(rig: Rig, camera: str, distance_m: float) -> Float64:
    """S, float64 [P,P]: parameters that are off by e displace the picture by a mean square of e^T S e."""
    field = displacement_field(rig, camera, distance_m)[1]
    form: Float64 = np.einsum("nip,niq->pq", field, field) / len(field)
    return form


def expected_rms_px(rig: Rig, camera: str, distance_m: float) -> float:
    """Root of the expected mean square error: the cheapest single figure, for comparing views to come."""
    return float(np.sqrt(mean_square_weights(rig, camera, distance_m).sum()))


def uncertainty_map(rig: Rig, camera: str, distance_m: float, samples: int = 32) -> tuple[Float64, Float64]:
    """Where on the grid the error is to be expected.

    Returns:
        grid pixels float64 [N,2], over the crop, and the standard deviation of the displacement there
        (root of its two variances' sum), pixels, float64 [N].
    """
    pixels, field = displacement_field(rig, camera, distance_m, samples)
    variance = np.einsum("nip,pq,niq->n", field, covariance_matrix(rig), field)
    return pixels, np.sqrt(np.maximum(variance, 0))


def covariance_matrix(rig: Rig) -> Float64:
    """The rig's joint covariance, float64 [P,P]. Raises CAL-006 when it has none."""
    if rig.covariance is None:
        raise codes.NO_COVARIANCE("the alignment error cannot be predicted")
    return np.array(rig.covariance.matrix, dtype=np.float64)


def displacement_field(
    rig: Rig, camera: str, distance_m: float, samples: int = SAMPLES
) -> tuple[Float64, Float64]:
    """How parameter errors displace the camera's warped picture against the reference's.

    A point X of the plane appears at grid pixel g. Parameters that are off by e move its reference picture by
    dr e and its camera picture by du e. The grid then shows it at g + G dr e in the reference's picture and
    at g + U^-1 du e in the warped one, where G takes native reference pixels to the grid and U is the
    derivative of the alignment map by the grid pixel.

    Args:
        rig: with covariance.
        camera: which one is aligned.
        distance_m: of the plane, along the surface's normal (straight ahead for other surfaces).
        samples: grid points along the crop's longer side.

    Returns:
        grid pixels float64 [N,2] seen by both cameras, and J float64 [N,2,P] in the order of the covariance's
        parameters.
    """
    normal = rig.surface.normal if isinstance(rig.surface, Plane) else (0.0, 0.0, 1.0)
    plane = Plane(distance_m=distance_m, normal=normal)
    lens, reference, pose = rig.cameras[camera], rig.cameras[rig.reference], rig.pose(camera)
    x, y, width, height = rig.output.crop or (0, 0, *rig.output.size)
    # Middles of equal cells: points on the border would overweight where errors are largest.
    columns_count, rows_count = (max(2, samples * side // max(width, height)) for side in (width, height))
    across = x + (np.arange(columns_count) + 0.5) * width / columns_count - 0.5
    down = y + (np.arange(rows_count) + 0.5) * height / rows_count - 0.5
    pixels = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
    to_ray = np.linalg.inv(rig.output.matrix)
    rays = np.column_stack([pixels, np.ones(len(pixels))]) @ to_ray.T
    along = rays @ np.array(normal)
    ahead = np.where(along > 1e-6, along, np.nan)
    points = rays * (distance_m / ahead)[:, None]
    in_camera = points @ pose[:3, :3].T + pose[:3, 3]
    seen = np.isfinite(project(reference, points)).all(axis=1)
    at = project(lens, np.nan_to_num(in_camera, nan=-1.0))
    seen &= np.isfinite(at).all(axis=1) & (at >= 0).all(axis=1) & (at <= np.array(lens.size) - 1).all(axis=1)
    if not seen.any():
        raise codes.RIG_INCONSISTENT(f"'{camera}' sees nothing of the grid at {distance_m:g} m")
    pixels, rays, points, in_camera = pixels[seen], rays[seen], points[seen], in_camera[seen]

    by_reference_ray = distort_with_derivative(reference, rays[:, :2])[1]
    G = rig.output.matrix[:2, :2] @ np.linalg.inv(by_reference_ray)
    projected = project_with_derivatives(lens, in_camera)
    # The camera's ray is M (g, 1) up to scale; ray_map is R + t n^T / d.
    M = ray_map(rig, camera, plane) @ to_ray
    homogeneous = np.column_stack([pixels, np.ones(len(pixels))]) @ M.T
    u = homogeneous[:, :2] / homogeneous[:, 2:]
    by_grid = (M[:2, :2] - u[:, :, None] * M[2, :2]) / homogeneous[:, 2, None, None]
    U = distort_with_derivative(lens, u)[1] @ by_grid
    to_grid = np.linalg.inv(U)

    columns: dict[str, Float64] = {}
    native = project_with_derivatives(reference, points)
    for index, name in enumerate(lens_names(reference)):
        columns[f"{rig.reference}.{name}"] = (G @ native.by_lens[:, :, index : index + 1])[:, :, 0]
    for index, name in enumerate(lens_names(lens)):
        columns[f"{camera}.{name}"] = -(to_grid @ projected.by_lens[:, :, index : index + 1])[:, :, 0]
    by_point = to_grid @ projected.by_point
    by_pose = np.concatenate([-by_point @ cross_matrices(in_camera - pose[:3, 3]), by_point], axis=2)
    for index, name in enumerate(POSE):
        columns[f"T_{camera}_{rig.reference}.{name}"] = -by_pose[:, :, index]
    parameters = rig.covariance.parameters if rig.covariance is not None else tuple(columns)
    nothing = np.zeros((len(pixels), 2))
    return pixels, np.stack([columns.get(name, nothing) for name in parameters], axis=2)


def square_root(covariance: Float64) -> Float64:
    """L with L L^T = covariance; small negative eigenvalues of a rounded file count as zero."""
    scale = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    root: Float64 = scale[:, None] * vectors * np.sqrt(np.maximum(values, 0))
    return root


def _summary(distance_m: float, weights: Float64) -> PredictedError:
    draws = np.random.default_rng(0).standard_normal((DRAWS, 8)) ** 2
    largest = np.sort(weights)[::-1]
    # Beyond the eight largest, what little is left counts with its expectation.
    squares = draws[:, : len(largest[:8])] @ largest[:8] + largest[8:].sum()
    low, median, bound, high = np.sqrt(np.percentile(squares, (BAND[0], 50.0, BOUND, BAND[1])))
    return PredictedError(float(distance_m), float(median), float(low), float(high), float(bound))
