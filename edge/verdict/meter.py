"""One number for the masks of a whole bundle's labelled pictures, and one for every picture."""

from __future__ import annotations

import math

import numpy as np

from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.frames import UNLABELLED, UInt8
from rigsight.edge.scoring.masks import Int64, confusion, miou


class Meter:
    """F1 of class 1 of a binary bundle at its threshold, mIoU of a semantic one, over all pixels added.

    What is outside the validity mask cannot be found and counts as a miss where the truth names it.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.binary = bundle.spec.task == "binary"
        self.metric = "F1" if self.binary else "mIoU"
        self._classes = len(bundle.spec.classes)
        self._total: Int64 = np.zeros((self._classes, self._classes + 1), np.int64)

    def add(self, mask: UInt8, truth: UInt8) -> float:
        """Count one mask uint8 [H,W]; its own score in 0..1, 1 where there is nothing to find and nothing
        found."""
        counts = confusion(truth, mask, self._classes)
        self._total += counts
        own = self._value(counts)
        return 1.0 if math.isnan(own) else own

    @property
    def value(self) -> float:
        """The score in 0..1 of everything added, nan where no class was seen."""
        return self._value(self._total)

    def _value(self, counts: Int64) -> float:
        return f1(counts) if self.binary else miou(counts)


def f1(counts: Int64) -> float:
    """F1 of class 1 = 2 TP / (2 TP + FP + FN) of a binary confusion matrix int64 [2,3]; nan without any.

    >>> f1(np.array([[90, 2, 0], [3, 5, 0]]))
    0.6666666666666666
    """
    hit = int(counts[1, 1])
    false, missed = int(counts[0, 1]), int(counts[1].sum()) - hit
    return 2 * hit / (2 * hit + false + missed) if hit + false + missed else math.nan


def agreement(mask: UInt8, reference: UInt8) -> float:
    """Share of equal pixels among those that the reference labels; 1 where it labels none.

    >>> agreement(np.uint8([[0, 1, 1, 7]]), np.uint8([[0, 1, 0, 255]]))
    0.6666666666666666
    """
    labelled = reference != UNLABELLED
    return float((mask == reference)[labelled].mean()) if labelled.any() else 1.0
