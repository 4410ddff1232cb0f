from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from rigsight.calibration.accuracy import (
    alignment_error,
    alignment_error_px,
    best_distance_m,
    best_plane_m,
    parallax_px,
    parallax_table,
)
from rigsight.calibration.align import Aligner
from rigsight.calibration.alignment.surfaces import grid_rays
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


def test_the_table_states_closed_form_maximum_and_cost() -> None:
    """f b |1/d - 1/d0| everywhere on the grid: RMS, maximum and closed form are one number."""
    for row in parallax_table(parallel_rig(), "thermal", [3, 9, 50]):
        assert row.closed_form_px == pytest.approx(40 * abs(1 / row.distance_m - 1 / 9))
        assert row.rms_px == pytest.approx(row.closed_form_px, abs=1e-4)
        assert row.max_px == pytest.approx(row.closed_form_px, abs=1e-3)
        # 1 % of distance: what moving the thing by that much does to a map that was right.
        moved = parallax_px(parallel_rig(d0=row.distance_m * 1.01), "thermal", [row.distance_m])
        assert row.per_percent_px == pytest.approx(moved[row.distance_m], rel=0.02)


def test_the_best_plane_of_a_range_is_its_harmonic_mean() -> None:
    best = best_plane_m(5, 50)
    ends = parallax_px(parallel_rig(d0=best), "thermal", [5, 50])
    assert ends[5] == pytest.approx(ends[50], rel=1e-3)
    for other in (0.9 * best, 1.1 * best):
        assert max(parallax_px(parallel_rig(d0=other), "thermal", [5, 50]).values()) > ends[5]


def test_the_best_distance_of_a_plane_is_its_own(make_rig: Callable[..., Rig]) -> None:
    assert best_distance_m(make_rig(), "thermal") == pytest.approx(8.0, rel=1e-3)


def test_no_plane_replaces_the_pipes_wall() -> None:
    """f = 500 px, b = 2 cm, wall from 0.15 to 0.6 m: the best plane leaves 25 px, the cylinder nothing."""
    K = ((500, 0, 320), (0, 500, 240), (0, 0, 1))
    camera = {"model": "pinhole-radtan", "width": 640, "height": 480, "K": K}
    pipe = Cylinder(radius_m=0.12)  # seen at 0.15 m in the corners
    rig = Rig(
        cameras={"rgb": Camera(**camera, spectrum="rgb"), "thermal": Camera(**camera, spectrum="thermal")},
        reference="rgb",
        transforms={"thermal": ((1, 0, 0, -0.02), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))},
        surface=pipe,
        output=OutputGrid(camera="rgb", width=640, height=480, K=K),
    )
    rays = grid_rays(rig.output)
    depth = pipe.radius_m / np.maximum(np.hypot(rays[..., 0], rays[..., 1]), 1e-9)
    seen = (depth > 0.15) & (depth < 0.6)
    truth = np.arange(640) - 500 * 0.02 / depth
    best = Aligner(rig, "thermal", surface=Plane(distance_m=best_plane_m(0.15, 0.6))).map_xy[..., 0]
    assert np.abs(best - truth)[seen].max() == pytest.approx(25, abs=0.1)
    assert np.abs(Aligner(rig, "thermal").map_xy[..., 0] - truth)[seen].max() < 1e-3


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
