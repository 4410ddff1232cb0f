"""Probabilities of one foreground class against the truth, at every one of the 256 levels of a uint8.

A pixel is predicted at level t when its probability is at least t. Counts are those of histograms, so they
are exact and cost one pass a picture whatever the number of levels.

With a tolerance of r pixels, precision and recall are the relaxed ones of Mnih and Hinton (2010), which are
the correctness and completeness with a buffer of Wiedemann et al. (1998): a predicted pixel is right within r
of a true one, a true pixel is found within r of a predicted one (Euclidean). One true pixel may answer for
several predicted ones; the Berkeley benchmark's one-to-one matching (Martin et al., 2004) is stricter. IoU
is always counted without tolerance. Cracks are scored with 0 (DeepCrack, SCNet), 2 (CrackTree) or 5 pixels
(CrackForest).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.edge.frames import UNLABELLED, Float64, UInt8, as_uint8
from rigsight.edge.scoring.masks import Int64

LEVELS = 256


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Scores at one level, nan where there is nothing to judge."""

    threshold: int
    f1: float
    precision: float
    recall: float


def operating_point(threshold: int, hit: int, predicted: int, positives: int) -> OperatingPoint:
    """Scores of plain counts. Precision is 1 where nothing is predicted; nan where nothing is true.

    >>> operating_point(128, 6, 8, 12)
    OperatingPoint(threshold=128, f1=0.6, precision=0.75, recall=0.5)
    """
    precision = hit / predicted if predicted else 1.0
    if not positives:
        return OperatingPoint(threshold, math.nan, precision, math.nan)
    return OperatingPoint(threshold, 2 * hit / (predicted + positives), precision, hit / positives)


class ThresholdCounts:
    """Adds up true and false positives over a data set, level by level.

    >>> counts = ThresholdCounts()
    >>> counts.add(np.uint8([[250, 200, 100, 10]]), np.uint8([[1, 1, 0, 1]]))
    >>> counts.ods()
    OperatingPoint(threshold=5, f1=0.8571428571428571, precision=0.75, recall=1.0)
    >>> counts.iou(128)
    0.6666666666666666
    """

    def __init__(self, tolerance_px: float = 0) -> None:
        if tolerance_px < 0:
            raise ValueError(f"a tolerance of {tolerance_px} px")
        self.tolerance_px = tolerance_px
        self.images = 0
        self.positives = 0
        self._predicted: Int64 = np.zeros(LEVELS, np.int64)
        self._hit: Int64 = np.zeros(LEVELS, np.int64)
        self._right: Int64 = np.zeros(LEVELS, np.int64)
        self._found: Int64 = np.zeros(LEVELS, np.int64)
        self._best: list[float] = []

    def add(self, probability: UInt8, truth: UInt8) -> None:
        """Count one picture.

        Args:
            probability: uint8 [H,W], 255 for certainty.
            truth: uint8 [H,W] of 0 and 1; 255 (unlabelled) counts nowhere.

        Raises:
            ValueError: the shapes differ, or the truth holds other values.
        """
        if probability.shape != truth.shape:
            raise ValueError(f"truth is {truth.shape}, probability is {probability.shape}")
        true, judged = truth == 1, truth != UNLABELLED
        if not (true | ~judged | (truth == 0)).all():
            raise ValueError("the truth holds other values than 0, 1 and 255")
        predicted = reaching(probability[judged])
        hit = right = found = reaching(probability[true])
        if self.tolerance_px:
            disc = _disc(self.tolerance_px)
            near = _dilate(true.astype(np.uint8), disc) > 0
            right = reaching(probability[near & judged])
            found = reaching(_dilate(np.where(judged, probability, 0).astype(np.uint8), disc)[true])
        positives = int(true.sum())
        self.images += 1
        self.positives += positives
        self._predicted += predicted
        self._hit += hit
        self._right += right
        self._found += found
        if positives:
            self._best.append(float(_f1(_share(right, predicted), found / positives).max()))

    def curve(self) -> tuple[Float64, Float64]:
        """Precision and recall at the levels 0..255, float64 [256] each.

        Precision is 1 where nothing is predicted; recall is nan without a true pixel.
        """
        recall = self._found / self.positives if self.positives else np.full(LEVELS, np.nan)
        return _share(self._right, self._predicted), recall

    def at(self, threshold: int) -> OperatingPoint:
        """Scores at one level."""
        precision, recall = self.curve()
        p, r = float(precision[threshold]), float(recall[threshold])
        return OperatingPoint(threshold, float(_f1(precision, recall)[threshold]), p, r)

    def f1(self, threshold: int) -> float:
        """F1 over all pictures at one level."""
        return self.at(threshold).f1

    def ods(self) -> OperatingPoint:
        """The level of the best F1 over all pictures (optimal data set scale); the middle one of equals."""
        f1 = _f1(*self.curve())
        equals = np.flatnonzero(f1 == f1.max()) if self.positives else np.arange(LEVELS)
        return self.at(int(equals[len(equals) // 2]))

    def ois(self) -> float:
        """Mean of every picture's best F1 (optimal image scale); those without truth are left out."""
        return float(np.mean(self._best)) if self._best else float("nan")

    def auprc(self) -> float:
        """Area under precision over recall as steps: sum of (R[t] - R[t+1]) P[t], no interpolation."""
        precision, recall = self.curve()
        gained = recall - np.append(recall[1:], 0.0)
        return float((gained * precision).sum())

    def iou(self, threshold: int) -> float:
        """Foreground TP / (TP + FP + FN) over all pictures at one level, without tolerance; nan for 0/0."""
        hit = int(self._hit[threshold])
        union = int(self._predicted[threshold]) + self.positives - hit
        return hit / union if union else float("nan")


def reaching(values: UInt8) -> Int64:
    """How many of the values are at least t, for every level t: int64 [256].

    >>> reaching(np.uint8([0, 2, 2]))[:4]
    array([3, 2, 2, 0])
    """
    return np.cumsum(np.bincount(values, minlength=LEVELS)[::-1])[::-1]


def _share(part: Int64, whole: Int64) -> Float64:
    result = np.ones(LEVELS)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def _f1(precision: Float64, recall: Float64) -> Float64:
    total = precision + recall
    result = np.zeros(LEVELS)
    np.divide(2 * precision * recall, total, out=result, where=total != 0)
    return result


def _disc(radius: float) -> UInt8:
    """The offsets no farther than ``radius``, uint8 of ones and zeros."""
    reach = int(radius)
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return as_uint8((x * x + y * y <= radius * radius).astype(np.uint8))


def _dilate(image: UInt8, disc: UInt8) -> UInt8:
    return as_uint8(cv2.dilate(image, disc))
