"""The figures of a calibration as tables."""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Iterator, Sequence
from contextlib import suppress
from html import escape

import cv2
import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.base.html.svg import short
from rigsight.calibration.accuracy import parallax_px
from rigsight.calibration.report.curve import NARROW, WIDE, curve_distances, error_curve
from rigsight.calibration.report.subject import (
    NOTHING,
    Subject,
    facts,
    fine,
    named,
    panel,
    px,
    section,
    table,
)
from rigsight.calibration.rig import Cylinder, MatchedHomography, Plane, Rig
from rigsight.calibration.solve.lens import lens_names, lens_vector
from rigsight.calibration.solve.state import POSE
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


def parameters_section(subject: Subject) -> str:
    """Lenses and relative pose, each with its standard deviation."""
    sigmas = _sigmas(subject.rig)
    parts = []
    for name in subject.cameras:
        camera = subject.rig.cameras[name]
        rows = [
            (part, *_with_sigma(float(value), sigmas.get(f"{name}.{part}"), "px" if part[0] in "fc" else ""))
            for part, value in zip(lens_names(camera), lens_vector(camera), strict=True)
        ]
        title = f"<h3>{escape(name)}</h3>"
        note = (
            f'<p class="note">{camera.model}, {camera.width} × {camera.height} pixels, {camera.spectrum}</p>'
        )
        parts.append(f"<div>{title}{note}{table(_HEADS, rows, f'Lens of {name}')}</div>")
    for name, T in subject.rig.transforms.items():
        parts.append(_pose_table(name, subject.reference, np.array(T), sigmas))
    lead = "The rig as written to rig.yaml, each parameter with the standard deviation of the joint solution."
    bend = subject.calibration.solution.bend_m
    body = f'<div class="two">{"".join(parts)}</div>'
    if bend is not None:
        body += (
            f'<p class="block">The board was estimated to be bent by {1000 * bend[0]:.2f} mm along its rows '
            f"and {1000 * bend[1]:.2f} mm along its columns.</p>"
        )
    return section("parameters", "Parameters", lead, body)


_HEADS = ("parameter", "value", "1σ")


def _pose_table(name: str, reference: str, T: np.ndarray, sigmas: dict[str, float]) -> str:
    turn = np.degrees(cv2.Rodrigues(T[:3, :3])[0].reshape(3))
    shift = 1000 * T[:3, 3]
    prefix = f"T_{name}_{reference}."
    factors = [*[math.degrees(1.0)] * 3, *[1000.0] * 3]
    rows = []
    for part, value, factor in zip(POSE, [*turn, *shift], factors, strict=True):
        sigma = sigmas.get(prefix + part)
        unit = "°" if part[0] == "r" else "mm"
        rows.append((part, *_with_sigma(float(value), None if sigma is None else sigma * factor, unit)))
    rows.append(("baseline", f"{np.linalg.norm(shift):.2f} mm", NOTHING))
    title = f"<h3>{escape(name)} from {escape(reference)}</h3>"
    note = (
        '<p class="note">rotation vector and translation of T, which takes points into the camera’s frame</p>'
    )
    return f"<div>{title}{note}{table(_HEADS, rows, f'Pose of {name}')}</div>"


def _sigmas(rig: Rig) -> dict[str, float]:
    if rig.covariance is None:
        return {}
    variances = np.diag(np.array(rig.covariance.matrix))
    return dict(zip(rig.covariance.parameters, np.sqrt(np.maximum(variances, 0)).tolist(), strict=True))


def _with_sigma(value: float, sigma: float | None, unit: str) -> tuple[str, str]:
    """A value with as many decimals as its deviation deserves (two digits of it).

    >>> _with_sigma(535.9153, 0.3214, "px")
    ('535.92 px', '0.32 px')
    >>> _with_sigma(-0.26512, 0.0031, "")
    ('-0.2651', '0.0031')
    >>> _with_sigma(0.0, None, "")
    ('0.00000', 'held')
    """
    after = f" {unit}" if unit and unit != "°" else unit
    if sigma is None:
        return f"{value:.5f}{after}", "held"
    if not (math.isfinite(sigma) and sigma > 0):
        return f"{value:.5f}{after}", NOTHING
    digits = min(max(1 - math.floor(math.log10(sigma)), 0), 7)
    return f"{value:.{digits}f}{after}", f"{sigma:.{digits}f}{after}"


def provenance_section(subject: Subject) -> str:
    """Inputs, versions and command."""
    import rigsight

    origin, board = subject.rig.provenance, subject.board
    pairs = {
        "command": origin.command or "not recorded",
        "rigsight": origin.tool_version or rigsight.__version__,
        "OpenCV": cv2.__version__,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
        "board": f"{board.kind}, {board.columns} × {board.rows}, {1000 * board.step_m:g} mm",
        "pictures": f"{sum(map(len, subject.pictures.values()))} of {len(subject.pictures)} views",
    }
    hashes = origin.images_sha256
    body = ""
    if hashes:
        pairs["sha256 of the inputs"] = inputs_sha256(hashes)
        items = "".join(f"<li><code>{escape(d)}</code> {escape(n)}</li>\n" for n, d in sorted(hashes.items()))
        body = (
            f"<details><summary>sha256 of each of the {len(hashes)} files</summary><ul>{items}</ul></details>"
        )
    if origin.notes:
        pairs["notes"] = origin.notes
    return section(
        "provenance", "Provenance", "What this was made from, and with what.", facts(pairs, True) + body
    )


def inputs_sha256(hashes: dict[str, str]) -> str:
    """One digest of all inputs: sha256 over the lines that sha256sum prints, in the order of names.

    >>> inputs_sha256({})[:8]
    'e3b0c442'
    """
    lines: Sequence[str] = [f"{digest}  {name}\n" for name, digest in sorted(hashes.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
