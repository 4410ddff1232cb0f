"""A per-pixel classifier on (R, G, B, T) without any context: what colour and temperature alone can tell."""

from __future__ import annotations

import numpy as np

from rigsight.edge.frames import UNLABELLED, Float64, UInt8

LEVELS = 16


class PixelClassifier:
    """Histogram classifier: the class with most training pixels in the cell of 16^4 quantised colours.

    It is fitted to one scene, so it knows which classes can occur, and ``balanced`` weighs classes by
    1 / sqrt(frequency) as the networks' loss does. Empty cells borrow from a four times coarser table.
    """

    def __init__(self, classes: int, balanced: bool) -> None:
        self.classes, self.balanced = classes, balanced
        self._fine = np.zeros((LEVELS**4, classes))
        self._coarse = np.zeros(((LEVELS // 4) ** 4, classes))
        self._answer: UInt8 | None = None

    def add(self, rgb: UInt8, thermal: UInt8, labels: UInt8) -> None:
        """Count the pixels of one set: uint8 [H,W,3], [H,W], [H,W]."""
        known = labels != UNLABELLED
        truth = labels[known].astype(np.int64)
        for table, levels in ((self._fine, LEVELS), (self._coarse, LEVELS // 4)):
            cells = _cells(rgb, thermal, levels)[known]
            counts = np.bincount(cells * self.classes + truth, minlength=table.size)
            table += counts.reshape(table.shape)
        self._answer = None

    def __call__(self, rgb: UInt8, thermal: UInt8) -> UInt8:
        """Class ids uint8 [H,W]."""
        if self._answer is None:
            self._answer = self._decide()
        return self._answer[_cells(rgb, thermal, LEVELS)]

    def _decide(self) -> UInt8:
        coarse_of_fine = _coarser(np.arange(LEVELS**4))
        weights = self._weights()
        prior = self._coarse[coarse_of_fine] * weights
        prior = prior / np.maximum(prior.sum(1, keepdims=True), 1e-9)
        answer: UInt8 = (self._fine * weights + 0.5 * prior).argmax(1).astype(np.uint8)
        return answer

    def _weights(self) -> Float64:
        totals = self._fine.sum(0)
        if not self.balanced:
            return np.ones_like(totals)
        weights: Float64 = np.where(totals > 0, np.sqrt(totals.sum() / np.maximum(totals, 1)), 0.0)
        return weights


def _cells(rgb: UInt8, thermal: UInt8, levels: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    step = 256 // levels
    r, g, b = (rgb[..., i].astype(np.int64) // step for i in range(3))
    return ((r * levels + g) * levels + b) * levels + thermal // step


def _coarser(
    cells: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    levels, out, scale = LEVELS // 4, np.zeros_like(cells), 1
    for _ in range(4):
        out += (cells % LEVELS) // 4 * scale
        cells, scale = cells // LEVELS, scale * levels
    return out
