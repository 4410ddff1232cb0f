"""Finding a board again near its last place: predict, refine, verify. For live pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.chessboard import corner_covariance, is_whole_board, refine_corners
from rigsight.calibration.detection.circles import Proposal, refine_grid
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.detection.discs import spacing_px
from rigsight.calibration.detection.grey import stretched, to_grey, without_lines
from rigsight.calibration.detection.grid import in_view_order
from rigsight.calibration.pictures import Image

WINDOW_OF_SPACING = 1.2  # side of the flow's window
LEAST_WINDOW_PX, MOST_WINDOW_PX = 9, 31
LEVELS = 3
LARGEST_STEP = 0.25  # of a point against what the board as a whole did, as a part of the spacing
FEWEST_FOLLOWED = 0.7
TRACK_ROUNDS = (2, 2)  # of the fit: it starts near


def track(image: Image, board: Board, previous: Detection, before: Image | None = None) -> Detection | None:
    """The board in ``image``, from where it was in ``before``; None where it must be searched for again.

    The optical flow of the points tells how the board moved (Lucas and Kanade, pyramidal); the same fits
    and tests as in :func:`rigsight.calibration.detection.detect.detect` follow, so that a lost board is not
    held on to.

    Args:
        image: the new picture.
        board: a chessboard or a grid of circles; boards with markers are found quickly without this.
        previous: of the whole board, in ``before``.
        before: the picture of ``previous``, of the same size; without it the board may have moved by a
            third of a circle or a few pixels only.
    """
    grey = to_grey(image)
    size = (grey.shape[1], grey.shape[0])
    if board.marker_count or previous.size != size or len(previous.points) != board.count:
        return None
    points: Float64 | None = previous.points
    if before is not None:
        points = _moved(stretched(to_grey(before)), stretched(grey), previous.points)
    if points is None or (points < 0).any() or (points > np.array(size) - 1).any():
        return None
    if board.kind == "chessboard":
        corners = refine_corners(grey, points, board)
        ordered = in_view_order(corners, board) if is_whole_board(grey, corners, board) else None
        if ordered is None:
            return None
        return Detection(ordered, size, covariance=corner_covariance(grey, ordered, board))
    grid = refine_grid(without_lines(grey), Proposal(points, board.circle_m / 2, 1.0), board, TRACK_ROUNDS)
    if grid is None:
        return None
    return Detection(grid.points, size, covariance=grid.covariance, ellipse_centres=grid.ellipse_centres)


def _moved(old: Image, new: Image, points: Float64) -> Float64 | None:
    """Where points went, those that were lost or astray as a homography of the others has them."""
    spacing = spacing_px(points)
    window = int(np.clip(WINDOW_OF_SPACING * spacing, LEAST_WINDOW_PX, MOST_WINDOW_PX)) | 1
    start = points.astype(np.float32).reshape(-1, 1, 2)
    flow: Any = cv2.calcOpticalFlowPyrLK  # its stubs know no None for the points to find
    found, followed, _ = flow(old, new, start, None, winSize=(window, window), maxLevel=LEVELS)
    moved = np.asarray(found, dtype=np.float64).reshape(-1, 2)
    good = np.asarray(followed).reshape(-1) == 1
    if good.mean() < FEWEST_FOLLOWED or good.sum() < 6:
        return None
    H, _ = cv2.findHomography(points[good], moved[good], cv2.LMEDS)
    if H is None:
        return None
    predicted = np.asarray(cv2.perspectiveTransform(points.reshape(-1, 1, 2), H)).reshape(-1, 2)
    astray = ~good | (np.linalg.norm(predicted - moved, axis=1) > LARGEST_STEP * spacing)
    if astray.mean() > 1 - FEWEST_FOLLOWED:
        return None
    placed: Float64 = np.where(astray[:, None], predicted, moved)
    return placed
