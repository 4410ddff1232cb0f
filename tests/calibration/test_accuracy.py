from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from rigsight.calibration.accuracy import alignment_error, alignment_error_px, parallax_px
from rigsight.calibration.rig import Camera, Cylinder, OutputGrid, Plane, Rig, as_matrix4


def parallel_rig(f: float = 400.0, f_thermal: float = 300.0, baseline_m: float = 0.1, d0: float = 9.0) -> Rig:
    """Two distortion-free parallel cameras; grid focal length f."""
    K = ((f, 0, 160), (0, f, 120), (0, 0, 1))
    T = np.eye(4)
    T[0, 3] = -baseline_m
    return Rig(
        cameras={
            "rgb": Camera(model="pinhole-radtan", width=320, height=240, K=K, spectrum="rgb"),
            "thermal": Camera(
                model="pinhole-radtan",
                width=320,
                height=256,
                K=((f_thermal, 0, 160), (0, f_thermal, 128), (0, 0, 1)),
                spectrum="thermal",
            ),
        },
        reference="rgb",
        transforms={"thermal": as_matrix4(T)},
        surface=Plane(distance_m=d0),
        output=OutputGrid(camera="rgb", width=320, height=240, K=K),
    )


def test_parallax_of_parallel_cameras_is_f_b_difference_of_inverse_distances() -> None:
    table = parallax_px(parallel_rig(), "thermal", [3, 5, 9, 20, 50])
    for distance, error in table.items():
        assert error == pytest.approx(400 * 0.1 * abs(1 / distance - 1 / 9), abs=1e-4)


def test_parallax_of_a_turned_rig_is_nearly_the_same(make_rig: Callable[..., Rig]) -> None:
    """f b |1/d - 1/d0| is exact for parallel cameras; a few degrees and a lens change it by per cent."""
    table = parallax_px(make_rig(), "thermal", [4, 8, 16])
    assert table[8] < 1e-3
    for distance in (4, 16):
        expected = 450 * np.hypot(0.1, 0.004) * abs(1 / distance - 1 / 8)
        assert table[distance] == pytest.approx(expected, rel=0.06)


def test_parallax_over_a_cylinder_is_finite() -> None:
    rig = parallel_rig().model_copy(update={"surface": Cylinder(radius_m=0.5)})
    assert 0 < parallax_px(rig, "thermal", [1.0])[1.0] < 100


def test_the_true_rig_has_no_error(make_rig: Callable[..., Rig]) -> None:
    for rig in (parallel_rig(), make_rig(), make_rig(fisheye=True)):
        for distance in (2.0, 10.0, 80.0):
            assert alignment_error(rig, rig, "thermal", distance).max_px < 2e-3


def test_a_wrong_yaw_shifts_by_the_focal_length_times_the_angle() -> None:
    truth = parallel_rig()
    angle = 0.002
    turn = np.eye(4)
    turn[:3, :3] = cv2.Rodrigues(np.array([0, angle, 0]))[0]
    wrong = truth.model_copy(update={"transforms": {"thermal": as_matrix4(turn @ truth.pose("thermal"))}})
    error = alignment_error(wrong, truth, "thermal", 10.0)
    # f tan(angle) on the axis, more towards the edges by 1 + (x/f)^2.
    assert 400 * angle < error.rms_px < 1.15 * 400 * angle
    assert error.rms_px < error.p95_px <= error.max_px


def test_a_wrong_baseline_hurts_near_and_not_far() -> None:
    truth, wrong = parallel_rig(), parallel_rig(baseline_m=0.11)
    for distance in (2.0, 10.0, 100.0):
        assert alignment_error_px(wrong, truth, "thermal", distance) == pytest.approx(
            400 * 0.01 / distance, abs=1e-3
        )


def test_errors_count_in_the_grid_not_in_the_thermal_camera() -> None:
    """The same geometric mistake costs the same, whatever the thermal camera's resolution."""
    fine = alignment_error_px(
        parallel_rig(f_thermal=300, baseline_m=0.11), parallel_rig(f_thermal=300), "thermal", 5
    )
    coarse = alignment_error_px(
        parallel_rig(f_thermal=250, baseline_m=0.11), parallel_rig(f_thermal=250), "thermal", 5
    )
    assert fine == pytest.approx(coarse, rel=1e-3)
