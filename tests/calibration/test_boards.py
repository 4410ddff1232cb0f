from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.boards import Board
from rigsight.calibration.markers import dictionary_of, marker_cells, marker_corners

CHESS = Board(kind="chessboard", columns=9, rows=6, square_m=0.025)
ASYMMETRIC = Board(kind="asymmetric_circles", columns=4, rows=11, pitch_m=0.02)
CHARUCO = Board(kind="charuco", columns=7, rows=5, square_m=0.03, marker_m=0.022)
APRIL = Board(kind="aprilgrid", columns=4, rows=3, tag_m=0.088, spacing=0.3)


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
        (CHARUCO, 1),
        (APRIL, 1),
    ],
)
def test_orders_are_the_turns_that_map_the_board_onto_itself(board: Board, count: int) -> None:
    points = board.object_points()[:, :2]
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    orders = board.orders()
    assert len(orders) == count
    assert board.half_turn_ambiguous == (count > 1)
    assert orders[0].tolist() == list(range(board.count))
    for order in orders:
        turned = points[order]
        assert np.linalg.norm(turned[:, None] - turned[None], axis=2) == pytest.approx(distances)
        # A turn, not a mirror image.
        a, b = points[1] - points[0], points[board.columns] - points[0]
        c, d = turned[1] - turned[0], turned[board.columns] - turned[0]
        assert np.sign(a[0] * b[1] - a[1] * b[0]) == np.sign(c[0] * d[1] - c[1] * d[0])


@pytest.mark.parametrize("legacy", [None, True])
@pytest.mark.parametrize(("columns", "rows"), [(7, 5), (6, 8), (5, 6), (4, 3)])
def test_charuco_boards_are_opencvs(columns: int, rows: int, legacy: bool | None) -> None:
    board = Board(
        kind="charuco", columns=columns, rows=rows, square_m=0.03, marker_m=0.022, legacy_pattern=legacy
    )
    theirs = cv2.aruco.CharucoBoard((columns, rows), 0.03, 0.022, dictionary_of("DICT_5X5_100"))
    theirs.setLegacyPattern(bool(legacy))
    corners = np.asarray(theirs.getChessboardCorners())
    np.testing.assert_allclose(corners[:, :2] - 0.03, board.object_points()[:, :2], atol=1e-6)
    ids, markers = marker_corners(board)
    assert np.asarray(theirs.getIds()).ravel().tolist() == ids.tolist()
    assert board.marker_count == len(ids)
    np.testing.assert_allclose(np.asarray(theirs.getObjPoints())[..., :2] - 0.03, markers, atol=1e-6)


def test_aprilgrids_are_kalibrs() -> None:
    # GridCalibrationTargetAprilgrid: corner (r, c) from the lower left, y up, tag and gap in turn.
    points = APRIL.object_points()
    top = points[:, 1].max()
    for row in range(6):
        for column in range(8):
            x = (column // 2) * 1.3 * 0.088 + (column % 2) * 0.088
            y = (row // 2) * 1.3 * 0.088 + (row % 2) * 0.088
            assert points[row * 8 + column] == pytest.approx([x, top - y, 0])
    # The first code of 36h11 as Kalibr's generator prints it: bit 6 i + j clear is black, half a turn.
    code = 0xD5D628584
    bits = np.array([[not code >> (6 * i + j) & 1 for j in range(6)] for i in range(6)])
    cells = marker_cells(APRIL)[0]
    np.testing.assert_array_equal(cells[2:8, 2:8], np.rot90(bits, 2))
    assert cells[:2].all()
    assert cells[:, 8:].all()
    # The first tag is at the lower left.
    assert marker_corners(APRIL)[1][0].mean(axis=0) == pytest.approx([0.044, top - 0.044])


@pytest.mark.parametrize(
    "sizes",
    [
        {"tag_m": 0.088, "pitch_m": 0.1144},
        {"spacing": 0.3, "pitch_m": 0.1144},
        {"tag_m": 0.088, "spacing": 0.3, "pitch_m": 0.1144},
    ],
)
def test_an_aprilgrid_takes_two_of_three_sizes(sizes: dict[str, float]) -> None:
    board = Board(kind="aprilgrid", columns=4, rows=3, **sizes)
    assert (board.tag_side_m, board.step_m) == pytest.approx((0.088, 0.1144))
    np.testing.assert_allclose(board.object_points(), APRIL.object_points(), atol=1e-12)


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
        ("kind: charuco\ncolumns: 7\nrows: 5\nsquare_m: 0.03\n", "needs marker_m"),
        ("kind: charuco\ncolumns: 7\nrows: 5\nsquare_m: 0.03\nmarker_m: 0.03\n", "smaller than square_m"),
        ("kind: charuco\ncolumns: 7\nrows: 5\nsquare_m: 30\nmarker_m: 22\n", "30 mm is 0.03"),
        ("kind: circles\ncolumns: 7\nrows: 5\npitch_m: 0.00003\n", "sizes are in metres"),
        (
            "kind: charuco\ncolumns: 7\nrows: 5\nsquare_m: 0.03\nmarker_m: 0.02\ndictionary: DICT_5X5_10\n",
            "did you mean DICT_5X5_10",
        ),
        (
            "kind: charuco\ncolumns: 20\nrows: 9\nsquare_m: 0.03\nmarker_m: 0.02\ndictionary: DICT_4X4_50\n",
            "DICT_4X4_50 has 50",
        ),
        ("kind: aprilgrid\ncolumns: 6\nrows: 6\npitch_m: 0.03\n", "two of tag_m, spacing and pitch_m"),
        (
            "kind: aprilgrid\ncolumns: 6\nrows: 6\npitch_m: 0.03\ntag_m: 0.02\nspacing: 0.3\n",
            "is not pitch_m",
        ),
        ("kind: aprilgrid\ncolumns: 30\nrows: 30\ntag_m: 0.02\nspacing: 0.3\n", "has 587"),
        ("kind: chessboard\ncolumns: 9\nrows: 2\nsquare_m: 0.03\n", "at least 3"),
        ("kind: chessboard\ncolumns: 9\nrows: 6\nsquare_m: 0.03\ncutout: true\n", "not cutout"),
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
