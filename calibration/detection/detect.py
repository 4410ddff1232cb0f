"""One entry for all kinds of board."""

from __future__ import annotations

from dataclasses import dataclass

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.chessboard import find_chessboard
from rigsight.calibration.detection.circles import find_circles
from rigsight.calibration.detection.grey import to_grey
from rigsight.calibration.detection.grid import in_view_order
from rigsight.calibration.pictures import Image


@dataclass(frozen=True)
class Detection:
    """The board in one picture.

    Attributes:
        points: float64 [N,2], pixels, one for each of ``board.object_points()``, in that order or in
            another of ``board.orders()``.
        size: (width, height) of the picture.
    """

    points: Float64
    size: tuple[int, int]


def detect(image: Image, board: Board) -> Detection | None:
    """Find the whole board in a picture, uint8 or uint16, [H,W] or [H,W,3]; bright or dark on the other.

    Returns None when the board is not seen completely, or what was found is no regular grid.
    """
    grey = to_grey(image)
    points = find_chessboard(grey, board) if board.kind == "chessboard" else find_circles(grey, board)
    ordered = None if points is None else in_view_order(points, board)
    return None if ordered is None else Detection(ordered, (grey.shape[1], grey.shape[0]))
