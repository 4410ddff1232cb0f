from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.boards import Board

CHESS = Board(kind="chessboard", columns=9, rows=6, square_m=0.025)
ASYMMETRIC = Board(kind="asymmetric_circles", columns=4, rows=11, pitch_m=0.02)


def test_chessboard_points_run_row_by_row() -> None:
    points = CHESS.object_points()
    assert points.shape == (54, 3)
    assert points.dtype == np.float64
    assert points[0].tolist() == [0, 0, 0]
    assert points[8].tolist() == pytest.approx([0.2, 0, 0])
    assert points[9].tolist() == pytest.approx([0, 0.025, 0])


def test_asymmetric_circles_follow_opencv() -> None:
    points = ASYMMETRIC.object_points().reshape(11, 4, 3)
    for row in range(11):
        for column in range(4):
            assert points[row, column] == pytest.approx([(2 * column + row % 2) * 0.02, row * 0.02, 0])


@pytest.mark.parametrize(
    ("board", "count"),
    [
        (CHESS, 2),
        (Board(kind="chessboard", columns=7, rows=7, square_m=0.02), 4),
        (Board(kind="circles", columns=5, rows=4, pitch_m=0.02), 2),
        (ASYMMETRIC, 1),
        (Board(kind="asymmetric_circles", columns=4, rows=10, pitch_m=0.02), 2),
    ],
)
def test_orders_are_the_turns_that_map_the_board_onto_itself(board: Board, count: int) -> None:
    points = board.object_points()[:, :2]
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    orders = board.orders()
    assert len(orders) == count
    assert orders[0].tolist() == list(range(board.count))
    for order in orders:
        turned = points[order]
        assert np.linalg.norm(turned[:, None] - turned[None], axis=2) == pytest.approx(distances)
        # A turn, not a mirror image.
        a, b = points[1] - points[0], points[board.columns] - points[0]
        c, d = turned[1] - turned[0], turned[board.columns] - turned[0]
        assert np.sign(a[0] * b[1] - a[1] * b[0]) == np.sign(c[0] * d[1] - c[1] * d[0])


def test_outline_encloses_squares_and_circles() -> None:
    assert CHESS.outline_m == pytest.approx((-0.05, -0.05, 0.25, 0.175))
    x0, y0, x1, y1 = ASYMMETRIC.outline_m
    assert x0 < -ASYMMETRIC.circle_m / 2
    assert y1 > 0.2 + ASYMMETRIC.circle_m / 2
    assert (x0, y1 - 0.2) == pytest.approx((y0, x1 - 0.14))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("kind: chessboard\ncolumns: 9\nrows: 6\n", "needs square_m"),
        ("kind: chessboard\ncolumns: 9\nrows: 6\nsquare_m: 25\n", "sizes are in metres"),
        ("kind: chessboard\ncolumns: 9\nrows: 6\nsquare_m: 0.02\npitch_m: 0.02\n", "not pitch_m"),
        ("kind: circles\ncolumns: 9\nrows: 6\nsquare_m: 0.02\n", "needs pitch_m"),
        ("kind: circles\ncolumns: 9\nrows: 6\npitch_m: 0.02\ndiameter_m: 0.03\n", "touch"),
        ("kind: chessboard\ncolums: 9\nrows: 6\nsquare_m: 0.02\n", "did you mean 'columns'"),
        ("kind: chess\ncolumns: 9\nrows: 6\nsquare_m: 0.02\n", "kind"),
        ("kind: chessboard\ncolumns: 1\nrows: 6\nsquare_m: 0.02\n", "columns"),
        ("- a list\n", "keys and values"),
        ("{", "not valid YAML"),
    ],
)
def test_bad_board_files_are_one_line(tmp_path: Path, text: str, hint: str) -> None:
    path = tmp_path / "board.yaml"
    path.write_text(text)
    with pytest.raises(RigsightError, match="CAL-010") as caught:
        Board.load(path)
    assert hint in caught.value.line()
    assert str(path) in caught.value.line()


def test_board_files_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "board.yaml"
    ASYMMETRIC.save(path)
    assert Board.load(path) == ASYMMETRIC
    with pytest.raises(RigsightError, match="CAL-010"):
        Board.load(tmp_path / "missing.yaml")
