"""Detection against boards rendered with known geometry, and on real pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.chessboard import is_whole_board, refine_corners
from rigsight.calibration.detection.detect import detect
from rigsight.calibration.pictures import find_pictures, read_picture
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera

PATIENCE_S = 20.0  # what is found is judged here, not how fast the machine is

CHESS = Board(kind="chessboard", columns=8, rows=5, square_m=0.04)
CIRCLES = Board(kind="circles", columns=7, rows=5, pitch_m=0.05, diameter_m=0.03)
ASYMMETRIC = Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.04, diameter_m=0.034)
EVEN = Board(kind="asymmetric_circles", columns=5, rows=6, pitch_m=0.04, diameter_m=0.034)
BOARDS = [CHESS, CIRCLES, ASYMMETRIC, EVEN]
THERMAL = Camera(
    model="pinhole-radtan",
    width=320,
    height=240,
    K=((300, 0, 161), (0, 301, 118), (0, 0, 1)),
    D=(-0.25, 0.06, 0.0005, -0.0004),
    spectrum="thermal",
)


def errors(points: Float64, board: Board, pose: Float64, camera: Camera = THERMAL) -> Float64:
    """Distances to the true points, in the board's order that fits best."""
    true = project(camera, board.object_points() @ pose[:3, :3].T + pose[:3, 3])
    candidates = [np.linalg.norm(points[order] - true, axis=1) for order in board.orders()]
    return min(candidates, key=lambda error: float(error.max()))


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: f"{b.kind}-{b.rows}")
@pytest.mark.parametrize("warm_ink", [True, False], ids=["warm", "cold"])
def test_points_of_16_bit_boards_of_either_polarity(
    board: Board,
    warm_ink: bool,
    good_poses: Callable[..., list[Float64]],
    picture_of: Callable[..., np.ndarray],
) -> None:
    found = []
    for seed, pose in enumerate(good_poses(board, THERMAL, 3, seed=4)):
        paper, ink = (22000.0, 24000.0) if warm_ink else (24000.0, 22000.0)
        picture = picture_of(board, THERMAL, pose, dark=ink, bright=paper, noise=25.0, seed=seed)
        detection = detect(picture.astype(np.uint16), board, PATIENCE_S)
        assert detection is not None
        assert detection.size == (320, 240)
        found.append(errors(detection.points, board, pose))
    rms = float(np.sqrt(np.mean(np.square(found))))
    assert rms < (0.15 if board.kind == "chessboard" else 0.06)
    assert float(np.max(found)) < 0.5


@pytest.mark.parametrize("board", [CHESS, ASYMMETRIC], ids=lambda b: b.kind)
def test_a_160x120_thermal_camera(
    board: Board, good_poses: Callable[..., list[Float64]], picture_of: Callable[..., np.ndarray]
) -> None:
    K = ((150, 0, 80), (0, 150, 60), (0, 0, 1))
    small = THERMAL.model_copy(update={"width": 160, "height": 120, "K": K})
    for seed, pose in enumerate(good_poses(board, small, 3, seed=2)):
        picture = picture_of(
            board, small, pose, dark=24000.0, bright=22000.0, blur_px=0.5, noise=20.0, seed=seed
        )
        detection = detect(picture.astype(np.uint16), board, PATIENCE_S)
        assert detection is not None
        assert float(errors(detection.points, board, pose, small).max()) < 0.6


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: f"{b.kind}-{b.rows}")
def test_no_board_is_found_where_there_is_none(board: Board) -> None:
    rng = np.random.default_rng(1)
    blurred = cv2.GaussianBlur(rng.normal(size=(240, 320)), (0, 0), 5)
    clutter = ((blurred - blurred.min()) / np.ptp(blurred) * 255).astype(np.uint8)
    for picture in (clutter, np.full((240, 320), 7, np.uint16), np.zeros((240, 320, 3), np.uint8)):
        assert detect(picture, board) is None


@pytest.mark.parametrize("board", [CHESS, CIRCLES, ASYMMETRIC], ids=lambda b: b.kind)
def test_a_board_of_another_size_is_not_accepted(
    board: Board, good_poses: Callable[..., list[Float64]], picture_of: Callable[..., np.ndarray]
) -> None:
    pose = good_poses(board, THERMAL, 1)[0]
    picture = picture_of(board, THERMAL, pose).clip(0, 255).astype(np.uint8)
    assert detect(picture, board, PATIENCE_S) is not None
    for change in ({"columns": board.columns + 1}, {"rows": board.rows + 1}, {"columns": board.columns - 1}):
        assert detect(picture, board.model_copy(update=change)) is None


def test_a_board_cut_off_by_the_picture_is_not_accepted(
    good_poses: Callable[..., list[Float64]], picture_of: Callable[..., np.ndarray]
) -> None:
    for board in BOARDS:
        pose = good_poses(board, THERMAL, 1)[0]
        picture = picture_of(board, THERMAL, pose).clip(0, 255).astype(np.uint8)
        detection = detect(picture, board, PATIENCE_S)
        assert detection is not None
        assert detect(picture[:, : int(detection.points[:, 0].mean())].copy(), board) is None


def test_a_corner_that_starts_badly_starts_again(
    good_poses: Callable[..., list[Float64]], picture_of: Callable[..., np.ndarray]
) -> None:
    pose = good_poses(CHESS, THERMAL, 1)[0]
    picture = picture_of(CHESS, THERMAL, pose).clip(0, 255).astype(np.uint8)
    start = project(THERMAL, CHESS.object_points() @ pose[:3, :3].T + pose[:3, 3])
    start[[0, 17, 39]] += (7.0, -5.0)
    assert float(errors(refine_corners(picture, start, CHESS), CHESS, pose).max()) < 0.2


def test_a_part_of_a_larger_chessboard_and_a_shifted_one_are_refused(
    good_poses: Callable[..., list[Float64]], picture_of: Callable[..., np.ndarray]
) -> None:
    pose = good_poses(CHESS, THERMAL, 1)[0]
    picture = picture_of(CHESS, THERMAL, pose).clip(0, 255).astype(np.uint8)

    def corners(board: Board, first_column: int = 0) -> Float64:
        points = board.object_points() + np.array([first_column * board.step_m, 0, 0])
        return project(THERMAL, points @ pose[:3, :3].T + pose[:3, 3])

    narrower = CHESS.model_copy(update={"columns": 7})
    assert is_whole_board(picture, corners(CHESS), CHESS)
    assert not is_whole_board(picture, corners(narrower), narrower)
    assert not is_whole_board(picture, corners(narrower, 1), narrower)
    assert not is_whole_board(picture, corners(CHESS, 1), CHESS)
    assert not is_whole_board(picture, corners(CHESS, -1), CHESS)


def test_all_real_chessboards_are_found(data: Path) -> None:
    board = Board(kind="chessboard", columns=9, rows=6, square_m=0.025)
    pictures = find_pictures(data / "calib_chessboard_stereo")
    assert len(pictures) == 28
    for path in pictures:
        assert detect(read_picture(path), board, PATIENCE_S) is not None, path


def test_all_real_thermal_discs_are_found(data: Path) -> None:
    board = Board(kind="circles", columns=4, rows=3, pitch_m=0.09, diameter_m=0.06)
    pictures = find_pictures(data / "calib_tir_circles")
    assert len(pictures) == 11
    for path in pictures:
        assert detect(read_picture(path), board, PATIENCE_S) is not None, path
