"""Growing a grid over loose points, in bounded time.

From a point and two of its neighbours the grid is continued in all directions at once, each step predicted
from the one before, so that perspective and strong distortion bend it as they will. The board is looked
for where its pattern covers the grown cells best; a few cells may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.grid import lattice

NEIGHBOURS = 10
# How far from its predicted place a point may lie, as a part of the step, and how far two opposite
# neighbours may be from balancing, of the shorter step. Near, tilted boards step by 1.5 from point to point,
# but wide limits catch clutter.
STRICT, LOOSE = (0.32, 0.3), (0.45, 0.5)
Limits = tuple[float, float]
ALIKE = 2.6  # factor by which the strengths of neighbours may differ
LEAST_SINE = 0.3
SEEDS, BASES = 5, 3
LEAST_COVERED = 0.7
MOST_PLACEMENTS, MOST_SECOND = 4, 3
SECOND_COVERED = 0.12  # of the board's points fewer than the best
Intp = NDArray[np.intp]


@dataclass(frozen=True)
class Placement:
    """Where the board may lie: ``index`` int [N], the point at each of the board's points or -1."""

    index: Intp

    @property
    def covered(self) -> int:
        """Number of the board's points that have one."""
        return int((self.index >= 0).sum())


@dataclass(frozen=True)
class Seeds:
    """Points in the middle of four neighbours: index int [S] and the steps to two, float64 [S,B,2,2]."""

    index: Intp
    steps: list[list[tuple[Float64, Float64]]]


