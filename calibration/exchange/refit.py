"""Another lens model fitted to a camera over its picture, with what that costs in pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, cast

import numpy as np

from rigsight.calibration.exchange.record import CameraRecord, Model, camera_matrix, image_size
from rigsight.calibration.projection import distort, largest_radius, undistort
from rigsight.calibration.rig import Camera, Float64, as_matrix3

GRID = 24
USABLE_PX = 1e-6


def as_camera(record: CameraRecord, spectrum: Literal["rgb", "thermal", "nir"] = "rgb") -> Camera:
    """The record as a camera of a rig. Raises pydantic.ValidationError when it is none."""
    width, height = image_size(record)
    return Camera(
        model=record.model, width=width, height=height, K=as_matrix3(record.K), D=record.D, spectrum=spectrum
    )


def pixel_grid(camera: Camera, count: int = GRID) -> Float64:
    """Pixels float64 [N,2] over the whole picture, corners included."""
    u, v = np.meshgrid(np.linspace(0, camera.width - 1, count), np.linspace(0, camera.height - 1, count))
    return np.stack([u.ravel(), v.ravel()], axis=1)


def visible_rays(camera: Camera, pixels: Float64) -> tuple[Float64, Float64]:
    """The pixels [M,2] that have a ray, and their rays [M,2] (x/z, y/z): strong lenses leave corners out."""
    with np.errstate(all="ignore"):
        rays = undistort(camera, pixels)
        error = np.linalg.norm(distort(camera, rays) - pixels, axis=1)
        seen = (error < USABLE_PX) & (np.linalg.norm(rays, axis=1) < largest_radius(camera))
    return pixels[seen], rays[seen]


def refit(record: CameraRecord, model: Model, count: int) -> tuple[CameraRecord, float]:
    """The camera in ``model`` with ``count`` coefficients that is nearest over the picture.

    Least squares of the difference in pixels over a grid (K without skew and D free). Fewer coefficients are
    fitted first and start the next: a rational lens fitted from zeros may end with a pole in the picture.

    Returns:
        the new record, and the largest difference in pixels over the grid; infinity when every fitted
        polynomial turns back within the picture.
    """
    from scipy.optimize import least_squares

    camera = as_camera(record)
    pixels, rays = visible_rays(camera, pixel_grid(camera))
    if len(pixels) < 4 * (4 + count):
        return record, float("inf")
    spare = camera.model_copy(update={"model": model})
    widest = float(np.linalg.norm(rays, axis=1).max())

    def lens(values: Float64) -> Camera:
        D = (*(float(v) for v in values[4:]), *(0.0,) * (count + 4 - len(values)))
        return spare.model_copy(update={"K": as_matrix3(camera_matrix(*values[:4])), "D": D})

    def difference(values: Float64) -> Float64:
        with np.errstate(all="ignore"):
            off = distort(lens(values), rays) - pixels
        return np.nan_to_num(off, nan=1e6, posinf=1e6, neginf=-1e6).ravel()

    values = np.array([record.K[0, 0], record.K[1, 1], record.K[0, 2], record.K[1, 2]])
    best, error = record, float("inf")
    for fitted_count in [step for step in (4, 5, 8) if step <= count]:
        more = np.zeros(4 + fitted_count)
        more[: len(values)] = values
        solution = least_squares(difference, more, method="lm", x_scale="jac", max_nfev=4000).x
        fitted = lens(solution)
        off = float(np.linalg.norm(difference(solution).reshape(-1, 2), axis=1).max())
        if off < error and widest < largest_radius(fitted):
            best, error = replace(record, model=model, K=fitted.matrix, D=fitted.D), off
            values = solution
    return best, error


def best_refit(record: CameraRecord, choices: tuple[tuple[str, int], ...]) -> tuple[CameraRecord, float]:
    """The best of several lens models; ties go to the first."""
    fits = [refit(record, cast(Model, model), count) for model, count in choices]
    return min(fits, key=lambda fit: fit[1])
