"""Centres of large circles: contrast-weighted centroids of the raw picture."""

from __future__ import annotations

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.grid import local_steps, neighbours
from rigsight.calibration.pictures import Image

# Weights rise linearly with contrast over small, blurred circles; over large ones they saturate, so that
# reflections inside do not count.
SHARP_FROM_PX = 4.0


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
