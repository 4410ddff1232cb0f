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
from rigsight.calibration.detection.centroids import refine_centres
from rigsight.calibration.detection.discs import (
    FIRST_BLUR_PX,
    START_SIGMA,
    Discs,
    fit_discs,
    heights_at,
    spacing_px,
)
from rigsight.calibration.detection.effort import Clock
from rigsight.calibration.detection.grey import without_lines
from rigsight.calibration.detection.grid import in_view_order
from rigsight.calibration.detection.grid_check import is_whole_grid, may_be_seen
from rigsight.calibration.detection.lattice_fit import (
    LOOSE,
    STRICT,
    Limits,
    Placement,
    Seeds,
    find_seeds,
    placements,
)
from rigsight.calibration.detection.spots import spot_sets
from rigsight.calibration.pictures import Image

# Radii of circles over the distance of their centres, when the board does not state them.
RADIUS_LIMITS = (0.12, 0.46)
RADIUS_FACTOR = 1.7  # by which spots may answer to another size than their discs have
KNOWN_RADIUS_LIMITS = (0.8, 1.25)  # of the board's own; the gaps between discs look like larger ones
FEWEST = 0.7  # spots, of the board's points
LARGE_RADIUS_PX = 45.0
LIKELY = 0.6
# A grid that is shifted by a line has spots of the backdrop for discs: it is fitted only after better ones.
ALIKE_HEIGHTS, MOSTLY_ALIKE = (0.4, 2.5), 0.9
FROM_FAR = 0.3  # of the radius
ASTRAY_OF_SPACING, MOST_ASTRAY = 0.1, 0.25
MOST_PROPOSALS, MOST_OF_A_SET, MOST_DOUBTFUL = 80, 11, 6
SAME_OF_SPACING = 0.3
TINY_DISC, TINY_LOW = 2.5, 0.55  # radius of the blur
LARGE_DISC_PX, CENTROID_SIGMA_PX = 22.0, 0.1
LARGEST_START = 0.08  # median distance of starting points from a smooth map, as a part of their distance


@dataclass(frozen=True)
class CircleGrid:
    """A found grid: ``points`` float64 [N,2] px in the board's order, ``covariance`` float64 [N,2,2], the
    fitted ``discs`` in the same order, and whether the points are centres of ellipses rather than pictures
    of the circles' centres."""

    points: Float64
    covariance: Float64
    discs: Discs
    ellipse_centres: bool = False


def find_circles(grey: Image, board: Board, clock: Clock) -> CircleGrid | None:
    """The whole grid, or None when it is not seen or the time is over."""
    grey = without_lines(grey)
    doubtful: list[Proposal] = []
    known: list[Float64] = []
    for blobs, seeds, limits in _candidates(grey, board):
        before = len(known)
        for places in placements(blobs.points, blobs.strength, seeds, board, limits):
            if clock.expired:
                return None
            if len(known) - before >= MOST_OF_A_SET:
                break
            best = places[0].covered
            for equal in ([p for p in places if p.covered == best], [p for p in places if p.covered < best]):
                proposals = [_proposal(grey, place, blobs, board, known) for place in equal]
                likely = [found for found in proposals if found is not None and found.likely]
                accepted = []
                for found in likely:
                    if clock.expired:
                        return None  # undecided: others may equal what was accepted
                    grid = refine_grid(grey, found, board)
                    accepted += [grid] if grid is not None else []
                if len(accepted) == 1:
                    return accepted[0]
                doubtful += [found for found in proposals if found is not None and not found.likely]
                if accepted or clock.expired:
                    break
    # What is hardly seen comes last, the best first: the gaps between discs look a little like discs.
    for found in sorted(doubtful, key=lambda proposal: -proposal.explained)[:MOST_DOUBTFUL]:
        if clock.expired:
            return None
        grid = refine_grid(grey, found, board)
        if grid is not None:
            return grid
    return None


