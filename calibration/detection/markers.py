"""Boards with coded markers: whole or in part, points named by the markers beside them, sub-pixel.

OpenCV decodes the markers; everything after is done here, alike for charuco boards and aprilgrids and for
all versions of OpenCV: markers that do not fit the others are dropped, each point is predicted from the
markers next to it, moved to the saddle of the raw picture, and dropped where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.grey import resized, stretched, to_native
from rigsight.calibration.markers import (
    border_bits,
    dictionary_of,
    first_square_is_black,
    marker_cells,
    marker_corners,
)
from rigsight.calibration.pictures import Image

LEAST_PART = 0.25  # of the board's points
LEAST_POINTS = 6
LARGEST_SIDE, SMALLEST_SIDE = 1600, 640
LEAST_CELL_PX = 1.3  # along the mean side: steep boards have narrower ones
ENOUGH_MARKERS = 0.6  # of the board's: no further picture is tried
ASTRAY_OF_MARKER = 0.25  # largest error of a marker's corner as its neighbours predict it, in sides
LATTICE_OF_MARKER = 0.3  # the same for a marker of a larger board
NEAREST_MARKERS = 4
GROWTH_ROUNDS, LEAST_LIKENESS = 3, 0.7
# Half the window in units of what fits. RMS error of charuco and april corners on simulated boards, px: 0.084
# and 0.060 at 0.7, 0.062 and 0.049 at 1.0, 0.063 and 0.074 at 1.15, where other ink comes in.
WINDOW_OF_CLEARANCE = 1.0
WINDOW_LIMITS = (2, 15)
MOVED_OF_CLEARANCE = 0.8
LEAST_CONTRAST = 0.2
ASTRAY_OF_CLEARANCE, ASTRAY_PX, ASTRAY_OF_MEDIAN = 0.15, 0.25, 6.0
LEAST_SPREAD_STEPS = 0.2

Ids = NDArray[np.intp]


@dataclass(frozen=True)
class _Plan:
    """What a board promises: markers, points, and how much room there is around a point.

    ``clearance_m`` is the distance from a point, along the axes, within which there is nothing but its own
    saddle; ``dark`` is +1 where the squares at upper left and lower right of a point are dark, else -1.
    """

    ids: Ids
    corners: Float64
    cells: NDArray[np.bool_]
    points: Float64
    clearance_m: float
    dark: Float64

    @classmethod
    def of(cls, board: Board) -> _Plan:
        ids, corners = marker_corners(board)
        _, columns = board.grid_shape
        row, column = np.divmod(np.arange(board.count), columns)
        step, side = board.step_m, board.tag_side_m
        if board.kind == "charuco":
            clearance = (step - side) / 2
            flip = 0 if first_square_is_black(board) else 1
        else:
            bits = border_bits(board)
            clearance = min(step - side, side * bits / (6 + 2 * bits))
            flip = 1  # the first corner is a tag's lower left: dark at the upper right
        dark = np.where((row + column + flip) % 2 == 0, 1.0, -1.0)
        return cls(ids, corners, marker_cells(board), board.object_points()[:, :2], clearance, dark)


def find_markers(grey: Image, board: Board) -> tuple[Float64, Ids] | None:
    """Points float64 [N,2] in pixels and their rows of ``board.object_points()`` int [N], or None.

    N is at least a quarter of the board's points. None also when the markers belong to a larger board.
    """
    plan = _Plan.of(board)
    best: tuple[Float64, Ids] | None = None
    most, way = 0, 0.0
    for picture, sign, decoded in _attempts(grey, board):
        if len(decoded) <= most or sign * way < 0:
            continue
        chosen = _consistent(decoded, plan, board)
        if chosen is None or len(chosen) <= most:
            continue
        native = {index: to_native(corners, picture, grey) for index, corners in chosen.items()}
        native = _with_neighbours(grey, native, plan, board, sign)
        found = _localised(grey, native, plan, board, sign)
        if found is not None and (best is None or len(found[1]) > len(best[1])):
            best, most, way = found, len(chosen), sign
            if len(native) >= ENOUGH_MARKERS * board.marker_count:
                break
    return best


def _attempts(grey: Image, board: Board) -> Iterator[tuple[Image, float, dict[int, Float64]]]:
    """(picture, polarity, id -> corners [4,2] in the picture) of each way to look at it."""
    eight = stretched(grey)
    side = max(eight.shape)
    first = resized(eight, min(1.0, LARGEST_SIDE / side))
    pictures = [first]
    if side < SMALLEST_SIDE:
        pictures.append(resized(first, float(np.ceil(SMALLEST_SIDE / side))))
    for picture in pictures:
        detector = _detector(board, picture, grey)
        # Blurred tags of an aprilgrid melt into the squares at their corners; growing the paper helps.
        for size in (1, 3):
            for sign, polarity in ((1.0, picture), (-1.0, 255 - picture)):
                seen = polarity if size == 1 else cv2.dilate(polarity, np.ones((size, size), np.uint8))
                corners, ids, _ = detector.detectMarkers(seen)
                found = () if ids is None else np.asarray(ids).ravel()
                yield (
                    picture,
                    sign,
                    {
                        int(i): np.asarray(c, dtype=np.float64).reshape(4, 2)
                        for i, c in zip(found, corners, strict=True)
                    },
                )


def _detector(board: Board, picture: Image, grey: Image) -> Any:
    parameters = cv2.aruco.DetectorParameters()
    parameters.markerBorderBits = border_bits(board)
    # Nothing that could not be read is looked at, or textured pictures without a board take seconds.
    dictionary = dictionary_of(board.dictionary_name)
    cells = int(dictionary.markerSize) + 2 * border_bits(board)
    scale = max(1.0, max(picture.shape) / max(grey.shape))
    parameters.minMarkerPerimeterRate = 4 * cells * LEAST_CELL_PX * scale / max(picture.shape)
    parameters.minDistanceToBorder = 1
    parameters.adaptiveThreshWinSizeMax = 33
    # Lenient: what is decoded wrongly does not fit the other markers and is dropped.
    parameters.polygonalApproxAccuracyRate = 0.05
    if board.kind == "aprilgrid":
        parameters.errorCorrectionRate = 1.0
        parameters.maxErroneousBitsInBorderRate = 0.5
    return cv2.aruco.ArucoDetector(dictionary, parameters)


def _consistent(decoded: dict[int, Float64], plan: _Plan, board: Board) -> dict[int, Float64] | None:
    """Index of the marker -> corners, of those that stand where the others put them; None if too few.

    None also where other markers of the dictionary continue the board's lattice: a larger board.
    """
    index = {int(i): n for n, i in enumerate(plan.ids)}
    known = {index[i]: corners for i, corners in decoded.items() if i in index}
    if len(known) < 2:
        return None
    numbers = np.array(list(known))
    pixels = np.array([known[n] for n in numbers])
    sides = np.linalg.norm(np.roll(pixels, -1, axis=1) - pixels, axis=2).min(axis=1)
    H, _ = cv2.findHomography(
        plan.corners[numbers].reshape(-1, 2), pixels.reshape(-1, 2), cv2.RANSAC, float(np.median(sides))
    )
    if H is None:
        return None
    error = np.linalg.norm(
        _mapped(np.asarray(H, dtype=np.float64), plan.corners[numbers]) - pixels, axis=2
    ).max(axis=1)
    good = error < 1.5 * sides
    for _ in range(2):
        good = np.array([_fits(n, numbers, pixels, sides, good, plan) for n in range(len(numbers))])
    chosen = {int(n): known[int(n)] for n in numbers[good]}
    return None if len(chosen) < 2 or _continues(decoded, chosen, plan, board) else chosen


def _fits(
    n: int, numbers: Ids, pixels: Float64, sides: Float64, good: NDArray[np.bool_], plan: _Plan
) -> bool:
    """Whether the nearest good markers predict this one's corners."""
    others = np.flatnonzero(good & (np.arange(len(numbers)) != n))
    if not len(others):
        return False
    centres = plan.corners[numbers].mean(axis=1)
    nearest = others[np.argsort(np.linalg.norm(centres[others] - centres[n], axis=1))[:NEAREST_MARKERS]]
    H = _homography(plan.corners[numbers[nearest]], pixels[nearest])
    if H is None:
        return False
    error = np.linalg.norm(_mapped(H, plan.corners[numbers[n]]) - pixels[n], axis=1).max()
    # A single neighbour extrapolates badly.
    return bool(error < ASTRAY_OF_MARKER * sides[n] * (2 if len(nearest) < 3 else 1))


