"""Errors to expect: alignment over distance, parallax of one fixed surface, views left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from html import escape

from rigsight.base.errors import RigsightError
from rigsight.base.html.svg import short
from rigsight.calibration.accuracy import parallax_px
from rigsight.calibration.report.curve import NARROW, WIDE, curve_distances, error_curve
from rigsight.calibration.report.subject import NOTHING, Subject, fine, named, panel, px, section, table
from rigsight.calibration.rig import Cylinder, MatchedHomography, Plane, Rig
from rigsight.calibration.uncertainty import PredictedError, predicted_alignment_errors

SECANT_STEPS = 3


def alignment_section(subject: Subject, camera: str) -> str:
    """The curve with its band, and the same figures at the user's distances."""
    boards = [subject.board_distance_m(view) for view in subject.calibration.views_used]
    lead = (
        f"How far {named(camera)} will lie from {named(subject.reference)} when the map is built for the "
        "right distance, root mean square over the output picture. Shaded: 95 % of all rigs that explain "
        "these views as well as this one."
    )
    if subject.rig.covariance is None or not subject.distances_m:
        return section("alignment", "Alignment error", "The rig carries no covariance.", "")
    spaced = curve_distances(subject.distances_m, boards)
    curve = [*_where_seen(subject.rig, camera, spaced)]
    marked = subject.predicted(camera)
    reach = min(boards), max(boards)
    plot = "".join(
        f'<div class="{kind}">{error_curve(curve, marked, subject.tolerance_px, reach, width)}</div>'
        for kind, width in (("on-desks", WIDE), ("on-phones", NARROW))
    )
    rows = [
        (
            f"{p.distance_m:g} m",
            px(p.rms_px),
            f"{fine(p.low_px)} – {px(p.high_px)}",
            px(p.bound_px),
            "within" if p.bound_px <= subject.tolerance_px else "beyond",
        )
        for p in marked
    ]
    heads = ("distance", "expected", "95 % band", "95 % stay below", f"tolerance {subject.tolerance_px:g} px")
    body = (
        f'<div class="wide">{panel("Predicted alignment error over distance", plot)}</div>'
        f"{table(heads, rows, 'Predicted alignment error', 'beyond')}"
    )
    return section("alignment", "Alignment error", lead, body)


def _where_seen(rig: Rig, camera: str, distances_m: Sequence[float]) -> Iterator[PredictedError]:
    """Predictions, without distances so near that the camera sees nothing of the grid."""
    for distance in distances_m:
        with suppress(RigsightError):
            yield from predicted_alignment_errors(rig, camera, [distance])


def parallax_section(subject: Subject, camera: str) -> str:
    """What one fixed surface leaves at the user's distances."""
    surface = subject.rig.surface
    lead = (
        f"A rig that does not know the distance aligns over one fixed surface: {escape(in_words(surface))}. "
        "Things elsewhere are shifted by parallax, however good the calibration is. Added in squares to the "
        "alignment error it gives the total."
    )
    shifts = parallax_px(subject.rig, camera, subject.distances_m)
    errors = subject.predicted(camera)
    rows = [
        (f"{e.distance_m:g} m", px(shift), px(e.rms_px), px(math.hypot(shift, e.rms_px)))
        for (shift, e) in zip(shifts.values(), errors, strict=True)
    ]
    body = table(("distance", "parallax", "calibration", "together"), rows, "Parallax")
    if isinstance(surface, Plane):
        near, far = parallax_range(subject.rig, camera, surface, subject.tolerance_px)
        reach = f"from {short(near)} m on" if math.isinf(far) else f"from {short(near)} m to {short(far)} m"
        body += (
            f'<p class="note block">The parallax stays within {subject.tolerance_px:g} px {reach}. Beyond, '
            "the map must follow the distance.</p>"
        )
    return section("parallax", "Parallax of one fixed surface", lead, body)


def parallax_range(rig: Rig, camera: str, surface: Plane, tolerance_px: float) -> tuple[float, float]:
    """Nearest and farthest plane, metres, whose parallax stays within the tolerance; inf where all do.

    The parallax of a plane at d is nearly proportional to |1/d - 1/d0|, so that a few secant steps in 1/d
    find where it reaches the tolerance.
    """
    centre = 1 / surface.distance_m
    ends = []
    for sign in (1.0, -1.0):
        offset = sign * 0.2 * centre
        for _ in range(SECANT_STEPS):
            if centre + offset <= 0:
                break
            found = parallax_px(rig, camera, [1 / (centre + offset)]).popitem()[1]
            if not found > 0:
                return (0.0, math.inf)
            offset *= tolerance_px / found
        ends.append(math.inf if centre + offset <= 0 else 1 / (centre + offset))
    return ends[0], ends[1]


def in_words(surface: Plane | Cylinder | MatchedHomography) -> str:
    """The reference surface for people.

    >>> in_words(Plane(distance_m=12))
    'a plane at 12 m'
    """
    if isinstance(surface, Cylinder):
        return f"a pipe of {surface.radius_m:g} m radius"
    if isinstance(surface, MatchedHomography):
        return "the homography that fits the matched board points best"
    tilted = abs(surface.normal[2]) < 0.9999
    return f"a plane at {surface.distance_m:g} m" + (" along its tilted normal" if tilted else "")


def held_out_section(subject: Subject) -> str:
    """Errors on views that the rig was not solved from."""
    calibration, held_out = subject.calibration, subject.calibration.held_out
    if held_out is None:
        lead = "There are too few views to leave some out."
        return section("held-out", "Held-out error", lead, "")
    fitted = calibration.stereo_rms_px
    own = calibration.rms_px[subject.reference] if fitted is None else fitted
    rows = [
        (
            "reprojection, root mean square",
            px(own),
            px(held_out.reprojection_px),
            _ratio(own, held_out.reprojection_px),
        )
    ]
    if calibration.epipolar_px is not None:
        rows.append(
            (
                "distance to epipolar lines, mean",
                px(calibration.epipolar_px),
                px(held_out.epipolar_px),
                _ratio(calibration.epipolar_px, held_out.epipolar_px),
            )
        )
    lead = (
        f"The views were dealt into {held_out.folds} parts; each part was measured with a rig solved from "
        "the others. Errors that grow much on views left out mean that the model learnt the views and "
        "not the rig."
    )
    heads = ("error", "views that were fitted", "views left out", "growth")
    return section("held-out", "Held-out error", lead, table(heads, rows, "Held-out error"))


def _ratio(fitted: float, left_out: float) -> str:
    ratio = left_out / fitted if fitted > 0 else math.nan
    return f"{100 * (ratio - 1):+.0f} %" if math.isfinite(ratio) else NOTHING
