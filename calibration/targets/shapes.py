"""The few shapes that targets are drawn with; millimetres on the page, x right, y down from its top left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.markers import first_square_is_black, marker_cells, marker_places

MM = 1000.0


class Layer(Enum):
    """What a machine does along a shape."""

    ENGRAVE = "ENGRAVE"
    CUT = "CUT"


@dataclass(frozen=True)
class Area:
    """Black between closed loops, each float64 [K,2], by the even-odd rule."""

    loops: tuple[Float64, ...]


@dataclass(frozen=True)
class Circle:
    """A black disc, or a hole on layer CUT."""

    x: float
    y: float
    radius: float
    layer: Layer = Layer.ENGRAVE


@dataclass(frozen=True)
class Line:
    """A thin line through points float64 [K,2]."""

    points: Float64
    closed: bool = False
    layer: Layer = Layer.ENGRAVE


@dataclass(frozen=True)
class Text:
    """Words with their baseline's left end at x, y; ``height`` is that of a capital."""

    x: float
    y: float
    height: float
    words: str


Shape = Area | Circle | Line | Text


@dataclass(frozen=True)
class Drawing:
    """A page.

    Attributes:
        width: of the page, mm.
        height: of the page, mm.
        origin: where on the page the origin of the board's frame lies, mm.
        shapes: what is drawn, in any order.
    """

    width: float
    height: float
    origin: tuple[float, float]
    shapes: tuple[Shape, ...]

    def to_page(self, points: Float64) -> Float64:
        """Points of the board's frame (metres, [N,2] or [N,3]) in millimetres on the page, [N,2]."""
        placed: Float64 = points[:, :2] * MM + np.array(self.origin)
        return placed


def pattern(board: Board, origin: tuple[float, float]) -> Iterator[Shape]:
    """The board's own shapes with its frame's origin at ``origin`` (mm)."""
    step, start = board.step_m * MM, np.array(origin)
    if board.has_circles:
        layer = Layer.CUT if board.cutout else Layer.ENGRAVE
        for x, y in board.object_points()[:, :2] * MM + start:
            yield Circle(float(x), float(y), board.circle_m * MM / 2, layer)
        return
    if board.kind == "aprilgrid":
        gap = step - board.tag_side_m * MM
        for row in range(board.rows + 1):
            for column in range(board.columns + 1):
                yield _square(start + step * np.array([column, row]) - gap, gap)
    else:
        charuco = board.kind == "charuco"
        squares = (board.rows, board.columns) if charuco else (board.rows + 1, board.columns + 1)
        black = 0 if not charuco or first_square_is_black(board) else 1
        for row in range(squares[0]):
            for column in range(squares[1]):
                if (row + column) % 2 == black:
                    yield _square(start + step * (np.array([column, row]) - 1), step)
    if board.marker_count:
        cells = marker_cells(board)
        size = board.tag_side_m * MM / cells.shape[1]
        for place, marker in zip(marker_places(board)[1], cells, strict=True):
            yield Area(tuple(start + MM * place + size * loop for loop in outlines(marker)))


def _square(corner: Float64, side: float) -> Area:
    return Area((corner + side * np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64),))


def outlines(cells: NDArray[np.bool_]) -> list[Float64]:
    """Loops float64 [K,2] around the set cells of a grid, in cells; no seams between neighbours.

    >>> [len(loop) for loop in outlines(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=bool))]
    [4, 4]
    """
    rows, columns = cells.shape
    padded = np.pad(cells, 1)
    edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row in range(rows):
        for column in range(columns):
            if not cells[row, column]:
                continue
            corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
            beside = ((row, column + 1), (row + 1, column + 2), (row + 2, column + 1), (row + 1, column))
            for side in range(4):
                if not padded[beside[side]]:
                    edges.setdefault(corners[side], []).append(corners[(side + 1) % 4])
    loops = []
    while edges:
        at = start = next(iter(edges))
        way = (0, 0)
        loop = []
        while True:
            ends = edges[at]
            # Where two cells touch by their corners, turn right: stay with the cell.
            right = (at[0] - way[1], at[1] + way[0])
            to = right if right in ends else ends[0]
            ends.remove(to)
            if not ends:
                del edges[at]
            if (to[0] - at[0], to[1] - at[1]) != way:
                loop.append(at)
            way, at = (to[0] - at[0], to[1] - at[1]), to
            if at == start:
                break
        loops.append(np.array(loop, dtype=np.float64))
    return loops
