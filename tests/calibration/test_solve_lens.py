"""Analytic derivatives against differences, and the projection against calibration.projection."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.calibration.boards import Float64
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera
from rigsight.calibration.solve.lens import (
    distort_with_derivative,
    lens_names,
    lens_vector,
    project_with_derivatives,
    with_lens,
)

LENSES = {
    "none": ("pinhole-radtan", ()),
    "four": ("pinhole-radtan", (-0.3, 0.1, 0.002, -0.001)),
    "five": ("pinhole-radtan", (-0.3, 0.1, 0.002, -0.001, 0.05)),
    "rational": ("pinhole-radtan", (0.2, 0.1, 0.002, -0.001, 0.05, 0.3, 0.1, 0.02)),
    "fisheye": ("fisheye", (-0.03, 0.02, -0.004, 0.001)),
}


@pytest.fixture(params=LENSES)
def camera(request: pytest.FixtureRequest) -> Camera:
    model, D = LENSES[request.param]
    K = ((500, 0.7, 320), (0, 510, 250), (0, 0, 1))
    return Camera(model=model, width=640, height=512, K=K, D=D, spectrum="thermal")  # type: ignore[arg-type]


@pytest.fixture
def points() -> Float64:
    rng = np.random.default_rng(1)
    points = rng.uniform((-0.6, -0.5, 0.9), (0.6, 0.5, 1.4), (40, 3))
    points[0] = (0, 0, 1)  # the axis, where a fisheye's formula is 0/0
    points[1] = (1e-9, 0, 1)
    return points


def test_pixels_are_those_of_the_plain_projection(camera: Camera, points: Float64) -> None:
    assert project_with_derivatives(camera, points).pixels == pytest.approx(project(camera, points), abs=1e-9)


def test_derivatives_by_the_point(camera: Camera, points: Float64) -> None:
    found = project_with_derivatives(camera, points).by_point
    for axis in range(3):
        step = 1e-6 * np.eye(3)[axis]
        up, down = project(camera, points + step), project(camera, points - step)
        assert found[:, :, axis] == pytest.approx((up - down) / 2e-6, abs=1e-4)


def test_derivatives_by_the_lens(camera: Camera, points: Float64) -> None:
    found = project_with_derivatives(camera, points).by_lens
    vector = lens_vector(camera)
    assert found.shape[2] == len(vector) == len(lens_names(camera))
    for index in range(len(vector)):
        step = 1e-6 * np.eye(len(vector))[index]
        up = project(with_lens(camera, vector + step), points)
        down = project(with_lens(camera, vector - step), points)
        assert found[:, :, index] == pytest.approx((up - down) / 2e-6, abs=1e-4)


def test_derivatives_by_the_ray(camera: Camera, points: Float64) -> None:
    rays = points[:, :2] / points[:, 2:]
    found = distort_with_derivative(camera, rays)[1]
    for axis in range(2):
        step = 1e-6 * np.eye(2)[axis]
        up, down = (
            distort_with_derivative(camera, rays + step)[0],
            distort_with_derivative(camera, rays - step)[0],
        )
        assert found[:, :, axis] == pytest.approx((up - down) / 2e-6, abs=1e-4)
