"""Grids of circles: spots of either polarity, a grid grown over them, discs fitted to the raw picture.

Spots and grid only propose where the board lies. What is accepted is decided on the raw data: every disc
must be seen there with significance, fit its model and stand where a smooth map has it, and no further
line of discs may follow on any side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.blobs import Blobs, blob_sets, plausible_radii
from rigsight.calibration.detection.board_map import BoardMap, fit_board_map, robust_board_map
from rigsight.calibration.detection.discs import FIRST_BLUR_PX, Discs, fit_discs, heights_at
from rigsight.calibration.detection.effort import Clock
from rigsight.calibration.detection.grid import in_view_order
from rigsight.calibration.detection.grid_check import is_whole_grid, may_be_seen
from rigsight.calibration.detection.lattice_fit import (
    LOOSE,
    STRICT,
    Limits,
    Placement,
    find_seeds,
    placements,
)
from rigsight.calibration.detection.spots import spot_sets
from rigsight.calibration.pictures import Image

# Radii of circles over the distance of their centres, when the board does not state them.
RADIUS_LIMITS = (0.12, 0.46)
RADIUS_FACTOR = 1.7  # by which spots may answer to another size than their discs have
FEWEST = 0.8  # spots, of the board's points


@dataclass(frozen=True)
class CircleGrid:
    """A found grid: ``points`` float64 [N,2] px in the board's order (pictures of the circles' centres),
    ``covariance`` float64 [N,2,2], and the fitted ``discs`` in the same order."""

    points: Float64
    covariance: Float64
    discs: Discs


def find_circles(grey: Image, board: Board, clock: Clock) -> CircleGrid | None:
    """The whole grid, or None when it is not seen or the time is over."""
    for blobs, limits in _candidates(grey, board):
        if clock.expired:
            return None
        seeds = find_seeds(blobs.points, blobs.strength, limits)
        for candidates in placements(blobs.points, blobs.strength, seeds, board, limits):
            if clock.expired:
                return None
            fitted = [fit_grid(grey, place, blobs, board) for place in candidates]
            accepted = [grid for grid in fitted if grid is not None]
            if len(accepted) == 1:
                return accepted[0]
    return None


def _candidates(grey: Image, board: Board) -> Iterator[tuple[Blobs, Limits]]:
    """Sets of spots, most promising first, and how far from regular their grid may be."""
    sets = blob_sets(grey, plausible_radii(board, (grey.shape[1], grey.shape[0])))
    sets = [blobs for blobs in sets if len(blobs.points) >= FEWEST * board.count]
    # Spots answer most strongly at the size and polarity of the discs; the gaps between discs make grids too.
    sets.sort(key=lambda blobs: -float(blobs.strength[: board.count].sum()))
    yield from ((blobs, STRICT) for blobs in sets)
    yield from ((blobs, LOOSE) for blobs in spot_sets(grey, board.count))


def fit_grid(grey: Image, place: Placement, blobs: Blobs, board: Board) -> CircleGrid | None:
    """Fit and check the board at one placement."""
    seen = place.index >= 0
    points = np.zeros((board.count, 2))
    points[seen] = blobs.points[place.index[seen]]
    ordered = _in_order(points, seen, board, (grey.shape[1], grey.shape[0]))
    if ordered is None:
        return None
    points, board_map = ordered
    scale = np.sqrt(np.abs(np.linalg.det(board_map.jacobian(points))))  # metres a pixel
    radius_m = float(np.median(scale)) * float(np.median(blobs.radius_px[place.index[seen]]))
    return refine_grid(grey, points, board_map, radius_m, board)


def refine_grid(
    grey: Image, points: Float64, board_map: BoardMap, radius_m: float, board: Board
) -> CircleGrid | None:
    """Fit discs from starting points float64 [N,2] in the board's order, and check them on the raw picture."""
    size = np.array([grey.shape[1], grey.shape[0]])
    spacing = nearest_m(board)
    if board.diameter_m is not None:
        if not 1 / RADIUS_FACTOR < radius_m / (board.diameter_m / 2) < RADIUS_FACTOR:
            return None
        radius_m = board.diameter_m / 2
    radius_m = float(np.clip(radius_m, RADIUS_LIMITS[0] * spacing, RADIUS_LIMITS[1] * spacing))
    if (points < 0).any() or (points > size - 1).any():
        return None
    true = board.object_points()[:, :2]
    first = heights_at(grey, points, board_map, radius_m, FIRST_BLUR_PX, spacing)
    if first is None or not may_be_seen(first):
        return None
    discs = fit_discs(grey, points, board_map, radius_m, spacing, known_radius=board.diameter_m is not None)
    if discs is None:
        return None
    smooth = fit_board_map(discs.centres, true, (int(size[0]), int(size[1])))
    if smooth is None or not is_whole_grid(grey, discs, smooth, board):
        return None
    ordered = in_view_order(discs.centres, board)
    return None if ordered is None else CircleGrid(discs.centres, discs.covariance, discs)


def nearest_m(board: Board) -> float:
    """Distance of nearest centres, metres."""
    points = board.object_points()
    return float(np.sort(np.linalg.norm(points - points[0], axis=1))[1])


def _in_order(
    points: Float64, seen: NDArray[np.bool_], board: Board, size: tuple[int, int]
) -> tuple[Float64, BoardMap] | None:
    """All points in the order in which the board is seen from its front, missing ones predicted."""
    true = board.object_points()[:, :2]
    board_map = robust_board_map(points[seen], true[seen], size)
    if board_map is None:
        return None
    if not seen.all():
        points[~seen] = board_map.to_picture(true[~seen])
    ordered = in_view_order(points, board)
    if ordered is None:
        return None
    board_map = robust_board_map(ordered, true, size)
    return None if board_map is None else (ordered, board_map)
