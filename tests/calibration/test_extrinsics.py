from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.extrinsics import (
    agree_on_orders,
    calibrate_extrinsics,
    epipolar_error_px,
    to_ideal,
)
from rigsight.calibration.intrinsics import CameraSolution, calibrate_camera
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Rig

BOARD = Board(kind="chessboard", columns=9, rows=6, square_m=0.03)
Views = dict[str, Float64]


def views_of(rig: Rig, poses: list[Float64], noise: float = 0.0) -> tuple[Views, Views]:
    """Both cameras' pictures of the board's points."""
    rng = np.random.default_rng(8)
    sides: list[Views] = []
    for name, camera in rig.cameras.items():
        motions = [rig.pose(name) @ T for T in poses]
        pixels = [project(camera, BOARD.object_points() @ T[:3, :3].T + T[:3, 3]) for T in motions]
        sides.append({f"{i:02d}": p + rng.normal(0, noise, p.shape) for i, p in enumerate(pixels)})
    return sides[0], sides[1]


def solve(rig: Rig, views: tuple[Views, Views]) -> list[CameraSolution]:
    return [
        calibrate_camera(side, BOARD, camera.size, spectrum=camera.spectrum, model=camera.model)
        for side, camera in zip(views, rig.cameras.values(), strict=True)
    ]


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()


@pytest.fixture
def poses(rig: Rig, good_poses: Callable[..., list[Float64]]) -> list[Float64]:
    return good_poses(BOARD, rig.cameras["rgb"], 15)


@pytest.mark.parametrize("refine", [True, False])
def test_exact_points_of_cameras_of_different_size_give_back_the_pose(
    rig: Rig, poses: list[Float64], refine: bool
) -> None:
    pair = calibrate_extrinsics(*solve(rig, views_of(rig, poses)), BOARD, refine_intrinsics=refine)
    assert pair.T_camera_reference == pytest.approx(rig.pose("thermal"), abs=2e-5)
    assert pair.rms_px < 2e-3
    assert pair.epipolar_px < 2e-3
    assert pair.reordered == ()
    assert pair.reference.size != pair.camera.size
    assert pair.camera.matrix == pytest.approx(rig.cameras["thermal"].matrix, abs=0.05)


def test_a_fisheye_beside_a_pinhole(
    make_rig: Callable[..., Rig], good_poses: Callable[..., list[Float64]]
) -> None:
    rig = make_rig(fisheye=True)
    poses = good_poses(BOARD, rig.cameras["rgb"], 15)
    pair = calibrate_extrinsics(*solve(rig, views_of(rig, poses)), BOARD)
    assert pair.T_camera_reference == pytest.approx(rig.pose("thermal"), abs=1e-4)


@pytest.mark.parametrize("flipped", [1, 7])
def test_views_with_flipped_order_are_repaired(rig: Rig, poses: list[Float64], flipped: int) -> None:
    reference, camera = views_of(rig, poses, noise=0.1)
    for view in list(camera)[:flipped]:
        camera[view] = camera[view][::-1]
    pair = calibrate_extrinsics(*solve(rig, (reference, camera)), BOARD)
    assert pair.reordered == tuple(list(camera)[:flipped])
    assert pair.rejected == {}
    assert pair.T_camera_reference[:3, 3] == pytest.approx(rig.pose("thermal")[:3, 3], abs=1e-3)
    assert pair.rms_px < 0.2


def test_quarter_turns_of_square_boards_are_found(rig: Rig, poses: list[Float64]) -> None:
    square = Board(kind="chessboard", columns=5, rows=5, square_m=0.03)
    points = square.object_points()
    camera_poses = []
    for number, pose in enumerate(poses):
        # The pose a solver finds when the points come in the order of that turn.
        order = square.orders()[number % 4]
        a, b = points[order][1] - points[order][0], points[order][5] - points[order][0]
        turn = np.eye(4)
        turn[:3, 0], turn[:3, 1] = a / np.linalg.norm(a), b / np.linalg.norm(b)
        turn[:3, 3] = points[order][0]
        camera_poses.append(rig.pose("thermal") @ pose @ turn)
    found = agree_on_orders(poses, camera_poses, square)
    for number, order in enumerate(found):
        assert order is not None
        # Applied after the detector's order it leads back to the board's own.
        assert square.orders()[number % 4][order].tolist() == list(range(25))


def test_a_pair_of_another_instant_is_rejected(rig: Rig, poses: list[Float64]) -> None:
    reference, camera = views_of(rig, poses, noise=0.05)
    camera["02"], camera["09"] = camera["09"], camera["02"]
    pair = calibrate_extrinsics(*solve(rig, (reference, camera)), BOARD)
    assert set(pair.rejected) == {"02", "09"}
    assert pair.T_camera_reference[:3, 3] == pytest.approx(rig.pose("thermal")[:3, 3], abs=1e-3)


def test_pairs_shifted_by_one_contradict_each_other(rig: Rig, poses: list[Float64]) -> None:
    reference, camera = views_of(rig, poses)
    shifted = dict(zip(camera, [*list(camera.values())[1:], camera["00"]], strict=True))
    with pytest.raises(RigsightError, match="CAL-018"):
        calibrate_extrinsics(*solve(rig, (reference, shifted)), BOARD)


def test_too_few_common_views(rig: Rig, poses: list[Float64]) -> None:
    reference, camera = solve(rig, views_of(rig, poses))
    few = {view: camera.poses[view] for view in list(camera.poses)[:5]}
    with pytest.raises(RigsightError, match="CAL-016"):
        calibrate_extrinsics(reference, replace(camera, poses=few), BOARD)


def test_epipolar_error_is_the_distance_to_the_line(rig: Rig, poses: list[Float64]) -> None:
    """Parallel cameras side by side have horizontal epipolar lines: a vertical shift is the error."""
    K = ((500, 0, 320), (0, 500, 240), (0, 0, 1))
    camera = rig.cameras["rgb"].model_copy(update={"K": K, "D": ()})
    pose = np.eye(4)
    pose[0, 3] = -0.1
    pixels = [project(camera, BOARD.object_points() @ T[:3, :3].T + T[:3, 3]) for T in poses]
    moved = [project(camera, BOARD.object_points() @ T[:3, :3].T + T[:3, 3] + pose[:3, 3]) for T in poses]
    exact = list(zip(pixels, moved, strict=True))
    assert epipolar_error_px(camera, camera, pose, exact) < 1e-9
    shifted = [(a, b + np.array([3.0, 0.25])) for a, b in exact]
    assert epipolar_error_px(camera, camera, pose, shifted) == pytest.approx(0.25)
    assert np.isnan(epipolar_error_px(camera, camera, np.eye(4), exact))


def test_ideal_pixels_are_those_of_the_camera_without_distortion(rig: Rig) -> None:
    camera = rig.cameras["thermal"]
    points = np.array([[0.1, -0.2, 2.0], [0.5, 0.4, 1.5]])
    ideal = project(camera.model_copy(update={"D": ()}), points)
    assert to_ideal(camera, project(camera, points)) == pytest.approx(ideal, abs=1e-6)