def _candidates(grey: Image, board: Board) -> Iterator[tuple[Blobs, Seeds, Limits]]:
    """Sets of spots, most promising first, where grids may begin, and how regular these must be."""
    radii = plausible_radii(board, (grey.shape[1], grey.shape[0]))
    if radii[0] >= LARGE_RADIUS_PX:
        yield from _large(grey, board)
    sets = []
    for blobs in blob_sets(grey, radii, int(np.ceil(FEWEST * board.count))):
        seeds = find_seeds(blobs.points, blobs.strength, STRICT)
        # Spots in a grid answer most strongly at the size and polarity of the discs; gaps are weaker.
        score = float(np.sort(blobs.strength[seeds.index])[-board.count :].sum())
        sets.append((score, blobs, seeds))
    for score, blobs, seeds in sorted(sets, key=lambda entry: -entry[0]):
        if score > 0:
            yield blobs, seeds, STRICT
    if radii[0] < LARGE_RADIUS_PX:
        yield from _large(grey, board)


def _large(grey: Image, board: Board) -> Iterator[tuple[Blobs, Seeds, Limits]]:
    for blobs in spot_sets(grey, board.count):
        yield blobs, find_seeds(blobs.points, blobs.strength, LOOSE), LOOSE


@dataclass(frozen=True)
class Proposal:
    """Where the board may be: ``points`` float64 [N,2] px in its order, the radius of its circles in metres,
    what part of the grey values' variance discs there explain, and which part of them are of like height."""

    points: Float64
    radius_m: float
    explained: float
    alike: float

    @property
    def likely(self) -> bool:
        """Whether this is worth a fit before other proposals are seen."""
        return self.explained > LIKELY and self.alike > MOSTLY_ALIKE


def _proposal(
    grey: Image, place: Placement, blobs: Blobs, board: Board, known: list[Float64]
) -> Proposal | None:
    """The board at a placement, unless it cannot be there or was proposed there before (``known`` grows)."""
    seen = place.index >= 0
    points = np.zeros((board.count, 2))
    points[seen] = blobs.points[place.index[seen]]
    size = (grey.shape[1], grey.shape[0])
    ordered = _in_order(points, seen, board, size)
    if ordered is None or len(known) >= MOST_PROPOSALS:
        return None
    points = ordered
    same = SAME_OF_SPACING * spacing_px(points)
    if any(np.abs(points - other).max() < same for other in known):
        return None
    known.append(points)
    board_map = _regular_map(points, board, size)
    if board_map is None:
        return None
    if (points < 0).any() or (points > np.array(size) - 1).any():
        return None
    scale = float(np.median(np.sqrt(np.abs(np.linalg.det(board_map.jacobian(points))))))  # metres a pixel
    radius_m = scale * float(np.median(blobs.radius_px[place.index[seen]]))
    spacing = nearest_m(board)
    if board.diameter_m is not None:
        if not 1 / RADIUS_FACTOR < radius_m / (board.diameter_m / 2) < RADIUS_FACTOR:
            return None
        radius_m = board.diameter_m / 2
    radius_m = float(np.clip(radius_m, RADIUS_LIMITS[0] * spacing, RADIUS_LIMITS[1] * spacing))
    first = heights_at(grey, points, board_map, radius_m, FIRST_BLUR_PX, spacing)
    if first is None or not may_be_seen(first):
        return None
    height = first.height / np.median(first.height)
    alike = (height > ALIKE_HEIGHTS[0]) & (height < ALIKE_HEIGHTS[1])
    return Proposal(points, radius_m, float(np.median(first.explained)), float(alike.mean()))


