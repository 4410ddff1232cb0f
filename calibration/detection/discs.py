"""Centres of circles by fitting blurred discs to the raw picture, all discs of a board at once.

Every disc is rendered through the board's map, so that its model is the picture of a circle under
perspective and distortion, and the fitted place is the picture of the circle's centre, free of the bias of
ellipse centres. Gauss-Newton: place, height, level and slope of the background are each disc's own, blur
and diameter are shared by the board and eliminated last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rigsight.calibration.boards import Float64
from rigsight.calibration.detection.board_map import POINT_SIGMA_PX, BoardMap, robust_board_map
from rigsight.calibration.detection.disc_pixels import DiscPixels, DiscShape, choose_pixels
from rigsight.calibration.detection.disc_profile import profile
from rigsight.calibration.pictures import Image

FIRST_BLUR_PX = 1.0
FIT_ROUNDS = (4, 3)
START_SIGMA = 0.03  # of starting points, as a part of their distance
BLUR_LIMITS_PX = (0.35, 6.0)
RADIUS_LIMITS = (0.55, 1.7)  # of the radius that was expected
RING_SIGMAS, RING_MARGIN_PX = 3.0, 1.0
FIRST_RING = 0.35  # of the radius: large discs start further off
LEAST_OF_ONE_SIGN = 0.85  # of the heights; otherwise the fit is given up
LARGEST_STEP = 0.35  # of the radius
# Geman and McClure's weights: reflections and what lies behind a rim do not pull. Sigmas, and the least
# spread, as a part of the height, that the model's own errors cause.
OUTLYING, MODEL_ERROR = 3.0, 0.01
# Prior standard deviations of the logarithms: of a radius that is known (a hot disc blooms) or guessed, and
# of the blur. They count where discs are too small to tell radius, blur and height apart.
KNOWN_RADIUS, GUESSED_RADIUS, ANY_BLUR = 0.05, 0.3, 0.5
FEWEST_FOR_BACKGROUND = 20
# Pixels of one disc: for looking, for getting near, and for the result.
FEW_PIXELS, SOME_PIXELS, MOST_PIXELS = 150, 400, 1000
SETTLED_PX = 0.004
FIRST = np.arange(3)
LOCAL = 6  # columns of each disc: level, slope x and y, height, and the places x and y
TINY = 1e-6  # keeps a disc solvable of which too few pixels are in the picture


@dataclass(frozen=True)
class Discs:
    """Fitted discs. Pixels and grey values of the raw picture; every array has a row a disc.

    Attributes:
        centres: float64 [N,2].
        height: inside minus outside, float64 [N], negative for dark discs.
        radius: of the circles on the board, in the map's unit.
        blur_px: sigma.
        covariance: of the centres, float64 [N,2,2].
        residual: root mean square of what the model leaves, float64 [N].
        explained: part of the variance round the background that the disc explains, float64 [N].
        height_sigma: standard deviation of ``height``, float64 [N].
        radius_px: geometric mean radius, float64 [N].
    """

    centres: Float64
    height: Float64
    radius: float
    blur_px: float
    covariance: Float64
    residual: Float64
    explained: Float64
    height_sigma: Float64
    radius_px: Float64


@dataclass(frozen=True)
class _Background:
    """What level and slope each disc should have: ``mean`` [N,3] and ``information`` [3]."""

    mean: Float64
    information: Float64


@dataclass(frozen=True)
class _System:
    """The linearised model: ``columns`` [N,P,K] of each disc, ``shared`` [N,P,2] of the board (blur and
    logarithm of the radius), and ``grey`` [N,P] without what the neighbours add."""

    columns: Float64
    shared: Float64
    grey: Float64


@dataclass(frozen=True)
class _State:
    """What is being improved; ``weight`` [N,P] belongs to the pixels in use."""

    centres: Float64
    height: Float64
    radius: float
    blur_px: float
    weight: Float64
    noise: float
    background: _Background | None = None


def fit_discs(
    raw: Image,
    centres: Float64,
    points: Float64,
    radius: float,
    spacing: float,
    *,
    known_radius: bool = False,
    blur_px: float = FIRST_BLUR_PX,
) -> Discs | None:
    """Fit all discs.

    Args:
        raw: grey picture, any depth.
        centres: about where they are, float64 [N,2], pixels, all inside the picture.
        points: the centres on the board, float64 [N,2], in any unit.
        radius: of the circles, about, in that unit.
        spacing: of nearest centres, in that unit.
        known_radius: whether ``radius`` is the board's own rather than a guess.
        blur_px: to start from.

    Returns:
        None when the fit breaks down.
    """
    values = np.asarray(raw, dtype=np.float32)
    size = (values.shape[1], values.shape[0])
    prior = (radius, KNOWN_RADIUS if known_radius else GUESSED_RADIUS)
    state = _start(centres, radius, blur_px)
    discs = None
    for stage, count in enumerate(FIT_ROUNDS):
        last = stage == len(FIT_ROUNDS) - 1
        sigma_px = START_SIGMA * spacing_px(state.centres) if stage == 0 else POINT_SIGMA_PX
        board_map = robust_board_map(state.centres, points, size, sigma_px)
        if board_map is None:
            return None
        shape = DiscShape.of(board_map, state.centres, state.radius)
        ring = _ring(state, shape, stage == 0)
        most = MOST_PIXELS if last else SOME_PIXELS
        pixels = choose_pixels(values, state.centres, shape, state.radius, ring, spacing, most)
        if pixels is None:
            return None
        state = replace(state, weight=pixels.used)
        for _ in range(count):
            improved = _improve(state, shape, pixels, values.size, prior)
            if improved is None:
                return None
            moved = float(np.abs(improved.centres - state.centres).max())
            state = improved
            if moved < SETTLED_PX:
                break
        discs, state = _judge(state, shape, pixels, values.size)
        if not _goes_well(state, radius):
            return None
    return discs


def _goes_well(state: _State, radius: float) -> bool:
    one_sign = (np.sign(np.median(state.height)) * state.height > 0).mean()
    low, high = RADIUS_LIMITS
    return bool(one_sign > LEAST_OF_ONE_SIGN and low * 1.01 < state.radius / radius < high * 0.99)


def heights_at(
    raw: Image, centres: Float64, board_map: BoardMap, radius: float, blur_px: float, spacing: float
) -> Discs | None:
    """Heights of discs of a given size and blur at given places; other arguments as in :func:`fit_discs`."""
    values = np.asarray(raw, dtype=np.float32)
    shape = DiscShape.of(board_map, centres, radius)
    state = _start(centres, radius, blur_px)
    pixels = choose_pixels(values, centres, shape, radius, _ring(state, shape, True), spacing, FEW_PIXELS)
    if pixels is None:
        return None
    return _judge(replace(state, weight=pixels.used), shape, pixels, values.size)[0]


def spacing_px(centres: Float64) -> float:
    """Median distance of a point to its nearest, pixels."""
    gaps = np.linalg.norm(centres[:, None] - centres, axis=2)
    return float(np.median(np.sort(gaps, axis=1)[:, 1]))


def _start(centres: Float64, radius: float, blur_px: float) -> _State:
    count = len(centres)
    return _State(centres, np.zeros(count), radius, blur_px, np.empty(0), 0.0)


def _ring(state: _State, shape: DiscShape, first: bool) -> float:
    ring = RING_SIGMAS * state.blur_px + RING_MARGIN_PX
    return max(ring, FIRST_RING * state.radius / float(np.median(shape.scale))) if first else ring


def _system(state: _State, shape: DiscShape, pixels: DiscPixels, size: int) -> _System:
    dx, dy = pixels.x - state.centres[:, :1], pixels.y - state.centres[:, 1:]
    distance, by_x, by_y, radius_px = shape.distances(pixels.x, pixels.y, state.centres, state.radius)
    share, slope = profile(distance / state.blur_px, state.blur_px / radius_px)
    grey, height = pixels.grey, state.height[:, None]
    if height.any():
        # What the neighbours' blurred rims add.
        seen = height * share * pixels.used
        total = np.bincount(pixels.flat.reshape(-1), seen.reshape(-1), minlength=size)
        grey = grey - (total[pixels.flat] - seen)
    columns = np.empty((*share.shape, LOCAL))
    columns[..., 0] = 1
    columns[..., 1], columns[..., 2], columns[..., 3] = dx, dy, share
    if not height.any():
        height = _own(columns[..., :4], grey, pixels.used)[:, 3:]
    steep = height * slope / state.blur_px
    columns[..., 4], columns[..., 5] = steep * by_x, steep * by_y
    shared = np.stack([-steep * distance / state.blur_px, steep * radius_px], axis=-1)
    return _System(columns, shared, grey)


def _own(columns: Float64, grey: Float64, weight: Float64) -> Float64:
    """Weighted least squares of each disc alone: [N,K]."""
    weighted = (columns * weight[..., None]).transpose(0, 2, 1)
    normal = np.asarray(weighted @ columns + TINY * np.eye(columns.shape[-1]))
    return np.asarray(np.linalg.solve(normal, weighted @ grey[..., None])[..., 0], dtype=np.float64)


def _improve(
    state: _State, shape: DiscShape, pixels: DiscPixels, size: int, prior: tuple[float, float]
) -> _State | None:
    """One step of Gauss-Newton, then robust weights for the next; ``prior``: radius and its sigma (log)."""
    system = _system(state, shape, pixels, size)
    solution = _solve_shared(system, state, prior)
    if solution is None:
        return None
    local, common = solution
    left = system.grey - (system.columns @ local[..., None])[..., 0] - system.shared @ common
    spread = _middle_spread(left, pixels.used) + MODEL_ERROR * np.abs(local[:, 3])
    weight = pixels.used / (1 + (left / (OUTLYING * spread[:, None])) ** 2) ** 2
    step = local[:, 4:6]
    length = np.maximum(np.linalg.norm(step, axis=1), 1e-12)
    step = step * np.minimum(1, LARGEST_STEP * state.radius / shape.scale / length)[:, None]
    blur = state.blur_px * (1 + np.clip(common[0] / state.blur_px, -0.4, 0.6))
    radius = state.radius * (1 + np.clip(common[1], -0.15, 0.15))
    return replace(
        state,
        centres=state.centres + step,
        height=local[:, 3],
        radius=float(np.clip(radius, RADIUS_LIMITS[0] * prior[0], RADIUS_LIMITS[1] * prior[0])),
        blur_px=float(np.clip(blur, *BLUR_LIMITS_PX)),
        weight=weight,
        noise=float(np.median(_spread(left, weight))),
    )


def _middle_spread(left: Float64, used: Float64) -> Float64:
    """Standard deviation from the median of absolute values, float64 [N]."""
    ordered = np.sort(np.where(used > 0, np.abs(left), np.inf), axis=1)
    middle = (used.sum(axis=1) / 2).astype(np.intp)
    found = ordered[np.arange(len(left)), middle]
    return np.asarray(1.4826 * np.where(np.isfinite(found), found, 0) + 1e-9)


def _spread(left: Float64, used: Float64) -> Float64:
    """Weighted root mean square, float64 [N]."""
    count = np.maximum(used.sum(axis=1) - LOCAL, 1)
    return np.asarray(np.sqrt((left**2 * used).sum(axis=1) / count) + 1e-9)


def _solve_shared(
    system: _System, state: _State, prior: tuple[float, float]
) -> tuple[Float64, Float64] | None:
    """Each disc's own unknowns [N,K] and those of the board [2], by Schur complement."""
    columns, shared, grey = system.columns, system.shared, system.grey[..., None]
    weighted = (columns * state.weight[..., None]).transpose(0, 2, 1)
    normal, right, cross = weighted @ columns, weighted @ grey, weighted @ shared
    normal += TINY * np.eye(normal.shape[-1])
    noise = state.noise**2
    if state.background is not None:
        normal[:, FIRST, FIRST] += noise * state.background.information
        right[:, :3, 0] += noise * state.background.information * state.background.mean
    try:
        solved = np.linalg.solve(normal, np.concatenate([right, cross], axis=-1))
        outer = (shared * state.weight[..., None]).transpose(0, 2, 1)
        crossed = cross.transpose(0, 2, 1)
        reduced = (outer @ shared - crossed @ solved[..., 1:]).sum(axis=0)
        target = (outer @ grey - crossed @ solved[..., :1]).sum(axis=0)[:, 0]
        wanted = -np.log([state.blur_px / FIRST_BLUR_PX, state.radius / prior[0]])
        information = noise / np.array([ANY_BLUR, prior[1]]) ** 2 + 1e-9
        scale = np.array([state.blur_px, 1.0])
        information, wanted = information / scale**2, wanted * scale
        common = np.linalg.solve(reduced + np.diag(information), target + information * wanted)
    except np.linalg.LinAlgError:
        return None
    local: Float64 = solved[..., 0] - solved[..., 1:] @ common
    return (local, common) if np.isfinite(local).all() and np.isfinite(common).all() else None


