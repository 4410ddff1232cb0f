"""The coded squares of charuco boards and aprilgrids: where they are and what is printed in them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rigsight.calibration.boards import Board, Float64


def dictionary_of(name: str) -> Any:
    """OpenCV's predefined dictionary ``DICT_...``. Raises ValueError for a name that it does not have."""
    number = getattr(cv2.aruco, name, None) if name.startswith("DICT_") else None
    if number is None:
        known = [each for each in dir(cv2.aruco) if each.startswith("DICT_")]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f", did you mean {near[0]}" if near else ""
        raise ValueError(f"OpenCV has no dictionary '{name}'{hint}")
    return cv2.aruco.getPredefinedDictionary(number)


def dictionary_size(name: str) -> int:
    """Number of markers in a dictionary. Raises ValueError as :func:`dictionary_of`."""
    return int(dictionary_of(name).bytesList.shape[0])


def border_bits(board: Board) -> int:
    """Cells of black border around a marker."""
    from rigsight.calibration.boards import KALIBR_BORDER_BITS

    return (board.border_bits or KALIBR_BORDER_BITS) if board.kind == "aprilgrid" else 1


def first_square_is_black(board: Board) -> bool:
    """Charuco: whether the square at the upper left is black. Before OpenCV 4.6 it was not on even rows."""
    return not (board.legacy_pattern and board.rows % 2 == 0)


def marker_places(board: Board) -> tuple[NDArray[np.intp], Float64]:
    """Ids int [M] and upper left corners float64 [M,2] (metres, the board's frame) of the printed markers.

    Charuco: row by row over the white squares (OpenCV's CharucoBoard). Aprilgrid: rows from the bottom up
    (Kalibr's GridCalibrationTargetAprilgrid).
    """
    row, column = (n.ravel() for n in np.mgrid[: board.rows, : board.columns])
    step, side = board.step_m, board.tag_side_m
    if board.kind == "charuco":
        white = (row + column) % 2 == (1 if first_square_is_black(board) else 0)
        inset = (step - side) / 2 - step  # the first inner corner is one square from the board's rim
        corners = np.stack([column[white], row[white]], axis=1) * step + inset
    else:
        corners = np.stack([column, board.rows - 1 - row], axis=1) * step
    ids = np.arange(len(corners), dtype=np.intp) + (board.first_id or 0)
    return ids, corners.astype(np.float64)


def marker_corners(board: Board) -> tuple[NDArray[np.intp], Float64]:
    """Ids int [M] and the corners of the markers in the order of OpenCV's detector, float64 [M,4,2], metres.

    Kalibr prints the tags of its family half a turn from the way OpenCV does, so that OpenCV's first
    corner lies at the lower right of a printed aprilgrid.
    """
    ids, places = marker_places(board)
    turn = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
    if board.kind == "aprilgrid":
        turn = np.roll(turn, 2, axis=0)
    return ids, places[:, None] + board.tag_side_m * turn


def marker_cells(board: Board) -> NDArray[np.bool_]:
    """Black cells of every marker as printed, with its border, bool [M,n,n], in the order of the ids."""
    dictionary = dictionary_of(board.dictionary_name)
    border = border_bits(board)
    n = int(dictionary.markerSize) + 2 * border
    ids, _ = marker_places(board)
    cells = [cv2.aruco.generateImageMarker(dictionary, int(i), n, borderBits=border) == 0 for i in ids]
    stacked: NDArray[np.bool_] = np.array(cells)
    return stacked[:, ::-1, ::-1] if board.kind == "aprilgrid" else stacked
