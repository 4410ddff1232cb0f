"""Whether fitted discs are the board's, all of them and no more, by tests on the raw picture."""

from __future__ import annotations

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.board_map import BoardMap
from rigsight.calibration.detection.discs import Discs, heights_at
from rigsight.calibration.detection.grid import nearest_spacing, neighbours
from rigsight.calibration.pictures import Image

LEAST_OF_ONE_SIGN, LEAST_EXPLAINED_AT_FIRST = 0.85, 0.2
INSIDE = 0.7  # of the radius
LEAST_SIGNIFICANCE = 4.0  # height over its standard deviation
HEIGHT_RANGE = (0.4, 2.5)  # of the neighbours' median
# A disc must explain this part of the variance round its background, and leave no more than noise does.
LEAST_EXPLAINED, LEAST_MEDIAN_EXPLAINED = 0.25, 0.45
LARGEST_RESIDUAL = 3.0  # of the board's median
ASTRAY_OF_SPACING, ASTRAY_SIGMAS = 0.035, 6.0
# Root mean square distance from a smooth map as a part of the spacing: at all, and beyond what noise causes.
LARGEST_RMS, LARGEST_EXCESS = 0.065, 0.05
# Further lines of discs
LIKE_HEIGHT = (0.5, 2.0)
LIKE_EXPLAINED = 0.6  # of the board's median
PART_OF_A_LINE = 0.7
FEWEST_AROUND, PART_AROUND = 5, 0.25  # of all places round the board: grids of another kind
LINE_HEIGHT, LINE_SCATTER, LINE_EXPLAINED = (0.6, 1.5), 0.45, 0.45
FEWEST_ON_A_LINE = 2
# Places beyond the board that are as plain as it is: faint discs, too, if nearly all of them are.
PLAIN_RESIDUAL, FEWEST_PLAIN = 2.5, 8  # of the board's median
FAINT_HEIGHT, PART_FAINT, FAINT_SIGMAS = 0.15, 0.75, 5.0
HEIGHT_BETWEEN = 0.3  # of the discs', in the gaps; a dense grid's discs are there


def is_whole_grid(grey: Image, discs: Discs, board_map: BoardMap, board: Board) -> bool:
    """All tests; ``discs`` in the board's order."""
    return (
        are_inside(discs, grey)
        and are_seen(discs, board)
        and are_in_place(discs, board_map, board)
        and not is_denser(grey, discs, board_map, board)
        and not goes_on(grey, discs, board_map, board)
    )


def may_be_seen(discs: Discs) -> bool:
    """A quick look before the fit: most discs have one polarity and explain some of their surroundings."""
    sign = np.sign(np.median(discs.height))
    return bool(
        (sign * discs.height > 0).mean() > LEAST_OF_ONE_SIGN
        and np.median(discs.explained) > LEAST_EXPLAINED_AT_FIRST
    )


def are_inside(discs: Discs, grey: Image) -> bool:
    """Every disc is in the picture, but for a little of its rim."""
    margin = INSIDE * discs.radius_px[:, None]
    return bool(
        ((discs.centres >= margin) & (discs.centres <= np.array(grey.shape[::-1]) - 1 - margin)).all()
    )


def are_seen(discs: Discs, board: Board) -> bool:
    """Every disc has one polarity, a significant height like its neighbours', and fits its model."""
    sign = np.sign(np.median(discs.height))
    height = sign * discs.height
    if sign == 0 or (height < LEAST_SIGNIFICANCE * discs.height_sigma).any():
        return False
    around = neighbours(board)
    beside = np.where(around >= 0, height[around], np.nan)
    ratio = height / np.nanmedian(beside, axis=1)
    if (ratio < HEIGHT_RANGE[0]).any() or (ratio > HEIGHT_RANGE[1]).any():
        return False
    if discs.explained.min() < LEAST_EXPLAINED or np.median(discs.explained) < LEAST_MEDIAN_EXPLAINED:
        return False
    return bool(discs.residual.max() < LARGEST_RESIDUAL * np.median(discs.residual) + 0.1 * np.median(height))


def are_in_place(discs: Discs, board_map: BoardMap, board: Board) -> bool:
    """Every disc stands where a smooth map of the board has it."""
    off = np.linalg.norm(board_map.residuals_px(discs.centres, board.object_points()[:, :2]), axis=1)
    sigma = np.sqrt(np.trace(discs.covariance, axis1=1, axis2=2))
    spacing = nearest_spacing(discs.centres, board)
    square, noise = float(np.mean(off**2)), float(np.mean(sigma**2))
    middle = float(np.median(spacing))
    if np.sqrt(square) > LARGEST_RMS * middle or np.sqrt(max(square - noise, 0)) > LARGEST_EXCESS * middle:
        return False
    return bool(
        (off <= ASTRAY_OF_SPACING * spacing + np.minimum(ASTRAY_SIGMAS * sigma, 0.15 * spacing)).all()
    )