def find_seeds(points: Float64, strength: Float64, limits: Limits = STRICT) -> Seeds:
    """Points [M,2] that have neighbours at both ends of two directions, best first.

    A grid's inner points have; clutter seldom does, so that a picture without a board is done with here.
    """
    count = len(points)
    if count < 5:
        return Seeds(np.empty(0, dtype=np.intp), [])
    near = min(NEIGHBOURS, count - 1)
    vectors = points[None] - points[:, None]  # [from, to]
    squares = (vectors**2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    ratio = strength[None] / strength[:, None]
    squares[(ratio > ALIKE) | (ratio < 1 / ALIKE)] = np.inf
    order = np.argpartition(squares, near - 1, axis=1)[:, :near]
    rows = np.arange(count)[:, None]
    order = order[rows, np.argsort(squares[rows, order], axis=1)]
    steps, lengths = vectors[rows, order], np.sqrt(squares[rows, order])
    gap = np.linalg.norm(steps[:, :, None] + steps[:, None], axis=3)
    shorter = np.minimum(lengths[:, :, None], lengths[:, None])
    with np.errstate(invalid="ignore"):
        opposite = np.isfinite(lengths[:, :, None] + lengths[:, None]) & (gap < limits[1] * shorter)
    opposite &= np.tri(near, k=-1, dtype=bool).T
    seeds: list[tuple[float, int, list[tuple[Float64, Float64]]]] = []
    for i in np.flatnonzero(opposite.sum(axis=(1, 2)) >= 2):
        a, b = np.nonzero(opposite[i])
        axes = (steps[i, a] - steps[i, b]) / 2
        bases = _bases(axes)
        if bases:
            quality = float(gap[i, a, b].sum() / shorter[i, a, b].sum()) - 0.1 * min(len(a), 4)
            seeds.append((quality, int(i), bases))
    seeds.sort(key=lambda seed: seed[0])
    return Seeds(np.array([s[1] for s in seeds], dtype=np.intp), [s[2] for s in seeds])


def _bases(axes: Float64) -> list[tuple[Float64, Float64]]:
    """Pairs of directions, shortest first, the second to the right of the first (y down)."""
    length = np.linalg.norm(axes, axis=1)
    order = np.argsort(length)[:4]
    found = []
    for m, i in enumerate(order):
        for j in order[m + 1 :]:
            cross = float(axes[i, 0] * axes[j, 1] - axes[i, 1] * axes[j, 0])
            if abs(cross) > LEAST_SINE * length[i] * length[j]:
                found.append((length[i] + length[j], axes[i], axes[j] if cross > 0 else -axes[j]))
    found.sort(key=lambda basis: float(basis[0]))
    bases = [(a, b) for _, a, b in found[:BASES]]
    if not bases:
        return []
    # Where a neighbour is missing the shortest steps are not the grid's: reduced (Gauss) they are.
    a, b = bases[0]
    shorter = b - np.rint(a @ b / (a @ a)) * a
    return bases if np.allclose(shorter, b) else [(a, shorter), *bases]


def placements(
    points: Float64, strength: Float64, seeds: Seeds, board: Board, limits: Limits = STRICT
) -> Iterator[list[Placement]]:
    """For each grid that grows from the seeds and covers enough of the board: its best placements.

    Some that cover a little less follow: spots at the paper's rim may continue a grid on one side where
    weak discs are missing on the other.
    """
    pattern = lattice(board)
    reach = int(pattern.max()) + 2
    needed = int(np.ceil(LEAST_COVERED * board.count))
    used: set[int] = set()
    tried = 0
    for seed, bases in zip(seeds.index, seeds.steps, strict=True):
        if int(seed) in used:
            continue
        tried += 1
        if tried > SEEDS:
            return
        for first, second in bases:
            cells, index = grow(points, strength, int(seed), (first, second), reach, limits[0])
            if len(index) < needed:
                continue
            found = _place(cells, index, pattern, needed)
            if found:
                if found[0].covered == board.count:
                    used.update(index.tolist())
                yield found


def grow(
    points: Float64,
    strength: Float64,
    seed: int,
    basis: tuple[Float64, Float64],
    reach: int,
    catch: float,
) -> tuple[Intp, Intp]:
    """Cells int [K,2] of the grid, within ``reach`` of the seed, and the index of the point in each [K]."""
    side = 2 * reach + 3
    table = np.full((side, side), -1, dtype=np.intp)
    steps = np.zeros((side, side, 2, 2))
    taken = np.zeros(len(points), dtype=bool)
    table[reach + 1, reach + 1] = seed
    steps[reach + 1, reach + 1] = basis
    taken[seed] = True
    table[[0, -1]] = table[:, [0, -1]] = -2  # a rim that nothing grows into
    front = np.array([[reach + 1, reach + 1]])
    moves = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    axis, sign = np.array([0, 0, 1, 1]), np.array([1.0, -1.0, 1.0, -1.0])
    while len(front):
        here = table[front[:, 0], front[:, 1]]
        step = steps[front[:, 0], front[:, 1]][:, axis] * sign[:, None]  # [F,4,2]
        to = (front[:, None] + moves).reshape(-1, 2)
        start = np.repeat(here, 4)
        step = step.reshape(-1, 2)
        which = np.tile(np.arange(4), len(front))
        parent = np.repeat(front, 4, axis=0)
        free = table[to[:, 0], to[:, 1]] == -1
        to, start, step, which, parent = (part[free] for part in (to, start, step, which, parent))
        if not len(to):
            break
        wanted = points[start] + step
        squares = ((wanted[:, None] - points) ** 2).sum(axis=2)
        squares[:, taken] = np.inf
        nearest = squares.argmin(axis=1)
        off = np.sqrt(squares[np.arange(len(to)), nearest]) / np.linalg.norm(step, axis=1)
        ratio = strength[nearest] / strength[start]
        order = np.argsort(off)
        order = order[(off < catch)[order] & (ratio < ALIKE)[order] & (ratio > 1 / ALIKE)[order]]
        grown = []
        for k in order:
            u, v = to[k]
            if table[u, v] != -1 or taken[nearest[k]]:
                continue
            table[u, v] = nearest[k]
            taken[nearest[k]] = True
            steps[u, v] = steps[parent[k, 0], parent[k, 1]]
            steps[u, v, axis[which[k]]] = sign[which[k]] * (points[nearest[k]] - points[start[k]])
            grown.append((u, v))
        front = np.array(grown, dtype=np.intp).reshape(-1, 2)
    cells = np.argwhere(table >= 0)
    return cells, table[cells[:, 0], cells[:, 1]]


def _place(cells: Intp, index: Intp, pattern: Intp, needed: int) -> list[Placement]:
    """Where the pattern lies on grown cells in one of four turns: best cover first, then a little less."""
    found: dict[bytes, Placement] = {}
    best, slack = needed, int(SECOND_COVERED * len(pattern))
    low, extent = cells.min(axis=0), np.ptp(cells, axis=0)
    for _ in range(4):
        pattern = np.stack([-pattern[:, 1], pattern[:, 0]], axis=1)
        pattern = pattern - pattern.min(axis=0)
        span = pattern.max(axis=0)
        table = np.full(extent + 1 + 2 * span, -1, dtype=np.intp)
        table[tuple((cells - low + span).T)] = index
        shifts = np.argwhere(np.ones(extent + span + 1, dtype=bool))
        at = shifts[:, None] + pattern
        chosen = table[at[..., 0], at[..., 1]]
        covered = (chosen >= 0).sum(axis=1)
        for k in np.flatnonzero(covered >= max(best - slack, needed)):
            best = max(best, int(covered[k]))
            where = at[k] - span  # the same cells again after half a turn are the same place
            key = where[np.lexsort(where.T)].tobytes()
            found.setdefault(key, Placement(chosen[k]))
    placed = [place for place in found.values() if place.covered == best][:MOST_PLACEMENTS]
    second = [place for place in found.values() if best - slack <= place.covered < best]
    return placed + sorted(second, key=lambda place: -place.covered)[:MOST_SECOND]
