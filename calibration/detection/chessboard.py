"""Inner corners of a chessboard, sub-pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.grey import resized, stretched, to_native
from rigsight.calibration.detection.grid import local_steps, nearest_spacing
from rigsight.calibration.pictures import Image

# Half the refinement window as a part of the distance to the nearest corner: larger windows reach the next
# corner (stereo RMS on OpenCV's sample pairs 0.20 px at 0.25, 0.196 at 0.30, 0.22 at 0.35, 1.0 at 0.45).
WINDOW_OF_SPACING = 0.3
WINDOW_LIMITS = (2, 15)
ASTRAY_OF_SPACING = 0.05
LEAST_CONTRAST = 0.2  # of any corner, as a part of the board's
PART_OF_A_LINE = 0.7
LARGEST_SIDE, SMALLEST_SIDE = 1600, 640


def find_chessboard(grey: Image, board: Board) -> Float64 | None:
    """Corners float64 [N,2] in pixels, in the detector's order, or None.

    The classic detector comes first (3 ms), on the picture and its negative; the slower sector-based one
    follows where it fails, then both on an enlarged picture when the picture is small.
    """
    eight = stretched(grey)
    for picture, found in _attempts(eight, (board.columns, board.rows)):
        if found is not None:
            corners = refine_corners(grey, to_native(found, picture, grey), board)
            if is_whole_board(grey, corners, board):
                return corners
    return None


def _attempts(eight: Image, pattern: tuple[int, int]) -> Iterator[tuple[Image, Float64 | None]]:
    side = max(eight.shape)
    first = resized(eight, min(1.0, LARGEST_SIDE / side))
    pictures = [first]
    if side < SMALLEST_SIDE:
        pictures.append(resized(first, float(np.ceil(SMALLEST_SIDE / side))))
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
    for picture in pictures:
        for polarity in (picture, 255 - picture):
            yield picture, _points(cv2.findChessboardCorners(polarity, pattern, flags=flags))
        for polarity in (picture, 255 - picture):
            yield picture, _points(cv2.findChessboardCornersSB(polarity, pattern))
        flags |= cv2.CALIB_CB_FAST_CHECK  # without it a failure on the enlarged picture costs 0.2 s


def _points(answer: Any) -> Float64 | None:
    """OpenCV 4 answers [N,1,2], OpenCV 5 [N,2]."""
    found, corners = answer[:2]
    return np.asarray(corners, dtype=np.float64).reshape(-1, 2) if found else None


def refine_corners(grey: Image, corners: Float64, board: Board) -> Float64:
    """Move corners to the saddle points of the raw picture, each in a window that fits its squares.

    A corner that ends far from where those around it put it started badly, mostly at the board's rim; it
    starts again from there.
    """
    raw = grey.astype(np.float32)
    half = np.rint(WINDOW_OF_SPACING * nearest_spacing(corners, board))
    half = np.clip(half, *WINDOW_LIMITS).astype(int)
    refined = _to_saddles(raw, corners, half)
    predicted = from_neighbours(refined, board)
    limit = ASTRAY_OF_SPACING * nearest_spacing(predicted, board)
    astray = np.linalg.norm(predicted - refined, axis=1) > limit
    refined[astray] = _to_saddles(raw, predicted[astray], half[astray])
    return refined


def is_whole_board(grey: Image, corners: Float64, board: Board) -> bool:
    """Whether the corners are those of a board of this size, neither more nor less.

    Detectors sometimes hand out a pattern that is shifted by a square, with a row of corners on the rim, or
    a part of a larger board. So all corners must lie between two dark and two bright squares, the way round
    alternating, and the lines of corners that would follow on the four sides must not.
    """
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.8)
    steps = local_steps(corners, board)
    row, column = np.divmod(np.arange(board.count), board.columns)
    parity = np.where((row + column) % 2 == 0, 1, -1)
    gap = _quadrant_gap(smooth, corners, steps) * parity
    way = np.sign(np.median(gap))
    least = LEAST_CONTRAST * abs(float(np.median(gap)))
    if way == 0 or (way * gap <= least).any():
        return False
    rows = np.arange(board.count).reshape(board.rows, board.columns)
    sides = [(lines[at], lines[then]) for lines in (rows, rows.T) for at, then in ((0, 1), (-1, -2))]
    for edge, inner in sides:
        beyond = 2 * corners[edge] - corners[inner]
        further = -way * parity[edge] * _quadrant_gap(smooth, beyond, steps[edge]) > least
        if further.mean() > PART_OF_A_LINE:
            return False
    return True


def _quadrant_gap(smooth: Image, points: Float64, steps: Float64) -> Float64:
    """How much brighter both quadrants of one diagonal are than both others, signed; 0 if no saddle."""
    quadrants = []
    for u, v in ((0.3, 0.3), (-0.3, -0.3), (0.3, -0.3), (-0.3, 0.3)):
        at = (points + u * steps[:, 0] + v * steps[:, 1]).astype(np.float32)
        values = cv2.remap(smooth, at[:, None, 0], at[:, None, 1], cv2.INTER_LINEAR)
        quadrants.append(np.asarray(values, dtype=np.float64).reshape(-1))
    first, second = np.array(quadrants[:2]), np.array(quadrants[2:])
    up, down = first.min(axis=0) - second.max(axis=0), second.min(axis=0) - first.max(axis=0)
    gap: Float64 = np.maximum(up, 0) - np.maximum(down, 0)
    return gap


def _to_saddles(raw: Image, corners: Float64, half: NDArray[np.int_]) -> Float64:
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-3)
    refined = corners.copy()
    for size in np.unique(half):
        chosen = np.flatnonzero(half == size)
        start = corners[chosen].astype(np.float32).reshape(-1, 1, 2)
        moved = cv2.cornerSubPix(raw, start, (int(size), int(size)), (-1, -1), criteria)
        refined[chosen] = np.asarray(moved).reshape(-1, 2)
    return refined


def from_neighbours(corners: Float64, board: Board) -> Float64:
    """Each corner as the homography of those within two squares of it predicts it, float64 [N,2], pixels.

    Local, so that lens distortion hardly counts, and by least median of squares, so that one wrong corner
    does not spoil the others.
    """
    cells = board.object_points()[:, :2] / board.step_m
    predicted = corners.copy()
    for index, cell in enumerate(cells):
        around = np.abs(cells - cell).max(axis=1) < 2.5
        around[index] = False
        H, _ = cv2.findHomography(cells[around] - cell, corners[around], cv2.LMEDS)
        if H is not None and abs(H[2, 2]) > 1e-9:
            predicted[index] = H[:2, 2] / H[2, 2]
    return predicted