def is_denser(grey: Image, discs: Discs, board_map: BoardMap, board: Board) -> bool:
    """Whether the gaps in the middle of four discs hold discs themselves: every other one of a denser grid.

    The gaps of the board are surrounded by its discs, so that they have the other polarity.
    """
    around = neighbours(board)
    right, below = around[:, 1], around[:, 3]
    corner = np.where((right >= 0) & (below >= 0), around[right, 3], -1)
    cell = np.flatnonzero(corner >= 0)
    true = board.object_points()[:, :2]
    places = (true[cell] + true[right[cell]] + true[below[cell]] + true[corner[cell]]) / 4
    spacing = float(np.linalg.norm(true[cell[0]] - true[right[cell[0]]]))
    pixels = board_map.to_picture(places)
    found = heights_at(grey, pixels, board_map, discs.radius, discs.blur_px, spacing)
    return found is not None and bool(np.median(found.height) / np.median(discs.height) > HEIGHT_BETWEEN)


def goes_on(grey: Image, discs: Discs, board_map: BoardMap, board: Board) -> bool:
    """Whether like discs follow beyond one of the four sides: the board is a part of a larger one."""
    places, side = beyond(board)
    pixels = board_map.to_picture(places)
    margin = float(np.median(discs.radius_px))
    inside = ((pixels >= margin) & (pixels <= np.array(grey.shape[::-1]) - 1 - margin)).all(axis=1)
    if inside.sum() < FEWEST_ON_A_LINE:
        return False
    spacing = float(np.sort(np.linalg.norm(places[0] - board.object_points()[:, :2], axis=1))[0])
    found = heights_at(grey, pixels[inside], board_map, discs.radius, discs.blur_px, spacing)
    if found is None:
        return False
    relative = found.height / np.median(discs.height)
    like = (relative > LIKE_HEIGHT[0]) & (relative < LIKE_HEIGHT[1])
    like &= found.explained > LIKE_EXPLAINED * np.median(discs.explained)
    if like.sum() >= FEWEST_AROUND and like.mean() > PART_AROUND:
        return True
    if _are_faint_discs(found, discs):
        return True
    for number in np.unique(side):
        on_line = side[inside] == number
        if on_line.sum() < FEWEST_ON_A_LINE:
            continue
        if like[on_line].mean() > PART_OF_A_LINE:
            return True
        # In noise single discs may fail where the line as a whole is plain.
        heights, explained = relative[on_line], found.explained[on_line]
        alike = LINE_HEIGHT[0] < heights.mean() < LINE_HEIGHT[1] and heights.std() < LINE_SCATTER
        if alike and np.median(explained) > LINE_EXPLAINED * np.median(discs.explained):
            return True
    return False


def _are_faint_discs(found: Discs, discs: Discs) -> bool:
    """Whether places beyond the board hold weak discs of its polarity.

    A map of what is no such board leads past the discs that follow, so that they seem faint. Round a board
    there is paper, which has no height, or clutter, which fits no disc and has either sign.
    """
    plain = found.residual < PLAIN_RESIDUAL * np.median(discs.residual)
    if plain.sum() < FEWEST_PLAIN:
        return False
    scale = float(np.median(discs.height))
    height, sigma = found.height[plain] / scale, found.height_sigma[plain] / abs(scale)
    mean_sigma = float(np.hypot(height.std(), sigma.mean())) / len(height) ** 0.5
    return bool((height > FAINT_HEIGHT).mean() > PART_FAINT and height.mean() > FAINT_SIGMAS * mean_sigma)


def beyond(board: Board) -> tuple[Float64, Float64]:
    """The next places of the pattern outside the board: metres float64 [K,2], and on which side, [K].

    >>> board = Board(kind="circles", columns=4, rows=3, pitch_m=1)
    >>> places, side = beyond(board)
    >>> places[side == 0].tolist()
    [[0.0, -1.0], [1.0, -1.0], [2.0, -1.0], [3.0, -1.0]]
    """
    rows, columns, step = board.rows, board.columns, board.step_m
    places: list[tuple[float, float]] = []
    side: list[int] = []
    for number, row in ((0, -1), (1, rows)):
        for column in range(columns):
            places.append((_x(board, row, column), row * step))
            side.append(number)
    for number, column in ((2, -1), (3, columns)):
        for row in range(rows):
            places.append((_x(board, row, column), row * step))
            # Every other row of asymmetric circles ends half a step further out: a line of its own.
            side.append(number + 2 * (row % 2) * (board.kind == "asymmetric_circles"))
    return np.array(places), np.array(side)


def _x(board: Board, row: int, column: int) -> float:
    return float((2 * column + row % 2 if board.kind == "asymmetric_circles" else column) * board.step_m)
