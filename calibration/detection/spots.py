"""Candidates for large circles: round connected regions above or below their surroundings.

Large discs under strong perspective differ too much from circles for :mod:`blobs`, and are easy to
threshold.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from rigsight.calibration.boards import Float64
from rigsight.calibration.detection.blobs import Blobs
from rigsight.calibration.detection.grey import resized, stretched, to_native
from rigsight.calibration.pictures import Image

WORKING_SIDE = 640
# Background windows as a part of the longer side: they must be larger than a circle.
WINDOWS = (0.2, 0.1, 0.05)
LEVELS = (0.25, 0.12)  # of the contrast
ROUNDNESS = (0.8, 1.15)
THINNEST = 0.25
SIZE_RANGE = 3.0
MOST_CANDIDATES = 3.0  # of the board's points; only those most alike in size are kept
LEAST_AREA_PX = 12


def spot_sets(grey: Image, count: int) -> Iterator[Blobs]:
    """Round regions, a set for each polarity, background window and threshold; at least ``count`` each."""
    picture = stretched(resized(grey, min(1.0, WORKING_SIDE / max(grey.shape))))
    ratio = grey.shape[1] / picture.shape[1]
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.2)
    for window in WINDOWS:
        size = int(window * max(picture.shape)) | 1
        detail = smooth - cv2.blur(smooth, (size, size))
        low, high = np.percentile(detail[::2, ::2], (1, 99))
        for level in LEVELS:
            for sign in (1.0, -1.0):
                mask = (sign * detail > level * (high - low)).astype(np.uint8)
                alike = _of_like_size(_round_regions(mask, size), count)
                if len(alike) >= count:
                    points = to_native(alike[:, :2], picture, grey)
                    yield Blobs(points, np.ones(len(points)), ratio * np.sqrt(alike[:, 2] / np.pi))


def _round_regions(mask: Image, largest: int) -> Float64:
    """Round regions of a binary picture: x, y and area in pixels, float64 [M,3].

    A filled ellipse has area = 4 pi sqrt(det of its second moments); other shapes have less.
    """
    total, labels, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    x, y = centres[:, 0], centres[:, 1]
    rows, columns = np.nonzero(mask)
    label = labels[rows, columns]
    dx, dy = columns - x[label], rows - y[label]
    xx, yy, xy = (
        np.bincount(label, product, total) / area + pixel
        for product, pixel in ((dx * dx, 1 / 12), (dy * dy, 1 / 12), (dx * dy, 0.0))
    )
    determinant = np.maximum(xx * yy - xy * xy, 1e-12)
    roundness = area / (4 * np.pi * np.sqrt(determinant))
    half_trace = (xx + yy) / 2
    spread = np.sqrt(np.maximum(half_trace**2 - determinant, 0))
    thin = np.sqrt(np.maximum(half_trace - spread, 0) / (half_trace + spread))
    keep = (area >= LEAST_AREA_PX) & (area <= largest**2) & (thin >= THINNEST)
    keep &= (roundness >= ROUNDNESS[0]) & (roundness <= ROUNDNESS[1])
    keep[0] = False  # the background
    found: Float64 = np.stack([x, y, area], axis=1)[keep]
    return found


def _of_like_size(regions: Float64, count: int) -> Float64:
    """The largest group whose diameters lie within a factor of ``SIZE_RANGE``, [M,3]."""
    if len(regions) < count:
        return np.empty((0, 3))
    ordered = regions[np.argsort(regions[:, 2])]
    diameter = np.sqrt(ordered[:, 2])
    ends = np.searchsorted(diameter, diameter * SIZE_RANGE, side="right")
    start = int(np.argmax(ends - np.arange(len(diameter))))
    group = ordered[start : ends[start]]
    off = np.abs(np.log(group[:, 2] / np.median(group[:, 2])))
    chosen: Float64 = group[np.argsort(off)[: int(MOST_CANDIDATES * count)]]
    return chosen
