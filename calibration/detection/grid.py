"""The grid in which the points of a board stand: neighbours, local steps, regularity and side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64

# Largest bend of three neighbours in a row, as a part of their span. Perspective at 60 degrees of tilt and
# strong distortion stay below 0.15; a corner taken for its neighbour gives 0.5.
MAX_BEND = 0.2


def lattice(board: Board) -> NDArray[np.intp]:
    """Integer coordinates (u, v) of the board's points in the grid of nearest neighbours, int [N,2].

    Columns and rows for chessboards and circles. Asymmetric circles have their nearest neighbours on the
    diagonals: u = (x + y)/2, v = (y - x)/2 in units of the pitch, shifted to start at zero.
    """
    xy = np.rint(board.object_points()[:, :2] / board.step_m).astype(np.intp)
    if board.kind == "asymmetric_circles":
        xy = np.stack([xy.sum(1), xy[:, 1] - xy[:, 0]], axis=1) // 2
    shifted: NDArray[np.intp] = xy - xy.min(axis=0)
    return shifted


def _numbered(cells: NDArray[np.intp]) -> NDArray[np.intp]:
    """Index of the point in every cell of the lattice with a border of one, -1 where there is none."""
    table = np.full(cells.max(axis=0) + 3, -1, dtype=np.intp)
    table[cells[:, 0] + 1, cells[:, 1] + 1] = np.arange(len(cells))
    return table


def neighbours(board: Board) -> NDArray[np.intp]:
    """Index of the next point at u-1, u+1, v-1 and v+1, int [N,4]; -1 where there is none."""
    cells = lattice(board)
    table = _numbered(cells)
    u, v = cells[:, 0] + 1, cells[:, 1] + 1
    return np.stack([table[u - 1, v], table[u + 1, v], table[u, v - 1], table[u, v + 1]], axis=1)


def local_steps(points: Float64, board: Board) -> Float64:
    """Step of one cell along u and along v at every point, pixels, float64 [N,2,2] (axis, xy)."""
    around = neighbours(board)
    steps = np.zeros((len(points), 2, 2))
    for axis in (0, 1):
        before, after = around[:, 2 * axis], around[:, 2 * axis + 1]
        start = np.where(before[:, None] >= 0, points[before], points)
        end = np.where(after[:, None] >= 0, points[after], points)
        cells = (before >= 0).astype(float) + (after >= 0)
        steps[:, axis] = (end - start) / np.maximum(cells, 1)[:, None]
        # Corners of asymmetric grids have neighbours along one axis only: take the other step from there.
        alone = cells == 0
        steps[alone, axis] = steps[around[alone].max(axis=1), axis]
    return steps


def nearest_spacing(points: Float64, board: Board) -> Float64:
    """Distance to the nearest neighbour in the grid at every point, pixels, float64 [N]."""
    around = neighbours(board)
    distances = np.linalg.norm(points[around] - points[:, None], axis=2)
    nearest: Float64 = np.where(around >= 0, distances, np.inf).min(axis=1)
    return nearest


def largest_bend(points: Float64, board: Board) -> float:
    """How far the middle of three neighbours lies from the mean of the outer two, as a part of their span."""
    around = neighbours(board)
    worst = 0.0
    for before, after in ((around[:, 0], around[:, 1]), (around[:, 2], around[:, 3])):
        inner = (before >= 0) & (after >= 0)
        first, last = points[before[inner]], points[after[inner]]
        span = np.linalg.norm(last - first, axis=1)
        bend = np.linalg.norm((first + last) / 2 - points[inner], axis=1) / np.maximum(span, 1e-9)
        worst = max(worst, float(bend.max(initial=0.0)))
    return worst


def in_view_order(points: Float64, board: Board) -> Float64 | None:
    """The points so ordered that the board is seen from its front, or None when they are no regular grid.

    Of the orders that fit equally well the one is taken whose rows run most to the right. Two cameras may
    still differ in it: see :func:`rigsight.calibration.solve.orders.agree_on_orders`.
    """
    if not np.isfinite(points).all():
        return None
    side = _sides(points, board)
    if (side < 0).all():
        points = points[_mirrored(board)]
        side = _sides(points, board)
    if not (side > 0).all() or largest_bend(points, board) > MAX_BEND:
        return None
    return max((points[order] for order in board.orders()), key=lambda p: float(_row_direction(p, board)[0]))


def _sides(points: Float64, board: Board) -> Float64:
    steps = local_steps(points, board)
    cross: Float64 = steps[:, 0, 0] * steps[:, 1, 1] - steps[:, 0, 1] * steps[:, 1, 0]
    return cross


def _mirrored(board: Board) -> NDArray[np.intp]:
    index = np.arange(board.count, dtype=np.intp).reshape(board.rows, board.columns)
    flipped = index[::-1] if board.kind == "asymmetric_circles" else index[:, ::-1]
    return flipped.reshape(-1)


def _row_direction(points: Float64, board: Board) -> Float64:
    rows = points.reshape(board.rows, board.columns, 2)
    direction = (rows[:, -1] - rows[:, 0]).mean(axis=0)
    unit: Float64 = direction / max(float(np.linalg.norm(direction)), 1e-9)
    return unit
