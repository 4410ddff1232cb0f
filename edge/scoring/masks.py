"""Class masks against the truth: one confusion matrix over the data set, IoU, mIoU and mAcc from it.

Background (id 0) is a class like any other, as in SegMiF's and RTFNet's published evaluation. A class that
cannot be judged is nan and left out of the means: IoU when it is neither in the truth nor in any mask,
accuracy when it is not in the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import UNLABELLED, Float64, UInt8

Int64 = NDArray[np.int64]


def confusion(truth: UInt8, mask: UInt8, classes: int) -> Int64:
    """Count pixels by true class (row) and predicted class (column).

    Args:
        truth: uint8 [H,W] of class ids; 255 is ignored.
        mask: uint8 [H,W] of class ids; 255 (unlabelled) is a miss, counted in the last column.
        classes: C, the number of classes.

    Returns:
        int64 [C, C+1].

    Raises:
        ValueError: the shapes differ, or an id is neither below C nor 255.

    >>> confusion(np.uint8([[0, 0, 1, 255]]), np.uint8([[0, 1, 255, 1]]), 2)
    array([[1, 1, 0],
           [0, 0, 1]])
    """
    if truth.shape != mask.shape:
        raise ValueError(f"truth is {truth.shape}, mask is {mask.shape}")
    judged = truth != UNLABELLED
    rows = truth[judged].astype(np.int64)
    columns = mask[judged].astype(np.int64)
    unlabelled = columns == UNLABELLED
    if (rows >= classes).any() or ((columns >= classes) & ~unlabelled).any():
        raise ValueError(f"an id is not one of the {classes} classes")
    columns[unlabelled] = classes
    counts = np.bincount(rows * (classes + 1) + columns, minlength=classes * (classes + 1))
    return counts.reshape(classes, classes + 1)


def iou(matrix: Int64) -> Float64:
    """Intersection over union of every class from :func:`confusion`, float64 [C].

    nan where a class is neither in the truth nor in the mask.

    >>> iou(np.array([[8, 2, 0], [0, 5, 5]]))
    array([0.8       , 0.41666667])
    """
    hit = np.diagonal(matrix).astype(np.float64)
    union = matrix.sum(axis=1) + matrix[:, :-1].sum(axis=0) - hit
    values = np.full(hit.shape, np.nan)
    np.divide(hit, union, out=values, where=union > 0)
    return values


def accuracy(matrix: Int64) -> Float64:
    """Share of every class's true pixels that are found, TP / (TP + FN), float64 [C]; nan without any.

    >>> accuracy(np.array([[8, 2, 0], [0, 5, 5]]))
    array([0.8, 0.5])
    """
    rows = matrix.sum(axis=1)
    values = np.full(len(matrix), np.nan)
    np.divide(np.diagonal(matrix), rows, out=values, where=rows > 0)
    return values


def miou(matrix: Int64, ids: Sequence[int] | None = None) -> float:
    """Mean of :func:`iou` over ``ids`` (all when None), absent classes left out; nan when none is present.

    >>> round(miou(np.array([[8, 2, 0], [0, 5, 5]])), 4)
    0.6083
    """
    return _mean(iou(matrix), ids)


def macc(matrix: Int64, ids: Sequence[int] | None = None) -> float:
    """Mean of :func:`accuracy` over ``ids`` (all when None), absent classes left out.

    >>> macc(np.array([[8, 2, 0], [0, 5, 5]]))
    0.65
    """
    return _mean(accuracy(matrix), ids)


@dataclass(frozen=True, slots=True)
class MaskScores:
    """``iou`` and ``accuracy`` of every class, nan where it cannot be told; their means without nan."""

    iou: tuple[float, ...]
    accuracy: tuple[float, ...]
    miou: float
    macc: float


class MaskMeter:
    """Adds up one confusion matrix over many masks.

    ``ids`` restricts the means to the classes that can occur; a pixel wrongly given to any other class is
    still a miss of its true one.

    >>> meter = MaskMeter(2)
    >>> meter.add(np.uint8([[0, 1, 1, 1]]), np.uint8([[0, 0, 1, 255]]))
    >>> meter.scores().miou
    0.5
    """

    def __init__(self, classes: int, ids: Sequence[int] | None = None) -> None:
        self.ids = list(range(classes)) if ids is None else list(ids)
        self.matrix: Int64 = np.zeros((classes, classes + 1), np.int64)

    def add(self, mask: UInt8, truth: UInt8) -> None:
        """Count class ids uint8 of one shape, see :func:`confusion`. Raises ValueError as that does."""
        self.matrix += confusion(truth, mask, len(self.matrix))

    def scores(self) -> MaskScores:
        """Scores of everything added."""
        return MaskScores(
            tuple(iou(self.matrix).tolist()),
            tuple(accuracy(self.matrix).tolist()),
            miou(self.matrix, self.ids),
            macc(self.matrix, self.ids),
        )


def _mean(values: Float64, ids: Sequence[int] | None) -> float:
    chosen = values if ids is None else values[list(ids)]
    present = chosen[~np.isnan(chosen)]
    return float(present.mean()) if present.size else float("nan")