def _judge(state: _State, shape: DiscShape, pixels: DiscPixels, size: int) -> tuple[Discs, _State]:
    """The discs with all that tells how well they fit, and the state with the background they suggest."""
    system = _system(state, shape, pixels, size)
    weighted = (system.columns * state.weight[..., None]).transpose(0, 2, 1)
    normal = weighted @ system.columns
    normal += TINY * np.eye(normal.shape[-1])
    inverse: Float64 = np.asarray(np.linalg.inv(normal), dtype=np.float64)
    # Without the prior: a surface through values that it pulled to itself would never move.
    alone = (inverse @ (weighted @ system.grey[..., None]))[..., 0]
    left = system.grey - (system.columns @ alone[..., None])[..., 0]
    own = _spread(left, state.weight)
    pooled = float(np.median(own))
    variance = np.maximum(own**2, pooled**2 / 2)
    background = _background(state.centres, alone[:, :3], (inverse * variance[:, None, None])[:, :3, :3])
    if state.background is not None:
        normal[:, FIRST, FIRST] += pooled**2 * state.background.information
        inverse = np.asarray(np.linalg.inv(normal), dtype=np.float64)
    inverse = inverse * variance[:, None, None]
    ground = _own(system.columns[..., :3], system.grey, state.weight)
    without = system.grey - (system.columns[..., :3] @ ground[..., None])[..., 0]
    before = np.maximum((without**2 * state.weight).sum(axis=1), 1e-12)
    discs = Discs(
        centres=state.centres,
        height=state.height if state.height.any() else alone[:, 3],
        radius=state.radius,
        blur_px=state.blur_px,
        covariance=inverse[:, 4:6, 4:6],
        residual=own,
        explained=1 - (left**2 * state.weight).sum(axis=1) / before,
        height_sigma=np.sqrt(inverse[:, 3, 3]),
        radius_px=state.radius / shape.scale,
    )
    return discs, replace(state, background=background)


def _background(centres: Float64, found: Float64, covariance: Float64) -> _Background | None:
    """A smooth background under the board, so far as the discs' own levels and slopes follow one.

    Small discs cannot tell a slope of the background from a shift. Where their slopes scatter round a
    quadratic surface by no more than their uncertainty, that surface is better than each alone (empirical
    Bayes); where they scatter more, as on a plate with reflections, each keeps its own.
    """
    if len(centres) < FEWEST_FOR_BACKGROUND:
        return None
    x, y = ((centres - centres.mean(axis=0)) / np.ptp(centres, axis=0)).T
    design = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    mean = design @ np.linalg.lstsq(design, found, rcond=None)[0]
    share = len(centres) / (len(centres) - design.shape[1])
    variance = covariance[:, FIRST, FIRST].mean(axis=0)
    excess = share * ((found - mean) ** 2).mean(axis=0) - variance
    return _Background(mean, 1 / np.maximum(excess, 0.1 * variance))
