"""Whether a place on a board is dark: exact, for pictures of boards that were never printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board
from rigsight.calibration.markers import first_square_is_black, marker_cells, marker_places

Ink = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.bool_]]


def marker_ink(board: Board) -> Ink:
    """A function of x and y (metres, the board's frame, any shape) that tells where the ink is.

    Args:
        board: a charuco board or an aprilgrid.

    >>> ink = marker_ink(Board(kind="charuco", columns=4, rows=3, square_m=0.1, marker_m=0.08))
    >>> ink(np.array([-0.05, 0.005]), np.array([-0.05, -0.005])).tolist()
    [True, False]
    """
    cells = marker_cells(board)
    n = cells.shape[1]
    side, step = board.tag_side_m, board.step_m
    _, places = marker_places(board)
    number = np.full((board.rows, board.columns), -1, dtype=np.intp)
    at = np.rint((places - places.min(axis=0)) / step).astype(np.intp)
    charuco = board.kind == "charuco"
    if charuco:  # the first marker need not stand in the first column
        at = np.floor(places / step + 1).astype(np.intp)
    number[at[:, 1], at[:, 0]] = np.arange(len(places))
    inset, start = ((step - side) / 2, -step) if charuco else (0.0, 0.0)
    black = 0 if first_square_is_black(board) else 1

    def ink(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
        u, v = (x - start) / step, (y - start) / step
        column, row = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
        inside = (column >= 0) & (column < board.columns) & (row >= 0) & (row < board.rows)
        marker = np.where(inside, number[row % board.rows, column % board.columns], -1)
        i = np.floor(((u - column) * step - inset) * n / side).astype(np.intp)
        k = np.floor(((v - row) * step - inset) * n / side).astype(np.intp)
        coded = (marker >= 0) & (i >= 0) & (i < n) & (k >= 0) & (k < n)
        dark: NDArray[np.bool_] = coded & cells[marker, k % n, i % n]
        if charuco:
            dark |= inside & ((column + row) % 2 == black)
            return dark
        # Kalibr's squares where the gaps of an aprilgrid cross, on its rim too.
        gap = step - side
        low_u, low_v = (x + gap) / step, (y + gap) / step
        crossing = (low_u - np.floor(low_u) < gap / step) & (low_v - np.floor(low_v) < gap / step)
        on_board = (low_u >= 0) & (low_u < board.columns + gap / step)
        on_board &= (low_v >= 0) & (low_v < board.rows + gap / step)
        dark |= crossing & on_board
        return dark

    return ink
