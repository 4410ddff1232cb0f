"""A board on a page: its size, the label, and the bar that shows whether the print has the right scale."""

from __future__ import annotations

import re

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.boards import Board
from rigsight.calibration.targets.shapes import MM, Drawing, Layer, Line, Shape, Text, pattern

PAGES_MM = {
    "A0": (841.0, 1189.0),
    "A1": (594.0, 841.0),
    "A2": (420.0, 594.0),
    "A3": (297.0, 420.0),
    "A4": (210.0, 297.0),
    "A5": (148.0, 210.0),
    "LETTER": (215.9, 279.4),
    "LEGAL": (215.9, 355.6),
    "TABLOID": (279.4, 431.8),
}
FIT = "fit"
STRIP_MM = 14.0  # below the board, for label and bar
EDGE_MM = 5.0  # printers leave this much of the paper white
BARS_MM = (100.0, 50.0, 20.0, 10.0)
TEXT_MM = 2.8
WIDTH_OF_A_LETTER = 0.85  # of the height of a capital, on average


def page_size(page: str) -> tuple[float, float] | None:
    """Width and height in mm of ``A3``, ``letter``, ``600x400`` and the like; None for ``fit``.

    Raises:
        RigsightError: CAL-021 for anything else.
    """
    if page.lower() == FIT:
        return None
    if page.upper() in PAGES_MM:
        return PAGES_MM[page.upper()]
    match = re.fullmatch(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)", page.lower().removesuffix("mm"))
    if not match or min(float(match[1]), float(match[2])) <= 0:
        raise codes.PAGE_UNKNOWN(f"there is no page '{page}'")
    return float(match[1]), float(match[2])


def needed_mm(board: Board) -> tuple[float, float]:
    """Width and height in mm of the board with its quiet border and the label."""
    left, top, right, bottom = (MM * value for value in board.outline_m)
    return right - left, bottom - top + STRIP_MM


def lay_out(board: Board, page: str = FIT) -> Drawing:
    """The board in the middle of a page, upright or across, with label and scale bar below it.

    ``fit`` makes the page as large as the board with its quiet border. A board of holes is drawn as what
    a cutter follows: the holes and, on a fitting page, the rim of the plate.

    Raises:
        RigsightError: CAL-020 when the board does not fit on the page, CAL-021 for an unknown page.
    """
    width, height = needed_mm(board)
    size = page_size(page)
    paper = (width, height) if size is None else _oriented(board, size, (width, height), page)
    left, top = (paper[0] - width) / 2, (paper[1] - height) / 2
    x_min, y_min, _, _ = board.outline_m
    origin = (left - MM * x_min, top - MM * y_min)
    shapes: list[Shape] = list(pattern(board, origin))
    shapes += _label(board, left, top + height - STRIP_MM, width)
    if board.cutout and size is None:
        rim = np.array([[0, 0], [paper[0], 0], paper, [0, paper[1]]], dtype=np.float64)
        shapes.append(Line(rim, closed=True, layer=Layer.CUT))
    return Drawing(*paper, origin, tuple(shapes))


def check_fits(board: Board, page: str) -> None:
    """Raise CAL-020 when the board does not fit on the page, CAL-021 for an unknown page."""
    size = page_size(page)
    if size is not None:
        _oriented(board, size, needed_mm(board), page)


def _oriented(
    board: Board, size: tuple[float, float], needed: tuple[float, float], page: str
) -> tuple[float, float]:
    """The page the way round on which the board fits, its own way first."""
    upright = sorted(size)
    ways = [(upright[0], upright[1]), (upright[1], upright[0])]
    if needed[0] > needed[1]:
        ways.reverse()
    for way in ways:
        if needed[0] <= way[0] and needed[1] <= way[1] - EDGE_MM:
            return way
    quiet = STRIP_MM + EDGE_MM
    part = max(min(w / needed[0], (h - quiet) / (needed[1] - STRIP_MM)) for w, h in ways)
    fits = np.floor(10 * part * board.step_m * MM) / 10
    smaller = f", or {step_name(board)} of at most {fits:g} mm" if fits >= 1 else ""
    raise codes.BOARD_TOO_LARGE(
        f"the board with its border and label needs {needed[0]:.0f} x {needed[1]:.0f} mm, {page} has "
        f"{size[0]:g} x {size[1]:g} mm",
        fix=f"Take a larger page (600x400 is one, in mm){smaller}.",
    )


def step_name(board: Board) -> str:
    """What the board's step is called."""
    return "squares" if board.square_m else "a pitch"


def describe(board: Board) -> str:
    """The board in words: kind, numbers and sizes in mm.

    >>> describe(Board(kind="charuco", columns=7, rows=5, square_m=0.03, marker_m=0.022))
    'charuco 7 x 5 squares, square 30 mm, marker 22 mm, DICT_5X5_100'
    """
    counted = {"chessboard": " inner corners", "charuco": " squares", "aprilgrid": " tags"}
    name, of = board.kind.replace("_", " "), counted.get(board.kind, "")
    parts = [f"{name} {board.columns} x {board.rows}{of}"]
    if board.kind == "aprilgrid":
        parts += [f"tag {board.tag_side_m * MM:.5g} mm", f"pitch {board.step_m * MM:.5g} mm"]
    else:
        parts.append(f"{'square' if board.square_m else 'pitch'} {board.step_m * MM:.5g} mm")
    if board.kind == "charuco":
        parts.append(f"marker {board.tag_side_m * MM:.5g} mm")
    if board.has_circles:
        parts.append(f"diameter {board.circle_m * MM:.5g} mm")
    if board.marker_count:
        parts.append(board.dictionary_name)
        parts += [f"from {board.first_id}"] if board.first_id else []
        parts += ["legacy pattern"] if board.legacy_pattern else []
    return ", ".join(parts)


def _label(board: Board, left: float, top: float, width: float) -> list[Shape]:
    bar = next((length for length in BARS_MM if length <= 0.9 * width), BARS_MM[-1])
    inset = max((width - max(bar, 0.9 * width)) / 2, 1.0)
    x, y = left + inset, top + 3.5
    points = [[x, y - 1.5], [x, y + 1.5], [x, y], [x + bar, y], [x + bar, y - 1.5], [x + bar, y + 1.5]]
    lines = [f"The bar above measures {bar:g} mm. Print at 100 %.", describe(board)]
    longest = max(map(len, lines))
    height = min(TEXT_MM, 0.95 * (width - inset) / (WIDTH_OF_A_LETTER * longest))
    texts = [Text(x, y + 1.5 + (n + 1) * 1.4 * height, height, line) for n, line in enumerate(lines)]
    return [Line(np.array(points)), *texts]
