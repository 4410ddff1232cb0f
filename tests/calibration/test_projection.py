"""Distortion and its inverse on lenses whose corners are hard."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.calibration.projection import distort, largest_radius, undistort
from rigsight.calibration.rig import Camera

# name -> model, focal length in pixels of a 640 x 480 picture, coefficients
LENSES = {
    "narrow": ("pinhole-radtan", 500, (-0.12, 0.05, 0.001, -0.0005, 0.01)),
    "wide": ("pinhole-radtan", 330, (-0.33, 0.13, 0.001, -0.001, -0.02)),
    "wider than its polynomial": ("pinhole-radtan", 280, (-0.30, 0.09, 0.002, -0.001, -0.012)),
    "rational": ("pinhole-radtan", 250, (0.4, 0.01, 0.0005, -0.0003, 0.0, 0.75, 0.06, 0.0)),
    "fisheye": ("fisheye", 300, (-0.02, 0.01, -0.003, 0.001)),
    "fisheye that turns back": ("fisheye", 200, (-0.05, 0.01, -0.003, -0.02)),
}


def lens(name: str) -> Camera:
    model, f, D = LENSES[name]
    return Camera(
        model=model, width=640, height=480, K=((f, 0, 320), (0, f, 240), (0, 0, 1)), D=D, spectrum="rgb"
    )


@pytest.mark.parametrize("name", LENSES)
def test_undistort_inverts_distort_or_says_that_it_cannot(name: str) -> None:
    camera = lens(name)
    u, v = np.meshgrid(np.arange(0, 640, 3.0), np.arange(0, 480, 3.0))
    pixels = np.stack([u.ravel(), v.ravel()], axis=1)
    points = undistort(camera, pixels)
    found = np.isfinite(points).all(axis=1)
    assert np.abs(distort(camera, points[found]) - pixels[found]).max() < 2e-6
    assert np.hypot(*points[found].T).max() < largest_radius(camera)
    assert found.all() == np.isinf(largest_radius(camera)) or "wide" in name


def largest_radius_by_search(camera: Camera) -> float:
    """Where the radial part alone stops to grow, on a fine ladder of radii."""
    D = camera.D if camera.model == "fisheye" else (*camera.D[:2], 0.0, 0.0, *camera.D[4:])
    plain = camera.model_copy(update={"D": D})
    radii = np.tan(np.arange(1, 15690) * 1e-4)
    grown = np.diff(distort(plain, np.stack([radii, np.zeros_like(radii)], axis=1))[:, 0]) > 0
    return np.inf if grown.all() else float(radii[np.argmin(grown)])


@pytest.mark.parametrize("name", LENSES)
def test_the_largest_radius_is_where_the_radial_part_stops_to_grow(name: str) -> None:
    camera = lens(name)
    assert largest_radius(camera) == pytest.approx(largest_radius_by_search(camera), rel=1e-3)


def test_a_rational_lens_may_turn_back_too() -> None:
    camera = lens("rational").model_copy(update={"D": (-0.1, -0.1, 0.0, 0.0, 0.0, 0.1, 0.05, 0.0)})
    assert np.isfinite(largest_radius(camera))
    assert largest_radius(camera) == pytest.approx(largest_radius_by_search(camera), rel=1e-3)


@pytest.mark.parametrize("name", LENSES)
def test_every_ray_inside_the_lens_is_found_again(name: str) -> None:
    camera = lens(name)
    widest = min(0.97 * largest_radius(camera), 1.5)
    radius, angle = np.random.default_rng(0).uniform((0, 0), (widest, 2 * np.pi), (2000, 2)).T
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    back = undistort(camera, distort(camera, points))
    assert np.abs(back - points).max() < 1e-5


def test_pixels_that_no_ray_reaches_are_nan() -> None:
    camera = lens("wider than its polynomial")
    corner = undistort(camera, np.array([[0.0, 0.0], [320.0, 240.0], [639.0, 479.0]]))
    assert np.isnan(corner[[0, 2]]).all()
    assert np.allclose(corner[1], 0, atol=1e-9)
    assert np.isnan(undistort(camera, np.array([[np.nan, 3.0]]))).all()
    assert undistort(camera, np.zeros((0, 2))).shape == (0, 2)
