"""Boards with markers, rendered with known geometry: whole, in part, of either polarity, and not there."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detect import Detection, detect
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera

CHARUCO = Board(kind="charuco", columns=7, rows=5, square_m=0.03, marker_m=0.022)
APRIL = Board(kind="aprilgrid", columns=4, rows=3, tag_m=0.05, spacing=0.3)
BOARDS = [CHARUCO, APRIL]
CAMERA = Camera(
    model="pinhole-radtan",
    width=480,
    height=360,
    K=((450, 0, 241), (0, 451, 178), (0, 0, 1)),
    D=(-0.25, 0.06, 0.0005, -0.0004),
    spectrum="thermal",
)
Poses = Callable[..., list[Float64]]
Picture = Callable[..., np.ndarray]


def errors(found: Detection, board: Board, pose: Float64) -> Float64:
    true = project(CAMERA, board.object_points() @ pose[:3, :3].T + pose[:3, 3])
    return np.linalg.norm(found.points - true[found.ids], axis=1)


def worst(found: Detection, board: Board, pose: Float64) -> float:
    return float(errors(found, board, pose).max())


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.kind)
@pytest.mark.parametrize("warm_ink", [True, False], ids=["warm", "cold"])
def test_16_bit_boards_of_either_polarity(
    board: Board, warm_ink: bool, good_poses: Poses, picture_of: Picture
) -> None:
    seen = []
    for seed, pose in enumerate(good_poses(board, CAMERA, 2, seed=4)):
        paper, ink = (22000.0, 24000.0) if warm_ink else (24000.0, 22000.0)
        picture = picture_of(board, CAMERA, pose, dark=ink, bright=paper, noise=25.0, seed=seed)
        found = detect(picture.astype(np.uint16), board)
        assert found is not None
        assert found.size == CAMERA.size
        assert len(set(found.ids.tolist())) == len(found.ids)
        assert worst(found, board, pose) < 0.35
        seen.append(len(found.ids) / board.count)
    assert np.mean(seen) > 0.85


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.kind)
def test_a_part_of_a_board_keeps_its_names(board: Board, good_poses: Poses, picture_of: Picture) -> None:
    pose = good_poses(board, CAMERA, 1, seed=3, tilt_deg=20)[0]
    picture = np.clip(picture_of(board, CAMERA, pose), 0, 255).astype(np.uint8)
    middle = project(CAMERA, board.object_points() @ pose[:3, :3].T + pose[:3, 3]).mean(axis=0)
    for side in (np.s_[:, : int(middle[0])], np.s_[int(middle[1]) :]):
        hidden = picture.copy()
        hidden[side] = 128
        found = detect(hidden, board)
        assert found is not None
        assert 0.25 * board.count <= len(found.ids) < 0.7 * board.count
        # What covers a part of a corner's surroundings moves it.
        assert worst(found, board, pose) < 1.3
        assert np.median(errors(found, board, pose)) < 0.15
    hidden[: int(middle[1]), : int(middle[0]) + 60] = 128
    assert detect(hidden, board) is None, "less than a quarter"


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.kind)
def test_steep_boards(board: Board, good_poses: Poses, picture_of: Picture) -> None:
    for seed in (1, 2):
        pose = good_poses(board, CAMERA, 1, seed=seed, tilt_deg=1)[0]
        turn = np.eye(4)
        turn[:3, :3] = cv2.Rodrigues(np.radians(50) * np.array([np.cos(seed), np.sin(seed), 0.0]))[0]
        middle = np.eye(4)
        middle[:3, 3] = board.object_points().mean(axis=0)
        pose = pose @ middle @ turn @ np.linalg.inv(middle)
        found = detect(np.clip(picture_of(board, CAMERA, pose), 0, 255).astype(np.uint8), board)
        assert found is not None
        assert worst(found, board, pose) < 0.5


WRONG = [
    (CHARUCO, CHARUCO.model_copy(update={"dictionary": "DICT_4X4_100"})),
    (CHARUCO, CHARUCO.model_copy(update={"first_id": 30})),
    (CHARUCO, CHARUCO.model_copy(update={"columns": 6})),
    (CHARUCO, CHARUCO.model_copy(update={"columns": 8})),
    (CHARUCO, CHARUCO.model_copy(update={"rows": 4})),
    (APRIL, APRIL.model_copy(update={"columns": 3})),
    (APRIL, APRIL.model_copy(update={"columns": 5})),
    (APRIL, APRIL.model_copy(update={"rows": 2})),
    (APRIL, APRIL.model_copy(update={"first_id": 40})),
    (APRIL, CHARUCO),
    (CHARUCO, APRIL),
]


@pytest.mark.parametrize(("real", "asked"), WRONG)
def test_another_board_is_none(real: Board, asked: Board, good_poses: Poses, picture_of: Picture) -> None:
    pose = good_poses(real, CAMERA, 1, seed=3, tilt_deg=15)[0]
    picture = np.clip(picture_of(real, CAMERA, pose), 0, 255).astype(np.uint8)
    assert detect(picture, real) is not None
    assert detect(picture, asked) is None


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.kind)
def test_no_board_is_none(board: Board) -> None:
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.integers(0, 255, (30, 40), dtype=np.uint8), (320, 240))
    blocks = np.kron(rng.integers(0, 2, (24, 32), dtype=np.uint8) * 255, np.ones((10, 10), np.uint8))
    for picture in (coarse, blocks, np.zeros((120, 160), np.uint8), np.full((120, 160), 9000, np.uint16)):
        assert detect(picture, board) is None
