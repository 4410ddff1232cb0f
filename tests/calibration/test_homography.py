from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.accuracy import best_distance_m, parallax_px, parallax_table
from rigsight.calibration.homography import matched_homography
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Float64, Rig


def matches(rig: Rig, points: Float64) -> list[tuple[Float64, Float64]]:
    T = rig.pose("thermal")
    second = project(rig.cameras["thermal"], points @ T[:3, :3].T + T[:3, 3])
    return [(project(rig.cameras["rgb"], points), second)]


def on_plane(distance_m: float, count: int = 300) -> Float64:
    rng = np.random.default_rng(0)
    return np.column_stack([rng.uniform(-0.5, 0.5, (count, 2)) * distance_m, np.full(count, distance_m)])


def test_points_of_one_plane_give_that_planes_homography(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    found = matched_homography(rig.cameras["rgb"], rig.cameras["thermal"], matches(rig, on_plane(6.0)))
    assert found.inlier_rms_px is not None
    assert found.inlier_rms_px < 1e-4
    # At its own distance it is as good as the plane, elsewhere it leaves what a plane leaves.
    table = parallax_px(rig.model_copy(update={"surface": found}), "thermal", [6.0, 12.0])
    assert table[6.0] < 1e-3
    assert table[12.0] > 1.0


def test_wrong_matches_are_left_out(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    (first, second) = matches(rig, on_plane(6.0))[0]
    second[:90] += np.random.default_rng(1).uniform(20, 60, (90, 2))
    found = matched_homography(rig.cameras["rgb"], rig.cameras["thermal"], [(first, second)])
    assert found.inlier_rms_px is not None
    assert found.inlier_rms_px < 1e-3


def test_points_without_a_common_plane_are_refused(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    rng = np.random.default_rng(2)
    scattered = np.column_stack([rng.uniform(-0.2, 0.2, (300, 2)), rng.uniform(0.3, 3, 300)])
    with pytest.raises(RigsightError, match="CAL-019"):
        matched_homography(rig.cameras["rgb"], rig.cameras["thermal"], matches(rig, scattered), 0.5)


def test_views_at_several_distances_hide_a_plane_between_them(make_rig: Callable[..., Rig]) -> None:
    """The fit looks good, and the table says what it is worth: one plane's parallax."""
    rig = make_rig()
    points = np.concatenate([on_plane(distance) for distance in (5.0, 6.0, 7.5)])
    found = matched_homography(rig.cameras["rgb"], rig.cameras["thermal"], matches(rig, points))
    assert found.inlier_rms_px is not None
    assert found.inlier_rms_px < 3.0
    mixed = rig.model_copy(update={"surface": found})
    assert 5.0 < best_distance_m(mixed, "thermal") < 7.5
    table = {row.distance_m: row for row in parallax_table(mixed, "thermal", [5.0, 6.0, 7.5, 20.0])}
    assert table[5.0].rms_px > 0.8
    assert table[20.0].rms_px > 3.0
    assert table[20.0].closed_form_px == pytest.approx(table[20.0].rms_px, rel=0.3)
