"""Greedy non-maximum suppression of boxes in numpy."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import Float32

Int64 = NDArray[np.int64]
BLOCK = 256


def box_iou(a: Float32, b: Float32) -> Float32:
    """Intersection over union of every box of ``a`` [N,4] with every one of ``b`` [M,4]; float32 [N,M].

    Boxes are x0, y0, x1, y1. Two boxes without area have no overlap: NaN.

    >>> box_iou(np.float32([[0, 0, 2, 2]]), np.float32([[1, 0, 3, 2], [4, 4, 5, 5]])).round(3).tolist()
    [[0.3330000042915344, 0.0]]
    """
    area_a, area_b = ((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) for box in (a, b))
    width = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    common = np.maximum(width, 0) * np.maximum(height, 0)
    with np.errstate(invalid="ignore"):
        return cast(Float32, common / (area_a[:, None] + area_b[None, :] - common))


def suppress(boxes: Float32, scores: Float32, threshold: float, limit: int | None = None) -> Int64:
    """Indices of the boxes that stay, best first: no better one that stays overlaps them by more.

    Blocks of the best are compared among themselves and then with all that follow, so that memory grows with
    the number of boxes and not with its square.

    Args:
        boxes: float32 [N,4].
        scores: float32 [N]; of equal ones the first is the better.
        threshold: IoU above which the worse box goes.
        limit: of the boxes that stay, at most.

    >>> boxes = np.float32([[0, 0, 4, 4], [0, 0, 4, 5], [9, 9, 12, 12]])
    >>> suppress(boxes, np.float32([0.5, 0.9, 0.7]), 0.5).tolist()
    [1, 2]
    """
    order = np.argsort(-scores, kind="stable")
    ranked, alive = boxes[order], np.ones(len(boxes), np.bool_)
    # Compared in float64, as the threshold is: 0.7 is not a float32.
    limiting, kept, count = np.float64(threshold), [], 0
    for start in range(0, len(boxes), BLOCK):
        block = start + np.flatnonzero(alive[start : start + BLOCK])
        stays = _greedy(box_iou(ranked[block], ranked[block]) > limiting)
        kept.append(block[stays])
        count += len(kept[-1])
        if limit is not None and count >= limit:
            break
        later = start + BLOCK + np.flatnonzero(alive[start + BLOCK :])
        alive[later] &= ~(box_iou(ranked[kept[-1]], ranked[later]) > limiting).any(axis=0)
    found: Int64 = order[np.concatenate(kept)][:limit] if kept else np.zeros(0, np.int64)
    return found


def _greedy(overlaps: NDArray[np.bool_]) -> Int64:
    """Which of the boxes, best first, stay: ``overlaps`` bool [N,N]."""
    gone, stays = np.zeros(len(overlaps), np.bool_), []
    for i, row in enumerate(overlaps):
        if not gone[i]:
            stays.append(i)
            gone |= row
    return np.array(stays, np.int64)
