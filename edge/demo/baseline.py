"""What colour and temperature of a single pixel tell: the floor that a network has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import UNLABELLED, Image, UInt8

COLOUR_BITS = 4
THERMAL_BITS = 6


class PixelBaseline:
    """Naive Bayes on a pixel's quantised RGB colour (16^3 bins) and thermal grey (64 bins).

    ``log p(class) + log p(colour | class) + log p(thermal | class)``, with add-one smoothing. It sees
    what the network sees, one pixel at a time.

    >>> baseline = PixelBaseline(2)
    >>> rgb = np.zeros((1, 4, 3), np.uint8); rgb[0, 2:] = 200
    >>> warm = np.uint8([[10, 200, 10, 200]])
    >>> baseline.add(rgb, warm, np.uint8([[0, 1, 0, 1]]))
    >>> baseline.predict(rgb, warm)
    array([[0, 1, 0, 1]], dtype=uint8)
    """

    def __init__(self, classes: int) -> None:
        self._colour = np.zeros((classes, 1 << 3 * COLOUR_BITS))
        self._thermal = np.zeros((classes, 1 << THERMAL_BITS))
        self._tables: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def add(self, rgb: UInt8, thermal: UInt8, truth: UInt8) -> None:
        """Learn from one aligned set: RGB uint8 [H,W,3], thermal uint8 [H,W], class ids uint8 [H,W]."""
        judged = truth != UNLABELLED
        labels = truth[judged].astype(np.int64)
        for table, bins in (
            (self._colour, _colour_bins(rgb)[judged]),
            (self._thermal, _thermal_bins(thermal)[judged]),
        ):
            table += np.bincount(labels * table.shape[1] + bins, minlength=table.size).reshape(table.shape)
        self._tables = None

    def predict(self, rgb: UInt8, thermal: UInt8) -> UInt8:
        """Most probable class of every pixel, uint8 [H,W]."""
        if self._tables is None:
            total = self._colour.sum(axis=1, keepdims=True)
            prior = np.log(np.maximum(total, 1e-9) / max(total.sum(), 1e-9))
            # One row a bin: a pixel then looks up all its classes at once.
            self._tables = (
                np.ascontiguousarray((_log_likelihood(self._colour) + prior).T, dtype=np.float32),
                np.ascontiguousarray(_log_likelihood(self._thermal).T, dtype=np.float32),
            )
        score = self._tables[0][_colour_bins(rgb)] + self._tables[1][_thermal_bins(thermal)]
        best: UInt8 = score.argmax(axis=-1).astype(np.uint8)
        return best


def _colour_bins(rgb: UInt8) -> Image:
    high = (rgb >> (8 - COLOUR_BITS)).astype(np.int64)
    return (high[..., 0] << 2 * COLOUR_BITS) | (high[..., 1] << COLOUR_BITS) | high[..., 2]


def _thermal_bins(thermal: UInt8) -> Image:
    return (thermal >> (8 - THERMAL_BITS)).astype(np.int64)


def _log_likelihood(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    likelihood: NDArray[np.float64] = np.log((counts + 1) / (counts + 1).sum(axis=1, keepdims=True))
    return likelihood