def _continues(decoded: dict[int, Float64], chosen: dict[int, Float64], plan: _Plan, board: Board) -> bool:
    """Whether a marker that the board does not have stands in its lattice, just outside it."""
    own = set(plan.ids.tolist())
    numbers = np.array(list(chosen))
    pixels = np.array([chosen[int(n)] for n in numbers])
    centres = plan.corners.mean(axis=1)
    low, high = centres.min(axis=0) - 1.6 * board.step_m, centres.max(axis=0) + 1.6 * board.step_m
    turned = plan.corners[0] - centres[0]
    for i, corners in decoded.items():
        if i in own:
            continue
        nearest = np.argsort(np.linalg.norm(pixels.mean(axis=1) - corners.mean(axis=0), axis=1))
        H = _homography(plan.corners[numbers[nearest[:NEAREST_MARKERS]]], pixels[nearest[:NEAREST_MARKERS]])
        if H is None or abs(np.linalg.det(H)) < 1e-12:
            continue
        places = _mapped(np.asarray(np.linalg.inv(H), dtype=np.float64), corners)
        cell = np.rint((places.mean(axis=0) - centres[0]) / board.step_m)
        expected = centres[0] + cell * board.step_m + turned
        off = np.linalg.norm(places - expected, axis=1).max()
        beside = (expected.mean(axis=0) > low).all() and (expected.mean(axis=0) < high).all()
        if beside and off < LATTICE_OF_MARKER * board.tag_side_m:
            return True
    return False


