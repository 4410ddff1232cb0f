"""Masks of found things: from the small grids inside their boxes to the picture."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.edge.frames import Float32, UInt8, as_uint8


def paste_mask(grid: Float32, box: Float32, height: int, width: int, threshold: float = 0.5) -> UInt8:
    """A mask head's probabilities as a mask of the picture, uint8 0 or 1 [height,width].

    The grid's cells fill the box edge to edge and are interpolated between their centres; beyond them they
    fall to zero. (Pasting into boxes of whole pixels would shift small masks by up to a pixel.)

    Args:
        grid: probabilities [M,M].
        box: x0, y0, x1, y1 in pixels, a pixel's centre at + 0.5.
        height: of the picture.
        width: of the picture.
        threshold: least probability of the mask.

    >>> grid = np.ones((4, 4), np.float32)
    >>> paste_mask(grid, np.array([1, 0, 3, 2], np.float32), 3, 4)
    array([[0, 1, 1, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]], dtype=uint8)
    """
    mask = np.zeros((height, width), np.uint8)
    x0, y0, x1, y1 = (float(v) for v in box)
    left, right = max(int(np.floor(x0)), 0), min(int(np.ceil(x1)), width)
    top, bottom = max(int(np.floor(y0)), 0), min(int(np.ceil(y1)), height)
    if right <= left or bottom <= top:
        return mask
    side = grid.shape[0]
    u = (np.arange(left, right, dtype=np.float32) + 0.5 - x0) * (side / max(x1 - x0, 1e-6)) - 0.5
    v = (np.arange(top, bottom, dtype=np.float32) + 0.5 - y0) * (side / max(y1 - y0, 1e-6)) - 0.5
    columns, rows = np.meshgrid(u.astype(np.float32), v.astype(np.float32))
    values = cv2.remap(
        np.ascontiguousarray(grid, np.float32),
        columns,
        rows,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    mask[top:bottom, left:right] = values >= threshold
    return as_uint8(mask)
