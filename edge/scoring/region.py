"""Region F1: does each patch of 32 x 32 pixels hold a crack, and was it found? (SCNet, eqs. 12-14.)

A patch is cracked when at least 5 % of its pixels are cracks in the truth. A cracked patch is found when at
least half of its true crack pixels are predicted. The paper leaves false alarms open; here a patch that is
not cracked is one when at least 5 % of its pixels are predicted.

Each patch changes its answer at one level of the probability, so histograms of those levels give the F1 at
all 256 thresholds at once.
"""

from __future__ import annotations

import numpy as np

from rigsight.edge.frames import UNLABELLED, UInt8
from rigsight.edge.scoring.masks import Int64
from rigsight.edge.scoring.thresholds import LEVELS, OperatingPoint, operating_point, reaching

PATCH = 32
SHARE_OF_PATCH, SHARE_OF_CRACK = 0.05, 0.5


class RegionCounts:
    """Adds up found, missed and falsely reported patches over a data set, level by level.

    The grid starts at the upper left corner; patches that the right or lower border cuts count by the pixels
    they have, and unlabelled pixels belong to no patch.
    """

    def __init__(self, patch: int = PATCH) -> None:
        self.patch = patch
        self.cracked = 0
        self._found: Int64 = np.zeros(LEVELS, np.int64)
        self._alarms: Int64 = np.zeros(LEVELS, np.int64)

    def add(self, probability: UInt8, truth: UInt8) -> None:
        """Count one picture: ``probability`` uint8 [H,W], ``truth`` uint8 [H,W] of 0, 1 and 255 (unlabelled).

        Raises:
            ValueError: the shapes differ.
        """
        if probability.shape != truth.shape:
            raise ValueError(f"truth is {truth.shape}, probability is {probability.shape}")
        true, values = self._patches(truth, UNLABELLED), self._patches(probability, 0)
        judged, cracks = (true != UNLABELLED).sum(axis=1), (true == 1).sum(axis=1)
        least = np.ceil(SHARE_OF_PATCH * judged - 1e-9).astype(np.int64)
        cracked, clean = (cracks >= least) & (judged > 0), (cracks < least) & (judged > 0)
        self.cracked += int(cracked.sum())
        half = np.ceil(SHARE_OF_CRACK * cracks[cracked]).astype(np.int64)
        self._found += reaching(_nth_largest(values[cracked], true[cracked] == 1, half))
        self._alarms += reaching(_nth_largest(values[clean], true[clean] != UNLABELLED, least[clean]))

    def at(self, threshold: int) -> OperatingPoint:
        """Precision, recall and F1 over patches at one level."""
        found = int(self._found[threshold])
        return operating_point(threshold, found, found + int(self._alarms[threshold]), self.cracked)

    def best(self) -> OperatingPoint:
        """The level of the best F1, the middle one of equals."""
        points = [self.at(level) for level in range(LEVELS)]
        top = max(point.f1 for point in points)
        equals = [point for point in points if not point.f1 < top]  # all of them where F1 is nan
        return equals[len(equals) // 2]

    def _patches(self, image: UInt8, border: int) -> UInt8:
        """uint8 [patches, patch * patch]."""
        size = self.patch
        (down, across) = (-side % size for side in image.shape)
        whole = np.pad(image, ((0, down), (0, across)), constant_values=border)
        rows, columns = whole.shape[0] // size, whole.shape[1] // size
        return whole.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(rows * columns, size * size)


def _nth_largest(values: UInt8, among: np.ndarray, n: Int64) -> UInt8:
    """The n-th largest (from 1) of every row's values ``among`` the marked ones: uint8 [rows].

    That is the highest level at which n of them are predicted.
    """
    ranked = np.sort(np.where(among, values, 0), axis=1)[:, ::-1]
    return np.take_along_axis(ranked, n[:, None] - 1, axis=1)[:, 0]