def _with_neighbours(
    grey: Image, markers: dict[int, Float64], plan: _Plan, board: Board, sign: float
) -> dict[int, Float64]:
    """The markers and those beside them that were not decoded but look as they should at their place."""
    smooth = np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.6), dtype=np.float32)
    centres = plan.corners.mean(axis=1)
    found = dict(markers)
    for _ in range(GROWTH_ROUNDS):
        numbers = np.array(list(found))
        added = {}
        for n in range(len(plan.ids)):
            distance = np.linalg.norm(centres[numbers] - centres[n], axis=1)
            if n in found or distance.min() > 1.6 * board.step_m:
                continue
            nearest = numbers[np.argsort(distance)[:NEAREST_MARKERS]]
            H = _homography(plan.corners[nearest], np.array([found[int(m)] for m in nearest]))
            if H is not None and sign * _likeness(smooth, H, n, plan) > LEAST_LIKENESS:
                added[n] = _mapped(H, plan.corners[n])
        if not added:
            break
        found |= added
    return found


def _likeness(smooth: NDArray[np.float32], H: Float64, n: int, plan: _Plan) -> float:
    """Correlation of the marker's cells, black low, with the picture where H puts them; 0 if not inside."""
    cells = plan.cells[n]
    size = len(cells)
    low, high = plan.corners[n].min(axis=0), plan.corners[n].max(axis=0)
    at = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(low[0] + at * (high[0] - low[0]), low[1] + at * (high[1] - low[1]))
    pixels = _mapped(H, np.stack([x, y], axis=-1)).astype(np.float32)
    if (pixels < 0).any() or (pixels > np.array(smooth.shape[::-1]) - 1).any():
        return 0.0
    values = np.asarray(cv2.remap(smooth, pixels[..., 0], pixels[..., 1], cv2.INTER_LINEAR), dtype=np.float64)
    expected = np.where(cells, -1.0, 1.0)
    values, expected = values - values.mean(), expected - expected.mean()
    norm = float(np.linalg.norm(values) * np.linalg.norm(expected))
    return float((values * expected).sum()) / norm if norm > 0 else 0.0


def _localised(
    grey: Image, markers: dict[int, Float64], plan: _Plan, board: Board, sign: float
) -> tuple[Float64, Ids] | None:
    """Points beside the markers, on the saddles of the raw picture, and their rows; None if too few."""
    least = max(LEAST_POINTS, int(np.ceil(LEAST_PART * board.count)))
    numbers = np.array(list(markers))
    pixels = np.array([markers[int(n)] for n in numbers])
    centres = plan.corners[numbers].mean(axis=1)
    # A point is named only by a marker that touches its square or that it is a corner of.
    reach = board.step_m * (0.75 if board.kind == "charuco" else 0.7)
    rows, predicted, axes = [], [], []
    for row, point in enumerate(plan.points):
        distance = np.linalg.norm(centres - point, axis=1)
        if distance.min() > reach:
            continue
        nearest = np.argsort(distance)[:NEAREST_MARKERS]
        H = _homography(plan.corners[numbers[nearest]], pixels[nearest])
        if H is not None:
            rows.append(row)
            offsets = np.array([(0.0, 0.0), (plan.clearance_m, 0.0), (0.0, plan.clearance_m)])
            at = _mapped(H, point + offsets)
            predicted.append(at[0])
            axes.append(at[1:] - at[0])
    if len(rows) < least:
        return None
    ids, start, steps = np.array(rows, dtype=np.intp), np.array(predicted), np.array(axes)
    clearance = np.linalg.norm(steps, axis=2).min(axis=1)
    refined = _to_saddles(grey.astype(np.float32), start, steps)
    inside = ((refined > 1) & (refined < np.array(grey.shape[::-1]) - 2)).all(axis=1)
    near = np.linalg.norm(refined - start, axis=1) < np.maximum(MOVED_OF_CLEARANCE * clearance, 1.0)
    gap = sign * plan.dark[ids] * _saddle_height(grey, refined, steps)
    height = float(np.median(gap[inside & near])) if (inside & near).any() else 0.0
    keep = inside & near & (gap > LEAST_CONTRAST * height) & (height > 0)
    keep &= _regular(refined, plan.points[ids], clearance, keep, board)
    if keep.sum() < least:
        return None
    spread = np.linalg.svd(plan.points[ids[keep]] - plan.points[ids[keep]].mean(axis=0), compute_uv=False)
    if spread[-1] / np.sqrt(keep.sum()) < LEAST_SPREAD_STEPS * board.step_m:
        return None
    return refined[keep], ids[keep]


