"""Scores of masks and of fused pictures, numpy only, so that the device can judge itself.

Masks: confusion matrix, IoU, mIoU. Fusion: EN, SD, SF and SCD on greys of 0..255.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import UNLABELLED, Image, UInt8

Float64 = NDArray[np.float64]
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


def miou(matrix: Int64, ids: Sequence[int] | None = None) -> float:
    """Mean of :func:`iou` over ``ids`` (all when None), absent classes left out; nan when none is present.

    >>> round(miou(np.array([[8, 2, 0], [0, 5, 5]])), 4)
    0.6083
    """
    values = iou(matrix) if ids is None else iou(matrix)[list(ids)]
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")


@dataclass(frozen=True, slots=True)
class FusionQuality:
    """EN in bits, SD and SF in grey levels, SCD between -2 and 2; more is better in each."""

    en: float
    sd: float
    sf: float
    scd: float


def fusion_quality(fused: UInt8, visible: UInt8, thermal: UInt8) -> FusionQuality:
    """Score a fused grey picture against its two sources, all uint8 [H,W].

    EN = -sum p log2 p over 256 bins; SD = standard deviation; SF = sqrt(RF^2 + CF^2), RF and CF the root
    mean square of horizontal and vertical first differences (Eskicioglu and Fisher, 1995);
    SCD = r(F - T, V) + r(F - V, T) (Aslantas and Bendes, 2015, eq. 5), where a constant picture correlates 0.

    Raises:
        ValueError: the shapes differ.
    """
    if not fused.shape == visible.shape == thermal.shape or fused.ndim != 2:
        raise ValueError(f"three greys of one size wanted: {fused.shape}, {visible.shape}, {thermal.shape}")
    f, v, t = (np.asarray(grey, dtype=np.float64) for grey in (fused, visible, thermal))
    across = np.square(np.diff(f, axis=1)).mean() if f.shape[1] > 1 else 0.0
    down = np.square(np.diff(f, axis=0)).mean() if f.shape[0] > 1 else 0.0
    return FusionQuality(
        en=entropy(fused),
        sd=float(f.std()),
        sf=float(np.sqrt(across + down)),
        scd=correlation(f - t, v) + correlation(f - v, t),
    )


def entropy(grey: UInt8) -> float:
    """Shannon entropy of a uint8 picture's histogram, bits.

    >>> entropy(np.uint8([[0, 85], [170, 255]]))
    2.0
    """
    counts = np.bincount(grey.ravel(), minlength=256)
    p = counts[counts > 0] / grey.size
    return float(-(p * np.log2(p)).sum() + 0.0)


def correlation(a: Image, b: Image) -> float:
    """Pearson's r of two arrays of one shape; 0 when either is constant."""
    x, y = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum() / scale) if scale > 0 else 0.0
