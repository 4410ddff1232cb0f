"""Inner corners of a chessboard, sub-pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.grey import resized, stretched, to_native
from rigsight.calibration.detection.grid import nearest_spacing
from rigsight.calibration.pictures import Image

# Half the refinement window as a part of the distance to the nearest corner: larger windows reach the next
# corner (stereo RMS on OpenCV's sample pairs 0.20 px at 0.25, 0.196 at 0.30, 0.22 at 0.35, 1.0 at 0.45).
WINDOW_OF_SPACING = 0.3
WINDOW_LIMITS = (2, 15)
LARGEST_SIDE, SMALLEST_SIDE = 1600, 640


def find_chessboard(grey: Image, board: Board) -> Float64 | None:
    """Corners float64 [N,2] in pixels, in the detector's order, or None.

    The classic detector comes first (3 ms), on the picture and its negative; the slower sector-based one
    follows where it fails, then both on an enlarged picture when the picture is small.
    """
    eight = stretched(grey)
    for picture, found in _attempts(eight, (board.columns, board.rows)):
        if found is not None:
            return refine_corners(grey, to_native(found, picture, grey), board)
    return None


def _attempts(eight: Image, pattern: tuple[int, int]) -> Iterator[tuple[Image, Float64 | None]]:
    side = max(eight.shape)
    first = resized(eight, min(1.0, LARGEST_SIDE / side))
    pictures = [first]
    if side < SMALLEST_SIDE:
        pictures.append(resized(first, float(np.ceil(SMALLEST_SIDE / side))))
    for picture in pictures:
        flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
        for polarity in (picture, 255 - picture):
            yield picture, _points(cv2.findChessboardCorners(polarity, pattern, flags=flags))
        for polarity in (picture, 255 - picture):
            yield picture, _points(cv2.findChessboardCornersSB(polarity, pattern))


def _points(answer: Any) -> Float64 | None:
    """OpenCV 4 answers [N,1,2], OpenCV 5 [N,2]."""
    found, corners = answer[:2]
    return np.asarray(corners, dtype=np.float64).reshape(-1, 2) if found else None


def refine_corners(grey: Image, corners: Float64, board: Board) -> Float64:
    """Move corners to the saddle points of the raw picture, each in a window that fits its squares."""
    spacing = nearest_spacing(corners, board)
    half = np.clip(np.rint(WINDOW_OF_SPACING * spacing), *WINDOW_LIMITS).astype(int)
    raw = grey.astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-3)
    refined = corners.copy()
    for size in np.unique(half):
        chosen = np.flatnonzero(half == size)
        start = corners[chosen].astype(np.float32).reshape(-1, 1, 2)
        moved = cv2.cornerSubPix(raw, start, (int(size), int(size)), (-1, -1), criteria)
        refined[chosen] = np.asarray(moved).reshape(-1, 2)
    return refined