def _to_saddles(raw: NDArray[np.float32], start: Float64, steps: Float64) -> Float64:
    """Points moved to the saddles, each in the largest upright window that holds nothing but its own."""
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-3)
    # A pixel offset d lies at d @ inv(steps) in units of the clearance: for |d| <= h both stay within 1.
    sums = np.abs(np.linalg.inv(steps + 1e-9 * np.eye(2))).sum(axis=1).max(axis=1)
    half = np.clip(np.rint(WINDOW_OF_CLEARANCE / sums), *WINDOW_LIMITS).astype(int)
    inside = ((start >= 0) & (start <= np.array(raw.shape[::-1]) - 1)).all(axis=1)
    refined = start.copy()
    for size in np.unique(half[inside]):
        chosen = np.flatnonzero((half == size) & inside)
        corners = start[chosen].astype(np.float32).reshape(-1, 1, 2)
        moved = cv2.cornerSubPix(raw, corners, (int(size), int(size)), (-1, -1), criteria)
        refined[chosen] = np.asarray(moved).reshape(-1, 2)
    return refined


def _saddle_height(grey: Image, points: Float64, steps: Float64) -> Float64:
    """Mean brightness at upper right and lower left less that at upper left and lower right, float64 [N]."""
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.6)
    total = np.zeros(len(points))
    # At least a pixel away, or the blur has nothing left to compare.
    scale = 0.6 * np.maximum(1.0, 1.5 / np.linalg.norm(steps, axis=2).min(axis=1))[:, None]
    for u, v in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
        at = (points + scale * (u * steps[:, 0] + v * steps[:, 1])).astype(np.float32)
        values = cv2.remap(smooth, at[:, None, 0], at[:, None, 1], cv2.INTER_LINEAR)
        total -= u * v * np.asarray(values, dtype=np.float64).reshape(-1)
    height: Float64 = total / 2
    return height


def _regular(
    pixels: Float64, points: Float64, clearance: Float64, keep: NDArray[np.bool_], board: Board
) -> NDArray[np.bool_]:
    """Whether the homography of the points around each puts it where it is, as well as it does others."""
    error = np.full(len(pixels), np.inf)
    for n in np.flatnonzero(keep):
        away = np.abs(points - points[n]).max(axis=1)
        around = keep & (away < 2.1 * board.step_m)
        around[n] = False
        if around.sum() < 4:
            continue
        H, _ = cv2.findHomography(points[around] - points[n], pixels[around], cv2.LMEDS)
        if H is not None and abs(H[2, 2]) > 1e-9:
            error[n] = float(np.linalg.norm(H[:2, 2] / H[2, 2] - pixels[n]))
    typical = ASTRAY_OF_MEDIAN * float(np.median(error[keep])) if keep.any() else 0.0
    regular: NDArray[np.bool_] = error < np.minimum(ASTRAY_OF_CLEARANCE * clearance, typical) + ASTRAY_PX
    return regular


def _homography(points: Float64, pixels: Float64) -> Float64 | None:
    H, _ = cv2.findHomography(points.reshape(-1, 2), pixels.reshape(-1, 2), 0)
    return None if H is None or not np.isfinite(H).all() else np.asarray(H, dtype=np.float64)


def _mapped(H: Float64, points: Float64) -> Float64:
    flat = points.reshape(-1, 2)
    homogeneous = np.column_stack([flat, np.ones(len(flat))]) @ H.T
    mapped: Float64 = (homogeneous[:, :2] / homogeneous[:, 2:]).reshape(points.shape)
    return mapped
