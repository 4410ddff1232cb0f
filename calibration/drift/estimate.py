"""From shifts in tiles to a rotation of the thermal camera, and a verdict.

Depth shifts thermal against RGB along the direction of the baseline only. So the component across it is
free of parallax, while the one along it cannot be told from a change of depth in one session: it counts
with an uncertainty that holds how much depth moved it within the sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.drift.baseline import DriftBaseline
from rigsight.calibration.drift.peaks import TileShifts, prominence, tile_shifts
from rigsight.calibration.drift.session import COARSE, REACH_PX, Session
from rigsight.calibration.rig import Float64, Plane, Rig

MIN_PAIRS = 50
MIN_TILES = 4
# Halfway between no drift and the 1.5 px that must be found.
TOLERANCE_PX = 0.75
# Of a tile in one session, beyond what the course of the session shows.
TILE_FLOOR_PX = 0.15
# How far edges of the two spectra lie apart in a tile for good: shading, heat that flows, lamps.
TYPICAL_BIAS_PX = 0.2
HUBER = 1.5
SIGNIFICANT = 3.0
# The tolerance must be so many standard errors for an answer.
KNOWN_WELL = 2.5
ROUNDS = 10
SMALL_SAMPLE = 1.15
# How much nearer or farther the whole scene may be than in the baseline's session, one standard deviation.
DISTANCE_FACTOR = 0.5

Bool = NDArray[np.bool_]
Verdict = Literal["fine", "drifted", "cannot tell"]


@dataclass(frozen=True)
class Drift:
    """What a session says. Pixels are those of the rig's output grid.

    Attributes:
        verdict: ``fine``, ``drifted`` or ``cannot tell``.
        reason: one sentence for people.
        drift_px: estimated displacement of thermal against RGB, RMS over the picture; of what counts.
        across_px, across_sigma_px: at the picture's centre, across the baseline; free of parallax.
        along_px, along_sigma_px: along the baseline, where depth has the same effect.
        apparent_along_px: median of what the tiles show along the baseline, parallax included.
        roll_px: from turning about the optical axis, at the picture's corner.
        rotation_deg: turn of the thermal camera about x, y and z of the output camera.
        pairs, tiles: how many were used.
        baseline: whether the session was compared with one, else with the calibration itself.
    """

    verdict: Verdict
    reason: str
    drift_px: float | None
    across_px: float | None
    across_sigma_px: float | None
    along_px: float | None
    along_sigma_px: float | None
    apparent_along_px: float | None
    roll_px: float | None
    rotation_deg: tuple[float, float, float] | None
    pairs: int
    tiles: int
    baseline: bool


@dataclass(frozen=True)
class _Geometry:
    """Tiles as rays, and where depth moves things: all in working pixels."""

    turn: Float64  # [T,2,3] displacement of a tile for a rotation of 1 rad about x, y, z
    along: Float64  # [T,2] unit direction of parallax, zero where there is no baseline
    surface: Float64  # [T] parallax of the reference surface against infinity
    focal: float
    corner: float

    @property
    def across(self) -> Float64:
        return np.stack([-self.along[:, 1], self.along[:, 0]], axis=1)


def estimate(
    session: Session,
    rig: Rig,
    camera: str,
    baseline: DriftBaseline | None = None,
    tolerance_px: float = TOLERANCE_PX,
) -> Drift:
    """Judge a session of pictures that were aligned by ``rig``; ``camera`` is the thermal one."""
    count = len(session)
    if count < MIN_PAIRS:
        return _unknown(f"{count} pairs are too few, {MIN_PAIRS} are needed", count, 0, baseline)
    shifts = tile_shifts(session.surfaces, REACH_PX)
    far = _far_away(session)
    if far is not None:
        return _large(far, session, count, tolerance_px, baseline)
    used = shifts.seen
    if used.sum() < MIN_TILES:
        what = f"only {used.sum()} of {len(used)} parts of the picture show edges that both cameras see"
        return _unknown(what, count, int(used.sum()), baseline)
    geometry = _geometry(rig, camera, session)
    common = _common(shifts, geometry, used)
    slack_px = common[1] * np.sqrt(len(shifts.course))
    if baseline is not None:
        slack_px = float(np.hypot(slack_px, baseline.depth_px))
    observations = _observe(shifts, geometry, baseline)
    rotation, covariance, misfit = _fit(observations, geometry, common[0], slack_px)
    apparent = float(np.median(observations.along[used])) / session.scale
    return _judge(
        rotation, covariance, misfit, apparent, geometry, session, used, tolerance_px, count, baseline
    )  # fmt: skip


def take_baseline(session: Session, rig: Rig, camera: str, rig_sha256: str) -> DriftBaseline | None:
    """The reference of a freshly calibrated rig; None where the pictures hold too little."""
    if len(session) < MIN_PAIRS:
        return None
    shifts = tile_shifts(session.surfaces, REACH_PX)
    if shifts.seen.sum() < MIN_TILES:
        return None
    geometry = _geometry(rig, camera, session)
    common = _common(shifts, geometry, shifts.seen)
    return DriftBaseline.of(
        rig_sha256, session.size, len(session), shifts.shift, shifts.error,
        float(common[1] * np.sqrt(len(shifts.course))),
    )  # fmt: skip


@dataclass(frozen=True)
class _Observations:
    """What every tile says, less what the baseline showed there, and the standard errors; each [T]."""

    across: Float64
    across_error: Float64
    along: Float64
    along_error: Float64
    nearness: Float64  # parallax against infinity in the baseline's session: f b / z, pixels


def _observe(shifts: TileShifts, geometry: _Geometry, baseline: DriftBaseline | None) -> _Observations:
    def parts(direction: Float64) -> tuple[Float64, Float64]:
        error = np.sqrt((direction**2 * shifts.error**2).sum(axis=1) + TILE_FLOOR_PX**2)
        return (direction * shifts.shift).sum(axis=1), error

    across, across_error = parts(geometry.across)
    along, along_error = parts(geometry.along)
    # Where depth is not known from a baseline, a tile says nothing along the baseline direction.
    nothing = np.full(len(along), np.inf)
    if baseline is None:
        return _Observations(
            across, np.hypot(across_error, TYPICAL_BIAS_PX), along, nothing, geometry.surface
        )  # fmt: skip
    shift, error = baseline.shift, baseline.error
    known = np.isfinite(shift[:, 0])
    there = np.where(known, (geometry.across * shift).sum(axis=1), 0.0)
    variance = np.where(known, (geometry.across**2 * error**2).sum(axis=1) + TILE_FLOOR_PX**2, np.inf)
    # The best guess of a tile's constant bias lies between what the baseline measured and none (empirical
    # Bayes): how large biases are in this rig is taken from all tiles.
    bias = max(TYPICAL_BIAS_PX, 1.4826 * float(np.median(np.abs(there[known]))) if known.any() else 0.0)
    share = bias**2 / (bias**2 + variance)
    across = across - share * there
    across_error = np.sqrt(across_error**2 + bias**2 * (1 - share))
    along = np.where(known, along - (geometry.along * shift).sum(axis=1), along)
    before = (geometry.along**2 * error**2).sum(axis=1) + TILE_FLOOR_PX**2
    along_error = np.where(known, np.sqrt(along_error**2 + before), nothing)
    # Nearer than the reference surface, thermal is displaced against the direction of the baseline.
    there_along = np.where(known, (geometry.along * shift).sum(axis=1), 0.0)
    nearness = np.maximum(geometry.surface - there_along, 0.0)
    return _Observations(across, across_error, along, along_error, nearness)


def _geometry(rig: Rig, camera: str, session: Session) -> _Geometry:
    K = rig.output.matrix * session.scale
    f = float(np.sqrt(K[0, 0] * K[1, 1]))
    x, y = ((session.tiles.centres - K[:2, 2]) / (K[0, 0], K[1, 1])).T
    one = np.ones_like(x)
    # A ray (x, y, 1) turned by w moves by w x (x, y, 1); its pixel by f times that, less its z part.
    turn = f * np.stack(
        [np.stack([-x * y, one + x * x, -y], axis=1), np.stack([-one - y * y, x * y, x], axis=1)], axis=1
    )
    pose = rig.pose(camera)
    centre = -pose[:3, :3].T @ pose[:3, 3]  # of the camera, in the reference frame
    along = np.stack([centre[0] - x * centre[2], centre[1] - y * centre[2]], axis=1)
    length = np.linalg.norm(along, axis=1, keepdims=True)
    along = np.where(length > 1e-6, along / np.maximum(length, 1e-12), 0.0)
    # Other surfaces than planes: one nearness for all tiles, so that depth may explain anything.
    nearness = np.full(len(x), 1 / float(np.median(np.maximum(length, 1e-6))) * REACH_PX / f)
    if isinstance(rig.surface, Plane):
        nearness = np.stack([x, y, one], axis=1) @ np.array(rig.surface.normal) / rig.surface.distance_m
    return _Geometry(
        turn, along, f * length[:, 0] * np.maximum(nearness, 0), f, float(np.hypot(*session.size)) / 2
    )


def _common(shifts: TileShifts, geometry: _Geometry, used: Bool) -> tuple[float, float]:
    """Standard error of what all tiles do together over the session: across and along the baseline."""
    errors = []
    for direction in (geometry.across, geometry.along):
        course = (shifts.course[:, used] * direction[used]).sum(axis=2)
        still = course - np.nanmedian(course, axis=0)
        steps = np.nanmedian(np.where(np.isfinite(still), still, np.nan), axis=1)
        steps = steps[np.isfinite(steps)]
        errors.append(float(steps.std(ddof=1) / np.sqrt(len(steps))) if len(steps) > 2 else 1.0)
    return errors[0], errors[1]


def _fit(
    seen: _Observations, geometry: _Geometry, common_px: float, depth_px: float
) -> tuple[Float64, Float64, float]:
    """Rotation [3], its covariance [3,3], and the tiles' misfit across the baseline in pixels.

    Unknowns are the rotation and what depth is allowed to do along the baseline: one shift, ``depth_px`` its
    standard deviation, and a common factor on all distances, of which nothing is known but that it is near 1.
    The factor moves near things more than far ones, a turn moves all alike: where a scene holds both, the two
    are told apart, before a flat wall they are not. Robust weights (Huber), because a tile may have found a
    false peak; the scale of the residuals is taken from the data for both directions, since depth makes one
    of them worse.
    """
    rows, values, sigmas, part = [], [], [], []
    for k, (direction, value, sigma) in enumerate(
        (
            (geometry.across, seen.across, seen.across_error),
            (geometry.along, seen.along, seen.along_error),
        )
    ):
        projected = np.einsum("ti,tij->tj", direction, geometry.turn)
        present = np.isfinite(value) & np.isfinite(sigma) & (np.linalg.norm(direction, axis=1) > 0.5)
        rows.append(np.column_stack([projected, np.full(len(value), float(k)), k * seen.nearness])[present])
        values.append(value[present])
        sigmas.append(sigma[present])
        part.append(np.full(int(present.sum()), k))
    A, b, sigma, which = (np.concatenate(each) for each in (rows, values, sigmas, part))
    prior = np.diag([0, 0, 0, 1 / max(depth_px, 1e-3) ** 2, 1 / DISTANCE_FACTOR**2]) + 1e-6 * np.eye(5)
    weights, scale = np.ones(len(b)), np.ones(len(b))
    for _ in range(ROUNDS):
        root = weights / (sigma * scale) ** 2
        covariance = np.linalg.inv(A.T @ (A * root[:, None]) + prior)
        solution = covariance @ (A.T @ (root * b))
        residual = (b - A @ solution) / sigma
        for k in (0, 1):
            if (which == k).any():
                spread = 1.4826 * float(np.median(np.abs(residual[which == k]))) * SMALL_SAMPLE
                scale[which == k] = max(1.0, spread)
        weights = np.minimum(1.0, HUBER / np.maximum(np.abs(residual) / scale, 1e-9))
    across = (residual * sigma)[which == 0]
    misfit = 1.4826 * float(np.median(np.abs(across)))
    # What all tiles do together in time does not average out over them.
    turned = np.diag([1.0, 1.0, 0.0]) * (common_px / geometry.focal) ** 2
    return solution[:3], covariance[:3, :3] + turned, misfit


def _judge(
    rotation: Float64,
    covariance: Float64,
    misfit: float,
    apparent_px: float,
    geometry: _Geometry,
    session: Session,
    used: Bool,
    tolerance_px: float,
    count: int,
    baseline: DriftBaseline | None,
) -> Drift:
    scale = session.scale
    along = geometry.along.mean(axis=0)
    along = along / max(float(np.linalg.norm(along)), 1e-9)
    across = np.array([-along[1], along[0]]) if along.any() else np.array([0.0, 1.0])
    along = along if along.any() else np.array([1.0, 0.0])
    centre = geometry.focal * np.array([[0.0, 1, 0], [-1, 0, 0]])
    parts, sigmas = [], []
    for direction in (across, along):
        row = direction @ centre
        parts.append(float(row @ rotation) / scale)
        sigmas.append(float(np.sqrt(row @ covariance @ row)) / scale)
    roll = float(rotation[2]) * geometry.corner / scale
    roll_sigma = float(np.sqrt(covariance[2, 2])) * geometry.corner / scale
    # Depth must be ruled out before the part along the baseline counts by itself. Where the part across it
    # has shown that the camera moved, the best guess of the other counts.
    # A large value with a large uncertainty is an extrapolation over depth, and does not.
    known = sigmas[1] < tolerance_px / KNOWN_WELL
    sure_along = abs(parts[1]) if known and abs(parts[1]) > SIGNIFICANT * sigmas[1] else 0.0
    has_moved = abs(parts[0]) > max(tolerance_px / 2, 2 * SIGNIFICANT * sigmas[0])
    if has_moved and sigmas[1] < tolerance_px:
        sure_along = max(sure_along, float(np.sqrt(max(parts[1] ** 2 - sigmas[1] ** 2, 0.0))))
    sure_roll = abs(roll) if abs(roll) > SIGNIFICANT * roll_sigma else 0.0
    drift = float(np.sqrt(parts[0] ** 2 + sure_along**2 + sure_roll**2 / 3))
    facts = {
        "drift_px": drift,
        "across_px": parts[0],
        "across_sigma_px": sigmas[0],
        "along_px": parts[1],
        "along_sigma_px": sigmas[1],
        "apparent_along_px": apparent_px,
        "roll_px": roll,
        "rotation_deg": tuple(float(v) for v in np.degrees(rotation)),
        "pairs": count,
        "tiles": int(used.sum()),
        "baseline": baseline is not None,
    }
    if misfit / scale > max(1.0, tolerance_px) or sigmas[0] > tolerance_px / KNOWN_WELL:
        reason = (
            f"the parts of the picture contradict each other ({misfit / scale:.1f} px), or too few edges are "
            f"common: across the baseline the drift is known to {sigmas[0]:.1f} px only"
        )
        return Drift(verdict="cannot tell", reason=reason, **facts)  # type: ignore[arg-type]
    if drift > tolerance_px:
        reason = f"thermal lies {drift:.1f} px from where the calibration puts it"
        return Drift(verdict="drifted", reason=reason, **facts)  # type: ignore[arg-type]
    reason = f"across the baseline thermal lies {abs(parts[0]):.2f} px from where the calibration puts it"
    return Drift(verdict="fine", reason=reason, **facts)  # type: ignore[arg-type]


def _far_away(session: Session) -> Float64 | None:
    """A displacement beyond the tiles' reach, working pixels, that a quarter of the size shows clearly."""
    found = tile_shifts(session.coarse, REACH_PX)
    whole = np.sum(session.coarse, axis=0)[0]
    if not found.seen[0] or prominence(whole) < 6 or found.error[0].max() > 0.5:
        return None
    shift: Float64 = found.shift[0] * COARSE
    return shift if np.abs(shift).max() > REACH_PX - 1 else None


def _large(
    shift: Float64, session: Session, count: int, tolerance_px: float, baseline: DriftBaseline | None
) -> Drift:
    size = float(np.linalg.norm(shift)) / session.scale
    reason = f"thermal lies about {size:.0f} px from where the calibration puts it"
    verdict: Verdict = "drifted" if size > tolerance_px else "fine"
    nothing = (None,) * 7
    return Drift(verdict, reason, size, *nothing, pairs=count, tiles=1, baseline=baseline is not None)


def _unknown(reason: str, count: int, tiles: int, baseline: DriftBaseline | None) -> Drift:
    nothing = (None,) * 8
    return Drift("cannot tell", reason, *nothing, pairs=count, tiles=tiles, baseline=baseline is not None)
