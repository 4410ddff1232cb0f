from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rigsight.calibration.rig import Covariance, Rig
from rigsight.calibration.uncertainty import predicted_alignment_errors
from rigsight.calibration.verdict import judge, judge_camera


@pytest.fixture
def rig_with(make_rig: Callable[..., Rig]) -> Callable[..., Rig]:
    """A rig of parallel cameras whose named parameters have these standard deviations."""

    def make(**sigmas: float) -> Rig:
        names = tuple(name.replace("__", ".") for name in sigmas)
        matrix = np.diag(np.square(list(sigmas.values())))
        covariance = Covariance(parameters=names, matrix=tuple(tuple(map(float, row)) for row in matrix))
        return make_rig(rotation=(0, 0, 0)).model_copy(update={"covariance": covariance})

    return make


def test_good_at_all_distances(rig_with: Callable[..., Rig]) -> None:
    verdict, at = judge(rig_with(T_thermal_rgb__tx=0.001), "thermal", [5, 10, 50], 1.0)
    assert verdict.grade == "good"
    assert verdict.text.startswith("good: ")
    assert [error.distance_m for error in at] == [5, 10, 50]


def test_usable_up_to_where_the_error_passes_the_tolerance(rig_with: Callable[..., Rig]) -> None:
    """A turn that a shift cancels near 1 m: the error is about f r |1 - 1/d| and grows with the distance."""
    rig = rig_with(T_thermal_rgb__ry=1.0, T_thermal_rgb__tx=1.0)
    r, tx = 0.0022, -0.0022
    C = np.array([[r * r, r * tx], [r * tx, tx * tx]])
    assert rig.covariance is not None
    covariance = rig.covariance.model_copy(update={"matrix": tuple(tuple(map(float, row)) for row in C)})
    rig = rig.model_copy(update={"covariance": covariance})
    verdict, _ = judge(rig, "thermal", [1.0, 10.0], 1.0)
    assert verdict.grade == "usable"
    assert verdict.text.startswith("usable up to ")
    assert verdict.up_to_m is not None
    assert 1.0 < verdict.up_to_m < 2.1
    within, beyond = predicted_alignment_errors(rig, "thermal", [verdict.up_to_m, 1.25 * verdict.up_to_m])
    assert within.bound_px <= 1.0 < beyond.bound_px
    assert "relative pose" in verdict.reasons[0]


def test_usable_from_where_the_error_falls_below_the_tolerance(rig_with: Callable[..., Rig]) -> None:
    verdict, _ = judge(rig_with(T_thermal_rgb__tx=0.01), "thermal", [1.0, 50.0], 1.0)
    assert verdict.grade == "usable"
    assert verdict.from_m == pytest.approx(450 * 0.01 * 1.96, rel=0.15)


def test_not_usable_names_the_cause_and_what_helps(rig_with: Callable[..., Rig]) -> None:
    verdict, _ = judge(rig_with(thermal__fx=30.0, T_thermal_rgb__tx=0.001), "thermal", [5, 10], 1.0)
    assert verdict.grade == "not usable"
    assert verdict.text.startswith("not usable, because ")
    assert "lens of 'thermal'" in verdict.text
    assert "tilt the board" in verdict.text


def test_objections_from_elsewhere_win(rig_with: Callable[..., Rig]) -> None:
    rig = rig_with(T_thermal_rgb__tx=1e-5)
    verdict, _ = judge(rig, "thermal", [5], 1.0, objections=["the lens is a fisheye"])
    assert verdict.text == "not usable, because the lens is a fisheye"


@pytest.mark.parametrize(("sigma", "grade"), [(0.5, "good"), (20.0, "not usable")])
def test_one_camera_is_judged_by_its_focal_length(
    rig_with: Callable[..., Rig], sigma: float, grade: str
) -> None:
    assert judge_camera(rig_with(rgb__fx=sigma)).grade == grade


def test_a_lens_that_views_left_out_contradict_is_usable_only(rig_with: Callable[..., Rig]) -> None:
    verdict = judge_camera(rig_with(rgb__fx=0.5), held_out_ratio=2.4)
    assert verdict.grade == "usable"
    assert "2.4 times worse" in verdict.text
