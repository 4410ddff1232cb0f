"""What colour and temperature of a single pixel tell: the floor that a network has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import UNLABELLED, Image, UInt8

FINE = (4, 5)  # bits of every colour and of the thermal grey
COARSE = (2, 3)
BORROWED = 4.0  # pixels of the coarse cell that count in every fine one


class PixelBaseline:
    """Histogram classifier on a pixel's quantised colour and thermal grey together (16^3 x 32 cells).

    The class with most training pixels in the cell, weighed by 1 / sqrt(frequency of the class), which scored
    best of no, root and full weighing on all three scenes. Thin cells borrow from coarser ones. It sees
    what the network sees, one pixel at a time.

    >>> baseline = PixelBaseline(2)
    >>> rgb = np.zeros((1, 4, 3), np.uint8); rgb[0, 2:] = 200
    >>> warm = np.uint8([[10, 200, 10, 200]])
    >>> baseline.add(rgb, warm, np.uint8([[0, 1, 0, 1]]))
    >>> baseline.predict(rgb, warm)
    array([[0, 1, 0, 1]], dtype=uint8)
    """

    def __init__(self, classes: int) -> None:
        self._fine = np.zeros((1 << 3 * FINE[0] + FINE[1], classes), np.float32)
        self._coarse = np.zeros((1 << 3 * COARSE[0] + COARSE[1], classes), np.float32)
        self._weights: NDArray[np.float32] = np.zeros(classes, np.float32)

    def add(self, rgb: UInt8, thermal: UInt8, truth: UInt8) -> None:
        """Learn from one aligned set: RGB uint8 [H,W,3], thermal uint8 [H,W], class ids uint8 [H,W]."""
        judged = truth != UNLABELLED
        labels = truth[judged].astype(np.int64)
        for table, bits in ((self._fine, FINE), (self._coarse, COARSE)):
            places = _cells(rgb, thermal, bits)[judged] * table.shape[1] + labels
            table += np.bincount(places, minlength=table.size).reshape(table.shape)
        totals = self._coarse.sum(axis=0)
        self._weights = np.where(totals > 0, 1 / np.sqrt(np.maximum(totals, 1)), 0).astype(np.float32)

    def predict(self, rgb: UInt8, thermal: UInt8) -> UInt8:
        """Most probable class of every pixel, uint8 [H,W]."""
        totals = self._coarse.sum(axis=0)
        near = self._coarse[_cells(rgb, thermal, COARSE)] + 1e-3 * totals / max(float(totals.sum()), 1.0)
        near *= BORROWED / np.maximum(near.sum(axis=-1, keepdims=True), 1e-9)
        votes = (self._fine[_cells(rgb, thermal, FINE)] + near) * self._weights
        best: UInt8 = votes.argmax(axis=-1).astype(np.uint8)
        return best


def _cells(rgb: UInt8, thermal: UInt8, bits: tuple[int, int]) -> Image:
    color, grey = bits
    red, green, blue = (rgb[..., i].astype(np.int64) >> (8 - color) for i in range(3))
    return ((red << color | green) << color | blue) << grey | thermal.astype(np.int64) >> (8 - grey)
