"""Inner corners of a chessboard, sub-pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.board_map import robust_board_map
from rigsight.calibration.detection.effort import DEADLINE_S, Clock
from rigsight.calibration.detection.grey import noise_sigma, resized, stretched, to_native
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
LARGEST_FIRST_SIDE = 800  # of what both detectors see at first: the sector-based one takes 0.7 s at 1280
LARGE_MARGIN = 1.3
LEAST_SIGMA_PX = 0.02  # of a corner, whatever its contrast


def find_chessboard(grey: Image, board: Board, clock: Clock | None = None) -> Float64 | None:
    """Corners float64 [N,2] in pixels, in the detector's order, or None.

    The classic detector comes first (3 ms), on the picture and its negative; the slower sector-based one
    follows where it fails, then both on an enlarged picture when the picture is small, or the classic one on
    the whole of a large picture, of which a smaller copy is looked at first. ``clock`` is asked between the
    attempts; OpenCV's detectors cannot be interrupted, so that the size of their pictures is bounded.
    """
    eight = stretched(grey)
    for picture, found in _attempts(eight, (board.columns, board.rows), clock or Clock(DEADLINE_S)):
        if found is not None:
            corners = refine_corners(grey, to_native(found, picture, grey), board)
            if is_whole_board(grey, corners, board):
                return corners
    return None


def _attempts(eight: Image, pattern: tuple[int, int], clock: Clock) -> Iterator[tuple[Image, Float64 | None]]:
    side = max(eight.shape)
    first = resized(eight, min(1.0, LARGEST_FIRST_SIDE / side))
    pictures = [first]
    if side < SMALLEST_SIDE:
        pictures.append(resized(first, float(np.ceil(SMALLEST_SIDE / side))))
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
    classic_s = 0.0  # that the classic detector last took: it is not begun where it would not end in time
    for picture in pictures:
        for polarity in (picture, 255 - picture):
            if clock.left_s <= classic_s:
                break
            before = clock.left_s
            yield picture, _points(cv2.findChessboardCorners(polarity, pattern, flags=flags))
            classic_s = before - clock.left_s
        for polarity in (picture, 255 - picture):
            if clock.expired:
                return
            yield picture, _points(cv2.findChessboardCornersSB(polarity, pattern))
        flags |= cv2.CALIB_CB_FAST_CHECK  # without it a failure on the enlarged picture costs 0.2 s
    if side > LARGEST_FIRST_SIDE:
        # Small boards in large pictures come last: failing takes 0.5 s at 1280 x 960, in noise 7 s.
        full = resized(eight, min(1.0, LARGEST_SIDE / side))
        classic_s *= full.size / first.size
        for polarity in (full, 255 - full):
            if clock.left_s <= LARGE_MARGIN * classic_s or clock.expired:
                return
            before = clock.left_s
            yield full, _points(cv2.findChessboardCorners(polarity, pattern, flags=flags))
            classic_s = before - clock.left_s


def _points(answer: Any) -> Float64 | None:
    """OpenCV 4 answers [N,1,2], OpenCV 5 [N,2]."""
    found, corners = answer[:2]
    return np.asarray(corners, dtype=np.float64).reshape(-1, 2) if found else None


def refine_corners(grey: Image, corners: Float64, board: Board) -> Float64:
    """Move corners to the saddle points of the raw picture, each in a window that fits its squares.

    A corner that ends far from where a smooth map of the others has it started badly, mostly at the board's
    rim; it starts again from there.
    """
    raw = grey.astype(np.float32)
    half = np.rint(WINDOW_OF_SPACING * nearest_spacing(corners, board))
    half = np.clip(half, *WINDOW_LIMITS).astype(int)
    refined = _to_saddles(raw, corners, half)
    smooth = robust_board_map(refined, board.object_points()[:, :2], (grey.shape[1], grey.shape[0]))
    if smooth is None:
        return refined
    predicted = smooth.to_picture(board.object_points()[:, :2])
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
    height, width = raw.shape
    inside = ((corners >= 0) & (corners <= (width - 1, height - 1))).all(axis=1)  # OpenCV takes no others
    for size in np.unique(half[inside]):
        chosen = np.flatnonzero(inside & (half == size))
        start = corners[chosen].astype(np.float32).reshape(-1, 1, 2)
        moved = cv2.cornerSubPix(raw, start, (int(size), int(size)), (-1, -1), criteria)
        refined[chosen] = np.asarray(moved).reshape(-1, 2)
    return refined


def corner_covariance(grey: Image, corners: Float64, board: Board) -> Float64:
    """Covariance of refined corners, float64 [N,2,2], square pixels: noise by inverse structure tensor.

    Foerstner and Guelch, "A fast operator for detection and precise location of distinct points", ISPRS
    Intercommission Workshop 1987, eq. 3.
    """
    raw = grey.astype(np.float32)
    gx, gy = (cv2.Sobel(raw, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (1, 0))
    half = np.clip(np.rint(WINDOW_OF_SPACING * nearest_spacing(corners, board)), *WINDOW_LIMITS).astype(int)
    tensor = np.zeros((len(corners), 2, 2))
    for size in np.unique(half):
        chosen = np.flatnonzero(half == size)
        at = corners[chosen].astype(np.float32)
        window = (2 * int(size) + 1,) * 2
        for (i, k), product in (((0, 0), gx * gx), ((0, 1), gx * gy), ((1, 1), gy * gy)):
            total = cv2.boxFilter(product, cv2.CV_32F, window, normalize=False)
            values = cv2.remap(total, at[:, None, 0], at[:, None, 1], cv2.INTER_LINEAR)
            tensor[chosen, i, k] = tensor[chosen, k, i] = np.asarray(values).reshape(-1)
    tensor += 1e-3 * np.eye(2)
    found: Float64 = noise_sigma(grey) ** 2 * np.linalg.inv(tensor) + LEAST_SIGMA_PX**2 * np.eye(2)
    return found