def refine_grid(grey: Image, start: Proposal, board: Board) -> CircleGrid | None:
    """Fit discs from a proposal, and check them on the raw data."""
    size = (grey.shape[1], grey.shape[0])
    true, known = board.object_points()[:, :2], board.diameter_m is not None
    discs = fit_discs(grey, start.points, true, start.radius_m, nearest_m(board), known_radius=known)
    if discs is None:
        return None
    # Spots beside their discs may have led the fit astray: those discs start again from where the rest are.
    # And a disc that came from far has disturbed what all share: radius and blur.
    astray, predicted = _astray(discs, true, size)
    came = np.linalg.norm(discs.centres - start.points, axis=1) / discs.radius_px
    if (astray.any() and astray.mean() < MOST_ASTRAY) or came.max() > FROM_FAR:
        again = np.where(astray[:, None], predicted, discs.centres)
        discs = fit_discs(
            grey,
            again,
            true,
            discs.radius,
            nearest_m(board),
            known_radius=known,
            blur_px=discs.blur_px,
        )
    if discs is None or not _has_size(discs, board):
        return None
    smooth = fit_board_map(discs.centres, true, size)
    if smooth is None or not is_whole_grid(grey, discs, smooth, board):
        return None
    if in_view_order(discs.centres, board) is None:
        return None
    if float(np.median(discs.radius_px)) < LARGE_DISC_PX:
        return CircleGrid(discs.centres, discs.covariance, discs)
    # One view does not tell the shape of large discs to a fraction of a pixel under a strong lens, and
    # reflections in them disturb a fit: centroids, which the solver frees of their bias by the lens of all
    # views, are better (0.14 against 0.18 px on real pictures with radii of 25 to 65 px).
    centroids = refine_centres(grey, discs.centres, board)
    variance = np.broadcast_to(CENTROID_SIGMA_PX**2 * np.eye(2), discs.covariance.shape)
    return CircleGrid(centroids, variance, discs, ellipse_centres=True)


def _astray(discs: Discs, true: Float64, size: tuple[int, int]) -> tuple[NDArray[np.bool_], Float64]:
    """Which discs lie far from a smooth map of the others, and where it has them, float64 [N,2]."""
    board_map = robust_board_map(discs.centres, true, size)
    if board_map is None:
        return np.zeros(len(true), dtype=bool), discs.centres
    predicted = board_map.to_picture(true)
    off = np.linalg.norm(predicted - discs.centres, axis=1)
    return off > ASTRAY_OF_SPACING * spacing_px(discs.centres), predicted


def _has_size(discs: Discs, board: Board) -> bool:
    if board.diameter_m is None:
        return discs.radius < RADIUS_LIMITS[1] * nearest_m(board)
    low, high = KNOWN_RADIUS_LIMITS
    if float(np.median(discs.radius_px)) < TINY_DISC * discs.blur_px:
        low = TINY_LOW  # blur and radius can hardly be told apart
    return low < discs.radius / (board.diameter_m / 2) < high


def nearest_m(board: Board) -> float:
    """Distance of nearest centres, metres."""
    points = board.object_points()
    return float(np.sort(np.linalg.norm(points - points[0], axis=1))[1])


def _in_order(
    points: Float64, seen: NDArray[np.bool_], board: Board, size: tuple[int, int]
) -> Float64 | None:
    """All points in the order in which the board is seen from its front, missing ones predicted."""
    if not seen.all():
        true = board.object_points()[:, :2]
        sigma_px = START_SIGMA * spacing_px(points[seen])
        board_map = robust_board_map(points[seen], true[seen], size, sigma_px)
        if board_map is None:
            return None
        points[~seen] = board_map.to_picture(true[~seen])
    return in_view_order(points, board)


def _regular_map(points: Float64, board: Board, size: tuple[int, int]) -> BoardMap | None:
    """A smooth map through the points, if they follow one."""
    true, spacing = board.object_points()[:, :2], spacing_px(points)
    board_map = robust_board_map(points, true, size, START_SIGMA * spacing)
    if board_map is None:
        return None
    off = np.linalg.norm(board_map.residuals_px(points, true), axis=1)
    return board_map if float(np.median(off)) < LARGEST_START * spacing else None
