"""Grids of circles: blobs of either polarity, a grid grown over them, centres taken from the raw picture."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.grey import resized, stretched, to_native
from rigsight.calibration.detection.grid import local_steps, neighbours
from rigsight.calibration.detection.lattice_fit import fit_lattice
from rigsight.calibration.pictures import Image

WORKING_SIDES = (640, 1280)
# Background windows as a part of the longer side: they must be larger than a circle.
WINDOWS = (0.05, 0.1, 0.2)
LEVELS = (0.25, 0.12)
ROUNDNESS = (0.8, 1.15)
THINNEST = 0.25
SIZE_RANGE = 3.0
# OpenCV's own grid finder may search for minutes among many candidates; the one used here cannot, and its
# time grows with their number, so only the most alike are kept.
MOST_CANDIDATES = 3.0
LEAST_AREA_PX = 12
MOST_GROWN_CELLS = 8000  # about a second; boards that are found at all are found within 5,000
# Weights rise linearly with contrast over small, blurred circles; over large ones they saturate, so that
# reflections inside do not count.
SHARP_FROM_PX = 4.0


def find_circles(grey: Image, board: Board) -> Float64 | None:
    """Centres float64 [N,2] in pixels, in the order of the board's points, or None."""
    eight = stretched(grey)
    effort = 0
    for side in WORKING_SIDES:
        if side == WORKING_SIDES[-1] and max(grey.shape) <= WORKING_SIDES[0] // 4:
            break
        picture = resized(eight, side / max(grey.shape))
        for blobs in _candidate_sets(picture, board.count):
            found, grown = fit_lattice(blobs, board)
            if found is not None:
                return refine_centres(grey, to_native(found, picture, grey), board)
            effort += grown
            if effort > MOST_GROWN_CELLS:
                return None
    return None


def _candidate_sets(picture: Image, count: int) -> Iterator[Float64]:
    """Blob centres [M,2], one set for each polarity, background window and threshold."""
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.2)
    for window in WINDOWS:
        size = int(window * max(picture.shape)) | 1
        detail = smooth - cv2.blur(smooth, (size, size))
        low, high = np.percentile(detail, (1, 99))
        for level in LEVELS:
            for sign in (1.0, -1.0):
                blobs = round_blobs((sign * detail > level * (high - low)).astype(np.uint8), size)
                alike = _of_like_size(blobs, count)
                if len(alike) >= count:
                    yield alike


def round_blobs(mask: Image, largest: int) -> Float64:
    """Round spots of a binary picture: x, y and area in pixels, float64 [M,3].

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


def _of_like_size(blobs: Float64, count: int) -> Float64:
    """Centres [M,2] of the largest group whose diameters lie within a factor of ``SIZE_RANGE``."""
    if len(blobs) < count:
        return np.empty((0, 2))
    ordered = blobs[np.argsort(blobs[:, 2])]
    diameter = np.sqrt(ordered[:, 2])
    ends = np.searchsorted(diameter, diameter * SIZE_RANGE, side="right")
    start = int(np.argmax(ends - np.arange(len(diameter))))
    group = ordered[start : ends[start]]
    off = np.abs(np.log(group[:, 2] / np.median(group[:, 2])))
    chosen: Float64 = group[np.argsort(off)[: int(MOST_CANDIDATES * count)], :2]
    return chosen


def refine_centres(grey: Image, centres: Float64, board: Board) -> Float64:
    """Contrast-weighted centroids in the raw picture.

    Around each centre the local steps of the grid give a frame in which the circle is round under any tilt;
    a plane through the ring between the circles is the background.
    """
    raw = grey.astype(np.float64)
    steps = local_steps(centres, board)
    nearest_m = float(np.linalg.norm(board.object_points()[neighbours(board).max(axis=1)[0]]))
    filled = board.circle_m / nearest_m
    refined = centres.copy()
    for index, (centre, step) in enumerate(zip(centres, steps, strict=True)):
        refined[index] = _centroid(raw, centre, step, filled)
    return refined


def _centroid(raw: Float64, centre: Float64, step: Float64, filled: float, rounds: int = 3) -> Float64:
    to_cell = np.linalg.inv(step)  # rows of step are the cell's axes: pixel offset @ to_cell = cell offset
    reach = np.ceil(0.6 * np.abs(step).sum(axis=0)).astype(int)
    radius_px = filled / 2 * float(np.sqrt(abs(np.linalg.det(step))))
    slope = float(np.clip(radius_px / SHARP_FROM_PX, 1.0, 2.5))
    where = centre
    for _ in range(rounds):
        x0, y0 = np.rint(where).astype(int)
        left, right = max(x0 - reach[0], 0), min(x0 + reach[0] + 1, raw.shape[1])
        top, bottom = max(y0 - reach[1], 0), min(y0 + reach[1] + 1, raw.shape[0])
        y, x = np.mgrid[top:bottom, left:right]
        offset = np.stack([x.ravel() - where[0], y.ravel() - where[1]], axis=1)
        values = raw[top:bottom, left:right].ravel()
        radius = np.linalg.norm(offset @ to_cell, axis=1)
        ring = (radius > 0.42) & (radius < 0.6)
        inside = radius < 0.45
        if ring.sum() < 6 or inside.sum() < 3:
            return centre
        design = np.column_stack([offset, np.ones(len(offset))])
        plane = np.linalg.lstsq(design[ring], values[ring], rcond=None)[0]
        signal = values - design @ plane
        core = radius < max(0.12, float(np.partition(radius, 2)[2]))
        height = float(np.median(signal[core]))
        if height == 0:
            return centre
        weight = np.where(inside, np.clip(slope * (signal / height - 0.2) + 0.1, 0, 1), 0)
        if weight.sum() <= 0:
            return centre
        moved = where + weight @ offset / weight.sum()
        if np.linalg.norm((moved - centre) @ to_cell) > 0.3:
            return centre
        where = moved
    return where
