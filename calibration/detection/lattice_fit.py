"""Growing a grid over loose points, in bounded time.

From a point and two of its neighbours the grid is continued cell by cell, each step predicted from the one
before, so that perspective and strong distortion bend it as they will. The board is found where its
pattern fits into the grown cells in exactly one place.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.grid import in_view_order, lattice

SEEDS = 4
NEIGHBOURS = 8
PAIRS = 6
CATCH = 0.45  # how far from its predicted place a point may lie, in steps: close, tilted boards step by 1.5
Cell = tuple[int, int]


def fit_lattice(points: Float64, board: Board) -> tuple[Float64 | None, int]:
    """The board's points among ``points`` [M,2], float64 [N,2] in the board's order, or None; and the effort.

    The effort is the number of cells grown, so that a caller can stop without looking at a clock.
    """
    effort = 0
    if len(points) < board.count:
        return None, effort
    middle = np.median(points, axis=0)
    for seed in np.argsort(np.linalg.norm(points - middle, axis=1))[:SEEDS]:
        for first, second in _bases(points, int(seed)):
            cells = _grow(points, int(seed), first, second)
            effort += len(cells)
            if len(cells) >= board.count:
                found = _match(points, cells, board)
                if found is not None:
                    return found, effort
    return None, effort


def _bases(points: Float64, seed: int) -> list[tuple[Float64, Float64]]:
    """Pairs of steps to neighbours, shortest first, the second to the right of the first (y down)."""
    vectors = points - points[seed]
    lengths = np.linalg.norm(vectors, axis=1)
    near = [vectors[i] for i in np.argsort(lengths)[1 : NEIGHBOURS + 1]]
    pairs: list[tuple[float, Float64, Float64]] = []
    for a in near:
        for b in near:
            product = float(np.linalg.norm(a) * np.linalg.norm(b))
            if product > 0 and (a[0] * b[1] - a[1] * b[0]) / product > 0.5:
                pairs.append((float(np.linalg.norm(a) + np.linalg.norm(b)), a, b))
    pairs.sort(key=lambda pair: pair[0])
    # A basis turned by a quarter is the same grid, and all four turns are matched later.
    distinct: list[tuple[Float64, Float64]] = []
    for _, a, b in pairs:
        if not any(_same_lines(a, b, c, d) for c, d in distinct):
            distinct.append((a, b))
    return distinct[:PAIRS]


def _same_lines(a: Float64, b: Float64, c: Float64, d: Float64) -> bool:
    return (_parallel(a, c) and _parallel(b, d)) or (_parallel(a, d) and _parallel(b, c))


def _parallel(a: Float64, b: Float64) -> bool:
    cross = a[0] * b[1] - a[1] * b[0]
    return bool(abs(cross) < 0.25 * (a @ a) and abs(cross) < 0.25 * (b @ b))


def _grow(points: Float64, seed: int, first: Float64, second: Float64) -> dict[Cell, int]:
    """Cells of the grid and the index of the point in each."""
    cells: dict[Cell, int] = {(0, 0): seed}
    steps: dict[Cell, tuple[Float64, Float64]] = {(0, 0): (first, second)}
    taken = {seed}
    queue: deque[Cell] = deque([(0, 0)])
    while queue:
        cell = queue.popleft()
        here = points[cells[cell]]
        for axis in (0, 1):
            for sign in (1, -1):
                to = (cell[0] + sign * (axis == 0), cell[1] + sign * (axis == 1))
                if to in cells:
                    continue
                step = sign * steps[cell][axis]
                distance = np.linalg.norm(points - (here + step), axis=1)
                nearest = int(np.argmin(distance))
                if nearest in taken or distance[nearest] > CATCH * float(np.linalg.norm(step)):
                    continue
                cells[to] = nearest
                taken.add(nearest)
                made = sign * (points[nearest] - here)
                other = steps[cell][1 - axis]
                steps[to] = (made, other) if axis == 0 else (other, made)
                queue.append(to)
    return cells


def _match(points: Float64, cells: dict[Cell, int], board: Board) -> Float64 | None:
    """The board's points where its pattern lies wholly on grown cells, in one of four turns; else None."""
    grown = np.array(list(cells), dtype=np.intp)
    index = np.array(list(cells.values()), dtype=np.intp)
    pattern = lattice(board)
    found: dict[frozenset[int], Float64] = {}
    for _ in range(4):
        grown = np.stack([-grown[:, 1], grown[:, 0]], axis=1)
        low = grown.min(axis=0)
        extent = grown.max(axis=0) - low
        table = np.full(extent + 1, -1, dtype=np.intp)
        table[tuple((grown - low).T)] = index
        free = extent - pattern.max(axis=0)
        for u in range(int(free[0]) + 1):
            for v in range(int(free[1]) + 1):
                chosen = table[pattern[:, 0] + u, pattern[:, 1] + v]
                if (chosen < 0).any():
                    continue
                ordered = in_view_order(points[chosen], board)
                if ordered is not None:
                    found.setdefault(frozenset(chosen.tolist()), ordered)
    return next(iter(found.values())) if len(found) == 1 else None
