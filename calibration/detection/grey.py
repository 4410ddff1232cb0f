"""Grey pictures for detection; the raw ones stay for localisation."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Float64
from rigsight.calibration.pictures import Image

PERCENTILES = (0.5, 99.5)
ENOUGH_CONTRAST = 128


def to_grey(image: Image) -> Image:
    """Luma of an RGB picture, or the grey picture itself; the depth stays."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image


def stretched(grey: Image) -> NDArray[np.uint8]:
    """8 bits with full contrast: percentiles 0.5 and 99.5 become 0 and 255 unless they are far apart."""
    low, high = np.percentile(grey, PERCENTILES)
    if grey.dtype == np.uint8 and high - low >= ENOUGH_CONTRAST:
        return grey
    scale = 255.0 / max(high - low, 1.0)
    eight: NDArray[np.uint8] = np.clip((grey.astype(np.float32) - low) * scale, 0, 255).astype(np.uint8)
    return eight


def resized(grey: Image, scale: float) -> Image:
    """The picture at another scale (area average down, cubic up)."""
    if scale == 1:
        return grey
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how)


def to_native(points: Float64, scaled: Image, grey: Image) -> Float64:
    """Pixels of a resized picture -> pixels of the original (centres at integers)."""
    ratio = np.array([grey.shape[1] / scaled.shape[1], grey.shape[0] / scaled.shape[0]])
    native: Float64 = (points + 0.5) * ratio - 0.5
    return native


def noise_sigma(grey: Image) -> float:
    """Standard deviation of the noise from pixel to pixel, grey values, at least that of rounding.

    Immerkaer, "Fast noise variance estimation", CVIU 1996, with the median in place of the mean; rows and
    columns that are brighter as a whole do not count.
    """
    kernel = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32)
    detail = cv2.filter2D(grey.astype(np.float32), cv2.CV_32F, kernel)
    sample = np.abs(detail[:: max(1, grey.shape[0] // 120), :: max(1, grey.shape[1] // 160)])
    return max(float(np.median(sample)) / 0.6745 / 6, 12**-0.5)


def without_lines(grey: Image) -> NDArray[np.float32]:
    """The picture without what whole rows and columns are brighter than their neighbours, float32 [H,W].

    Readout noise of thermal cameras; discs of a few pixels are hardly seen behind it. The median along each
    row and column of what a median filter of 5 x 5 removes is subtracted, of which structure is a small
    part, and at most the noise of a pixel, so that none is bent.

    >>> picture = np.full((60, 80), 50, np.uint8)
    >>> picture[20] = 51
    >>> float(np.ptp(without_lines(picture))) < 0.8
    True
    """
    values = grey.astype(np.float32)
    most = noise_sigma(values)
    detail = values - cv2.medianBlur(values, 5)
    for axis in (1, 0):
        line = np.clip(np.median(detail, axis=axis, keepdims=True), -most, most).astype(np.float32)
        values -= line
        detail -= line
    return values
