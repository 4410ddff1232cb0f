"""Predicted alignment error: its linear field against differences, its percentiles against closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.accuracy import alignment_error_px
from rigsight.calibration.output_grid import with_crop
from rigsight.calibration.projection import project, undistort
from rigsight.calibration.rig import Covariance, Float64, Plane, Rig, as_matrix4
from rigsight.calibration.solve.lens import lens_names, lens_vector, with_lens
from rigsight.calibration.solve.state import POSE, turned
from rigsight.calibration.uncertainty import (
    displacement_field,
    expected_rms_px,
    predicted_alignment_errors,
    uncertainty_map,
)


def with_sigmas(rig: Rig, sigmas: dict[str, float]) -> Rig:
    """The rig with independent parameters of these standard deviations."""
    names = tuple(sigmas)
    matrix = np.diag([sigmas[name] ** 2 for name in names])
    covariance = Covariance(parameters=names, matrix=tuple(tuple(map(float, row)) for row in matrix))
    return rig.model_copy(update={"covariance": covariance})


@pytest.fixture(params=[False, True], ids=["pinhole", "fisheye"])
def rig(make_rig: Callable[..., Rig], request: pytest.FixtureRequest) -> Rig:
    rig = make_rig(fisheye=request.param)
    tilted = Plane(distance_m=4.0, normal=(0.28, 0.0, 0.96))
    return with_crop(rig.model_copy(update={"surface": tilted}))


def moved(rig: Rig, parameter: str, by: float) -> Rig:
    """The rig with one parameter changed."""
    owner, part = parameter.split(".")
    if owner.startswith("T_"):
        step = by * np.eye(6)[POSE.index(part)]
        pose = turned(rig.pose("thermal")[None], step[None])[0]
        return rig.model_copy(update={"transforms": {"thermal": as_matrix4(pose)}})
    camera = rig.cameras[owner]
    vector = lens_vector(camera)
    vector[lens_names(camera).index(part)] += by
    return rig.model_copy(update={"cameras": {**rig.cameras, owner: with_lens(camera, vector)}})


def parameters_of(rig: Rig) -> list[str]:
    lenses = [f"{name}.{part}" for name, camera in rig.cameras.items() for part in lens_names(camera)]
    return lenses + [f"T_thermal_rgb.{part}" for part in POSE]


def followed(rig: Rig, truth: Rig, pixels: Float64) -> Float64:
    """Where grid pixels end that the rig's map fetches, by way of the true plane and cameras."""
    plane = rig.surface
    assert isinstance(plane, Plane)
    normal = np.array(plane.normal)

    def on_plane(rays: Float64, origin: Float64) -> Float64:
        along = (plane.distance_m - normal @ origin) / (rays @ normal)
        points: Float64 = origin + along[:, None] * rays
        return points

    rays = np.column_stack([pixels, np.ones(len(pixels))]) @ np.linalg.inv(rig.output.matrix).T
    T = rig.pose("thermal")
    fetched = project(rig.cameras["thermal"], on_plane(rays, np.zeros(3)) @ T[:3, :3].T + T[:3, 3])
    back = np.linalg.inv(truth.pose("thermal"))
    true_rays = np.column_stack([undistort(truth.cameras["thermal"], fetched), np.ones(len(fetched))])
    points = on_plane(true_rays @ back[:3, :3].T, back[:3, 3])
    native = project(truth.cameras["rgb"], points)
    ended = np.column_stack([undistort(rig.cameras["rgb"], native), np.ones(len(native))])
    return (ended @ rig.output.matrix.T)[:, :2]


def test_every_parameter_moves_the_picture_as_it_would_in_truth(rig: Rig) -> None:
    names = parameters_of(rig)
    pixels, field = displacement_field(with_sigmas(rig, dict.fromkeys(names, 1.0)), "thermal", 4.0)
    assert len(pixels) > 60
    for index, name in enumerate(names):
        step = 0.02 / np.abs(field[:, :, index]).max()  # moves pixels by up to 0.02
        true = followed(rig, moved(rig, name, step), pixels) - pixels
        assert true == pytest.approx(step * field[:, :, index], abs=1e-4), name


def test_the_expected_error_is_that_of_drawn_rigs(rig: Rig) -> None:
    """Rigs off by independent normal errors: the root of their mean square is the prediction."""
    sigmas = {"rgb.fx": 0.2, "thermal.cy": 0.3, "thermal.k1": 0.001, "T_thermal_rgb.rx": 3e-4}
    uncertain = with_sigmas(rig, sigmas)
    rng = np.random.default_rng(2)
    squares = []
    for _ in range(60):
        truth = rig
        for name, sigma in sigmas.items():
            truth = moved(truth, name, sigma * rng.standard_normal())
        squares.append(alignment_error_px(rig, truth, "thermal", 4.0) ** 2)
    assert np.sqrt(np.mean(squares)) == pytest.approx(expected_rms_px(uncertain, "thermal", 4.0), rel=0.15)


def test_a_shift_across_parallel_cameras_is_f_over_d(make_rig: Callable[..., Rig]) -> None:
    """Closed form: a baseline off by s moves everything by f s / d, so the RMS is f s / d |z|, z ~ N."""
    rig = make_rig(rotation=(0, 0, 0))
    rig = with_sigmas(rig, {"T_thermal_rgb.tx": 0.002})
    expected = 450 * 0.002 / 5
    assert expected_rms_px(rig, "thermal", 5.0) == pytest.approx(expected, rel=0.01)
    (at,) = predicted_alignment_errors(rig, "thermal", [5.0])
    assert at.rms_px == pytest.approx(0.6745 * expected, rel=0.02)  # median of |z|
    assert at.bound_px == pytest.approx(1.96 * expected, rel=0.02)
    assert at.low_px == pytest.approx(0.0313 * expected, rel=0.15)
    assert at.high_px == pytest.approx(2.2414 * expected, rel=0.02)
    near, far = predicted_alignment_errors(rig, "thermal", [1.0, 100.0])
    assert near.rms_px == pytest.approx(5 * at.rms_px, rel=0.03)
    assert far.rms_px == pytest.approx(at.rms_px / 20, rel=0.01)


def test_the_map_of_an_uncertain_focal_length_grows_from_the_axis(make_rig: Callable[..., Rig]) -> None:
    rig = with_sigmas(make_rig(rotation=(0, 0, 0)), {"thermal.fx": 2.0})
    pixels, sigma = uncertainty_map(rig, "thermal", 8.0)
    middle = np.argmin(np.abs(pixels[:, 0] - 322 + 450 * 0.1 / 8))
    assert sigma[middle] < 0.15
    assert sigma[np.argmin(pixels[:, 0])] > 0.8


def test_a_rig_without_covariance_predicts_nothing(make_rig: Callable[..., Rig]) -> None:
    with pytest.raises(RigsightError, match="CAL-006"):
        predicted_alignment_errors(make_rig(), "thermal", [5.0])
