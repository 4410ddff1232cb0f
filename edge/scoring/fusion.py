"""Scores of a fused picture against its two sources: EN, SD, SF and SCD on greys of 0..255."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rigsight.edge.frames import Image, UInt8


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
