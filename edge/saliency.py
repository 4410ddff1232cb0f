"""VSM saliency look-up tables: the host function ``vsm_tables`` that SegMiF's graph takes as an input."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.edge.frames import Float32, Float64, UInt8, as_uint8

_LEVELS = np.arange(256, dtype=np.float64)
_DISTANCE = np.abs(_LEVELS[:, None] - _LEVELS[None, :])


def vsm_tables(rgb: UInt8, thermal: UInt8) -> Float32:
    """Saliency of every grey level in the visible luma and in the thermal picture.

    V(p) = sum_j h(j) |p - j| over the 256-bin histogram h, min-max scaled to [0, 1] (Ma et al., Infrared
    and visible image fusion based on visual saliency map and weighted least square optimization, 2017).

    Args:
        rgb: uint8 [H,W,3]; its luma is Y = .299 R + .587 G + .114 B, rounded.
        thermal: uint8 [H,W].

    Returns:
        float32 [2,256]: row 0 for the visible luma, row 1 for the thermal picture.

    >>> half = np.zeros((2, 2), np.uint8); half[0] = 255
    >>> table = vsm_tables(np.dstack([half] * 3), half)
    >>> table[1, 0] == table[1, 255], float(table.max())
    (np.True_, 0.0)
    """
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.stack([_saliency(as_uint8(luma)), _saliency(thermal)]).astype(np.float32)


def _saliency(grey: UInt8) -> Float64:
    histogram = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    value: Float64 = _DISTANCE @ histogram
    present = value[histogram > 0]
    span = present.max() - present.min()
    if span <= 0:
        return np.zeros(256)
    scaled: Float64 = np.clip((value - present.min()) / span, 0.0, 1.0)
    return scaled
