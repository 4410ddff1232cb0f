"""One entry for all kinds of board."""

from __future__ import annotations

from rigsight.calibration.boards import Board
from rigsight.calibration.detection.chessboard import corner_covariance, find_chessboard
from rigsight.calibration.detection.circles import find_circles
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.detection.effort import DEADLINE_S, Clock
from rigsight.calibration.detection.grey import to_grey
from rigsight.calibration.detection.grid import in_view_order
from rigsight.calibration.detection.markers import find_markers
from rigsight.calibration.pictures import Image


def detect(image: Image, board: Board, deadline_s: float = DEADLINE_S) -> Detection | None:
    """Find the board in a picture, uint8 or uint16, [H,W] or [H,W,3]; bright or dark on the other.

    Returns None when the board is not seen completely, or what was found is no regular grid. Boards with
    markers may be seen in part, a quarter of their points at least. After ``deadline_s`` seconds the search
    is given up.
    """
    grey, clock = to_grey(image), Clock(deadline_s)
    size = (grey.shape[1], grey.shape[0])
    if board.marker_count:
        found = find_markers(grey, board)
        return None if found is None else Detection(found[0], (grey.shape[1], grey.shape[0]), ids=found[1])
    if board.kind != "chessboard":
        grid = find_circles(grey, board, clock)
        if grid is None:
            return None
        return Detection(grid.points, size, covariance=grid.covariance, ellipse_centres=grid.ellipse_centres)
    points = find_chessboard(grey, board, clock)
    ordered = None if points is None else in_view_order(points, board)
    return (
        None
        if ordered is None
        else Detection(ordered, size, covariance=corner_covariance(grey, ordered, board))
    )
