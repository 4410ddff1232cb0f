from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Rig
from rigsight.calibration.solve.epipolar import epipolar_error_px, to_ideal
from rigsight.calibration.solve.joint import Setup, solve_rig
from rigsight.calibration.solve.linear import Target, residuals
from rigsight.calibration.solve.noise import covariance_of
from rigsight.calibration.solve.orders import agree_on_orders
from rigsight.calibration.solve.solution import Solution
from rigsight.calibration.solve.views import View

BOARD = Board(kind="chessboard", columns=9, rows=6, square_m=0.03)


def views_of(rig: Rig, poses: list[Float64], noise: float = 0.0, bend_m: float = 0.0) -> list[View]:
    """What both cameras see of the board's points, ``bend_m`` deep along x."""
    rng = np.random.default_rng(8)
    points = BOARD.object_points()
    x = 2 * points[:, 0] / points[:, 0].max() - 1
    points[:, 2] = bend_m * (1 - x * x)
    views = []
    for index, pose in enumerate(poses):
        seen = {}
        for name, camera in rig.cameras.items():
            T = rig.pose(name) @ pose
            pixels = project(camera, points @ T[:3, :3].T + T[:3, 3])
            seen[name] = Detection(pixels + rng.normal(0, noise, pixels.shape), camera.size)
        views.append(View(f"{index:02d}", seen))
    return views


def with_thermal(view: View, detection: Detection) -> View:
    return View(view.name, {**view.seen, "thermal": detection})


def solve(rig: Rig, views: list[View], **options: bool) -> Solution:
    setups = [Setup(name, camera.spectrum, camera.model) for name, camera in rig.cameras.items()]
    return solve_rig(views, BOARD, setups, **options)


def rms_of(solution: Solution) -> float:
    off = np.concatenate([part for seen in solution.residuals.values() for part in seen.values()])
    return float(np.sqrt((off**2).sum(axis=1).mean()))


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
    exact = rig.cameras["rgb"].model_copy(update={"D": (-0.12, 0.05, 0.001, -0.0005)})
    rig = rig.model_copy(update={"cameras": {**rig.cameras, "rgb": exact}})
    solution = solve(rig, views_of(rig, poses), refine_intrinsics=refine)
    assert solution.transforms["thermal"] == pytest.approx(rig.pose("thermal"), abs=1e-7)
    assert rms_of(solution) < 1e-5
    assert solution.reordered == ()
    assert solution.cameras["thermal"].matrix == pytest.approx(rig.cameras["thermal"].matrix, abs=1e-4)


def test_a_fisheye_beside_a_pinhole(
    make_rig: Callable[..., Rig], good_poses: Callable[..., list[Float64]]
) -> None:
    rig = make_rig(fisheye=True)
    poses = good_poses(BOARD, rig.cameras["rgb"], 15)
    solution = solve(rig, views_of(rig, poses))
    assert solution.transforms["thermal"] == pytest.approx(rig.pose("thermal"), abs=1e-6)
    assert solution.cameras["thermal"].distortion == pytest.approx(
        rig.cameras["thermal"].distortion, abs=1e-5
    )


@pytest.mark.parametrize("flipped", [1, 7])
def test_views_with_flipped_order_are_repaired(rig: Rig, poses: list[Float64], flipped: int) -> None:
    views = views_of(rig, poses, noise=0.1)
    for index in range(flipped):
        seen = views[index].seen["thermal"]
        views[index] = with_thermal(views[index], replace(seen, points=seen.points[::-1]))
    solution = solve(rig, views)
    assert solution.reordered == tuple(view.name for view in views[:flipped])
    assert solution.rejected == {}
    assert solution.transforms["thermal"][:3, 3] == pytest.approx(rig.pose("thermal")[:3, 3], abs=1e-3)
    assert rms_of(solution) < 0.2


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
    assert (found.support, found.rival_support) == (15, 0) or found.rival_support < 8
    for number, order in enumerate(found.orders):
        assert order is not None
        # Applied after the detector's order it leads back to the board's own.
        assert square.orders()[number % 4][order].tolist() == list(range(25))


