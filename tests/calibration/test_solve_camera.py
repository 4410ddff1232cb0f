from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera, Rig
from rigsight.calibration.solve.camera import solve_camera
from rigsight.calibration.solve.circle_bias import circle_bias
from rigsight.calibration.solve.joint import Setup, solve_rig
from rigsight.calibration.solve.solution import Solution
from rigsight.calibration.solve.views import View

BOARD = Board(kind="chessboard", columns=9, rows=6, square_m=0.03)


def seen(
    camera: Camera, poses: list[Float64], noise: float = 0.0, board: Board = BOARD
) -> dict[str, Detection]:
    rng = np.random.default_rng(5)
    found = {}
    for index, T in enumerate(poses):
        pixels = project(camera, board.object_points() @ T[:3, :3].T + T[:3, 3])
        found[f"{index:02d}"] = Detection(pixels + rng.normal(0, noise, pixels.shape), camera.size)
    return found


def together(views: dict[str, Detection]) -> Solution:
    """The joint solution of one camera, which also decides about k3."""
    return solve_rig([View(name, {"left": its}) for name, its in views.items()], BOARD, [Setup("left")])


@pytest.fixture
def camera(make_rig: Callable[..., Rig]) -> Camera:
    return make_rig().cameras["rgb"]


@pytest.fixture
def poses(camera: Camera, good_poses: Callable[..., list[Float64]]) -> list[Float64]:
    return good_poses(BOARD, camera, 15)


def test_exact_points_give_back_the_camera(camera: Camera, poses: list[Float64]) -> None:
    solution = together(seen(camera, poses))
    assert solution.residuals["00"]["left"] == pytest.approx(0, abs=1e-6)
    assert solution.cameras["left"].matrix == pytest.approx(camera.matrix, abs=1e-4)
    assert solution.cameras["left"].distortion == pytest.approx(camera.distortion, abs=1e-6)
    for found, true in zip(solution.poses.values(), poses, strict=True):
        assert found == pytest.approx(true, abs=1e-6)


def test_a_fisheye_gives_back_its_camera(
    make_rig: Callable[..., Rig], good_poses: Callable[..., list[Float64]]
) -> None:
    camera = make_rig(fisheye=True).cameras["thermal"]
    solution = solve_camera(
        seen(camera, good_poses(BOARD, camera, 15)),
        BOARD,
        spectrum="thermal",
        model="fisheye",
    )
    assert solution.camera.model == "fisheye"
    assert solution.rms_px < 1e-3
    assert solution.camera.matrix == pytest.approx(camera.matrix, abs=0.05)


def test_k3_is_left_out_where_the_views_do_not_show_it(camera: Camera, poses: list[Float64]) -> None:
    without = camera.model_copy(update={"D": (-0.12, 0.05, 0.001, -0.0005)})
    assert len(together(seen(without, poses, noise=0.1)).cameras["left"].D) == 4
    strong = camera.model_copy(update={"D": (-0.3, 0.15, 0.0, 0.0, -0.2)})
    assert len(together(seen(strong, poses, noise=0.02)).cameras["left"].D) == 5


def test_wrong_views_are_dropped_and_named(camera: Camera, poses: list[Float64]) -> None:
    views = seen(camera, poses, noise=0.05)
    rng = np.random.default_rng(0)
    for bad in ("03", "11"):
        off = views[bad].points + rng.normal(0, 2.0, views[bad].points.shape)
        views[bad] = replace(views[bad], points=off)
    solution = solve_camera(views, BOARD, name="left")
    assert set(solution.rejected) == {"03", "11"}
    assert all("left: reprojection error" in reason for reason in solution.rejected.values())
    assert set(solution.poses) == set(views) - {"03", "11"}
    assert solution.camera.matrix == pytest.approx(camera.matrix, abs=1.0)


def test_five_views_are_too_few(camera: Camera, poses: list[Float64]) -> None:
    with pytest.raises(RigsightError, match="CAL-016"):
        solve_camera(seen(camera, poses[:5]), BOARD)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_boards_that_all_face_the_camera_are_refused(
    camera: Camera, good_poses: Callable[..., list[Float64]], noise: float
) -> None:
    flat = good_poses(BOARD, camera, 12, tilt_deg=1.0)
    with pytest.raises(RigsightError, match="CAL-017"):
        solve_camera(seen(camera, flat, noise), BOARD)


def test_the_bias_of_tilted_circles_is_that_of_their_pictures_centroid(
    good_poses: Callable[..., list[Float64]],
) -> None:
    """Worked value: the exact ellipse of an undistorted camera (conic C' = H^-T C H^-1)."""
    board = Board(kind="circles", columns=3, rows=3, pitch_m=0.1, diameter_m=0.06)
    K = ((400, 0, 320), (0, 400, 240), (0, 0, 1))
    camera = Camera(model="pinhole-radtan", width=640, height=480, K=K, spectrum="thermal")
    pose = good_poses(board, camera, 1, seed=3, tilt_deg=45)[0]
    bias = circle_bias(camera, pose, board)
    H = camera.matrix @ pose[:3, [0, 1, 3]]
    for (x, y, _), found in zip(board.object_points(), bias, strict=True):
        circle = np.array([[1, 0, -x], [0, 1, -y], [-x, -y, x * x + y * y - 0.03**2]])
        conic = np.linalg.inv(H).T @ circle @ np.linalg.inv(H)
        centre = np.linalg.solve(conic[:2, :2], -conic[:2, 2])
        projected = H @ (x, y, 1)
        assert found == pytest.approx(centre - projected[:2] / projected[2], abs=0.01)
    assert np.linalg.norm(bias, axis=1).max() > 0.3


def test_circle_centres_without_bias_give_back_the_focal_length(
    good_poses: Callable[..., list[Float64]], camera: Camera
) -> None:
    board = Board(kind="circles", columns=4, rows=3, pitch_m=0.09, diameter_m=0.06)
    camera = camera.model_copy(update={"D": camera.D[:4]})
    poses = good_poses(board, camera, 15, tilt_deg=45)
    views = seen(camera, poses, board=board)
    biased = {
        view: replace(its, points=its.points + circle_bias(camera, T, board), ellipse_centres=True)
        for (view, its), T in zip(views.items(), poses, strict=True)
    }
    solution = solve_camera(biased, board)
    assert solution.rms_px < 0.01
    assert solution.camera.K[0][0] == pytest.approx(450, rel=2e-4)
    naive = solve_camera(biased, board.model_copy(update={"diameter_m": None}))
    assert naive.rms_px > 5 * solution.rms_px
