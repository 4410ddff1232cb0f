"""Following a board through a stream: near the truth, never longer than it is seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.guidance import finder
from rigsight.calibration.guidance.finder import FRESH_FOR, LiveFinder
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Rig
from rigsight.calibration.solve.state import rotation_matrices

BOARDS = {
    "chessboard": Board(kind="chessboard", columns=7, rows=5, square_m=0.06),
    "circles": Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.05, diameter_m=0.04),
}


@pytest.mark.parametrize("kind", list(BOARDS))
@pytest.mark.parametrize("counts", [False, True])
def test_a_moving_board_is_followed(
    kind: str,
    counts: bool,
    make_rig: Callable[..., Rig],
    picture_of: Callable[..., np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board, camera = BOARDS[kind], make_rig().cameras["rgb"]
    searches = []
    real = finder.detect
    monkeypatch.setattr(finder, "detect", lambda *words: searches.append(1) or real(*words))  # type: ignore[func-returns-value]
    live = LiveFinder(board, 5.0)
    for step in range(8):
        pose = np.eye(4)
        pose[:3, :3] = rotation_matrices(np.array([[0.3, 0.02 * step, 0.05]]))[0]
        pose[:3, 3] = (-0.25 + 0.015 * step, -0.2, 0.9)
        picture = picture_of(board, camera, pose, over=2, seed=step)
        image = (
            (7000 + 5 * picture).astype(np.uint16) if counts else np.clip(picture, 0, 255).astype(np.uint8)
        )
        found = live.follow("one", image)
        assert found is not None
        off = np.linalg.norm(found.points - true_pixels(board, camera, pose), axis=1)
        assert off.max() < 1.5
        assert np.median(off) < 0.7
    assert len(searches) == 1
    assert live.follow("one", np.full_like(image, 80)) is None
    assert live.follow("one", image) is None or len(searches) > 1


def true_pixels(board: Board, camera: object, pose: Float64) -> Float64:
    return project(camera, board.object_points() @ pose[:3, :3].T + pose[:3, 3])  # type: ignore[arg-type]


def test_a_board_that_stands_is_searched_again_now_and_then(
    make_rig: Callable[..., Rig], picture_of: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    board, camera = BOARDS["chessboard"], make_rig().cameras["rgb"]
    pose = np.eye(4)
    pose[:3, 3] = (-0.2, -0.1, 0.9)
    image = np.clip(picture_of(board, camera, pose, over=2), 0, 255).astype(np.uint8)
    searches = []
    real = finder.detect
    monkeypatch.setattr(finder, "detect", lambda *words: searches.append(1) or real(*words))  # type: ignore[func-returns-value]
    live = LiveFinder(board, 5.0)
    for _ in range(FRESH_FOR + 2):
        assert live.follow("one", image) is not None
    assert len(searches) == 2


def test_lost_boards_are_searched_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[str] = []
    monkeypatch.setattr(finder, "detect", lambda image, *_: searches.append(str(image[0, 0])))
    live = LiveFinder(BOARDS["chessboard"])
    each = []
    for _ in range(9):
        before = len(searches)
        for number, camera in enumerate(("a", "b")):
            live.follow(camera, np.full((48, 64), number, np.uint8))
        each.append(len(searches) - before)
    assert max(each) == 1
    assert searches.count("0") == searches.count("1") == 3