def test_a_board_always_held_alike_leaves_its_half_turn_open(rig: Rig, poses: list[Float64]) -> None:
    """Poses that differ by small tilts only: both orders give one relative pose each."""
    near = []
    for index in range(10):
        tilt = cv2.Rodrigues(np.radians([12.0 * np.sin(index), 12.0 * np.cos(2 * index), 0]))[0]
        pose = poses[0].copy()
        pose[:3, :3] = tilt @ np.eye(3)
        pose[:3, 3] = [-0.12, -0.08, 0.6]
        near.append(pose)
    cameras = [rig.pose("thermal") @ pose for pose in near]
    found = agree_on_orders(near, cameras, BOARD)
    assert found.support == 10
    assert found.pose == pytest.approx(rig.pose("thermal"), abs=1e-9)


def test_a_pair_of_another_instant_is_rejected(rig: Rig, poses: list[Float64]) -> None:
    views = views_of(rig, poses, noise=0.05)
    two, nine = views[2].seen["thermal"], views[9].seen["thermal"]
    views[2], views[9] = with_thermal(views[2], nine), with_thermal(views[9], two)
    solution = solve(rig, views)
    assert set(solution.rejected) == {"02", "09"}
    assert solution.transforms["thermal"][:3, 3] == pytest.approx(rig.pose("thermal")[:3, 3], abs=1e-3)


def test_pairs_shifted_by_one_are_told_so(rig: Rig, poses: list[Float64]) -> None:
    views = views_of(rig, poses)
    later = [*views[1:], views[0]]
    shifted = [with_thermal(view, next_.seen["thermal"]) for view, next_ in zip(views, later, strict=True)]
    with pytest.raises(RigsightError, match=r"CAL-075.*'thermal' took one view earlier"):
        solve(rig, shifted)


def test_too_few_common_views(rig: Rig, poses: list[Float64]) -> None:
    views = views_of(rig, poses)
    only = [View(view.name, {"rgb": view.seen["rgb"]}) for view in views[5:10]]
    other = [View(f"t{view.name}", {"thermal": view.seen["thermal"]}) for view in views[5:10]]
    with pytest.raises(RigsightError, match="CAL-016"):
        solve(rig, [*views[:5], *only, *other])


def test_a_bent_board_is_estimated(rig: Rig, poses: list[Float64]) -> None:
    views = views_of(rig, poses, noise=0.05, bend_m=0.002)
    flat, bent = solve(rig, views), solve(rig, views, bend=True)
    assert bent.bend_m == pytest.approx((0.002, 0.0), abs=1e-4)
    assert rms_of(bent) < 0.08 < rms_of(flat)


def test_boards_seen_in_part_count_with_the_points_they_show(rig: Rig, poses: list[Float64]) -> None:
    views = views_of(rig, poses)
    partial = []
    for index, view in enumerate(views):
        seen = {}
        for name, its in view.seen.items():
            kept = np.flatnonzero((np.arange(BOARD.count) + index) % 3 != (0 if name == "rgb" else 1))
            seen[name] = Detection(its.points[kept], its.size, kept)
        partial.append(View(view.name, seen))
    solution = solve(rig, partial)
    assert solution.transforms["thermal"] == pytest.approx(rig.pose("thermal"), abs=1e-6)
    first, second = solution.matched("thermal")["00"]
    assert len(first) == len(second) == 18


def test_the_minimum_is_that_of_scipys_sparse_least_squares(rig: Rig, poses: list[Float64]) -> None:
    """scipy from our minimum, derivatives by differences: nothing better, and the same covariance."""
    from scipy.optimize import least_squares

    views = views_of(rig, poses[:8], noise=0.2)
    refined = solve(rig, views).refined
    state, target = refined.state, Target.of(BOARD)
    count = state.shared_count

    def whitened(x: Float64) -> Float64:
        moved = state.moved(x[:count], x[count:].reshape(-1, 6))
        offs = [
            (seen.whiten @ residuals(moved, index, seen, target)[:, :, None]).reshape(-1)
            for index, seen in enumerate(refined.observed)
        ]
        return np.concatenate(offs)

    start = np.zeros(count + 6 * len(state.poses))
    before = float((whitened(start) ** 2).sum())
    found = least_squares(whitened, start, x_scale="jac", method="trf", max_nfev=15)
    assert 2 * found.cost >= before * (1 - 1e-3)  # a few points weigh less with Huber
    N = found.jac.T @ found.jac
    scale = 1 / np.sqrt(np.diag(N))
    theirs = (np.linalg.inv(N * np.outer(scale, scale)) * np.outer(scale, scale))[:count, :count]
    ours = covariance_of(refined.found.arrow)
    assert np.sqrt(np.diag(ours)) == pytest.approx(np.sqrt(np.diag(theirs)), rel=0.05)


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
