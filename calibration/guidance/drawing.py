"""Pictures for people: what was found, where the board has been, and where it should go."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.detection.grey import stretched
from rigsight.calibration.guidance.coverage import COLUMNS, ROWS, coverage
from rigsight.calibration.pictures import Image

SHOWN_WIDTH = 640  # small pictures are enlarged, large ones reduced
FOUND, STILL, GHOST, TOP, HALO = (255, 196, 0), (64, 230, 110), (80, 200, 255), (255, 90, 160), (0, 0, 0)
COVERED = (70, 160, 255)
SUBPIXEL = 4  # bits

Drawn = NDArray[np.uint8]


def annotate(
    picture: Image, seen: Detection | None, ghost: Float64 | None, still: bool, views: Sequence[Detection]
) -> Drawn:
    """Draw over a picture, uint8 [H,W,3] RGB, ``SHOWN_WIDTH`` wide.

    Args:
        picture: uint8 or uint16, [H,W] or [H,W,3].
        seen: its points are drawn, green when held ``still``.
        ghost: edge of the board as it should be held, pixels float64 [N,2] from the first corner on; the
            board's top side is a thick line of another colour.
        still: see ``seen``.
        views: where the board was before; those cells are tinted.
    """
    scale = SHOWN_WIDTH / picture.shape[1]
    shown = _eight_bit(picture, scale)
    _tint(shown, views)
    if ghost is not None and np.isfinite(ghost).all():
        edge = _fixed(ghost, scale)
        side = len(edge) // 4
        cv2.polylines(shown, [edge], True, HALO, 7, cv2.LINE_AA, SUBPIXEL)
        cv2.polylines(shown, [edge], True, GHOST, 3, cv2.LINE_AA, SUBPIXEL)
        cv2.polylines(shown, [edge[: side + 1]], False, HALO, 11, cv2.LINE_AA, SUBPIXEL)
        cv2.polylines(shown, [edge[: side + 1]], False, TOP, 7, cv2.LINE_AA, SUBPIXEL)
    if seen is not None:
        points = _fixed(seen.points, scale)
        colour = STILL if still else FOUND
        for point in points:
            cv2.circle(shown, point.tolist(), 5 << SUBPIXEL, HALO, -1, cv2.LINE_AA, SUBPIXEL)
            cv2.circle(shown, point.tolist(), 4 << SUBPIXEL, colour, -1, cv2.LINE_AA, SUBPIXEL)
    return shown


def _eight_bit(picture: Image, scale: float) -> Drawn:
    size = SHOWN_WIDTH, max(1, round(picture.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, size, interpolation=how)
    grey = stretched(small) if small.dtype != np.uint8 or small.ndim == 2 else small
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB) if grey.ndim == 2 else np.array(grey)
    return np.asarray(colour, dtype=np.uint8)


def _tint(shown: Drawn, views: Sequence[Detection]) -> None:
    """Colour the cells where the board has been, the more the more often."""
    if not views:
        return
    counts = np.array(coverage(views), dtype=np.float32)
    height, width = shown.shape[:2]
    strength = 0.2 * (1 - 0.6**counts)
    for row, column in np.argwhere(counts > 0):
        top, bottom = row * height // ROWS, (row + 1) * height // ROWS
        left, right = column * width // COLUMNS, (column + 1) * width // COLUMNS
        cell = shown[top:bottom, left:right]
        share = float(strength[row, column])
        cv2.addWeighted(cell, 1 - share, np.full_like(cell, COVERED), share, 0, dst=cell)


def _fixed(points: Float64, scale: float) -> NDArray[np.int32]:
    """Pixels of the raw picture as fixed-point pixels of the shown one, int32 [N,2]."""
    shown = (points + 0.5) * scale - 0.5
    return np.rint(np.clip(shown, -1e4, 1e4) * (1 << SUBPIXEL)).astype(np.int32)
