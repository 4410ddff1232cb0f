"""The calibration report: one HTML file with everything in it, nothing loaded from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from rigsight.base.files import write_text
from rigsight.base.html.page import page
from rigsight.calibration.boards import Board
from rigsight.calibration.pictures import Picture
from rigsight.calibration.report.alignment import alignment_section, held_out_section, parallax_section
from rigsight.calibration.report.coverage import coverage_section
from rigsight.calibration.report.overlay import overlay_section
from rigsight.calibration.report.parameters import parameters_section, provenance_section
from rigsight.calibration.report.residual_field import residual_section
from rigsight.calibration.report.style import CSS
from rigsight.calibration.report.subject import Subject, fine, px
from rigsight.calibration.report.uncertainty_map import uncertainty_section
from rigsight.calibration.report.views import views_section
from rigsight.calibration.result import Calibration

SECTIONS = {
    "alignment": "Alignment error",
    "parallax": "Parallax",
    "uncertainty-map": "Where on the picture",
    "overlays": "Overlays",
    "held-out": "Held-out error",
    "residuals": "Residuals",
    "coverage": "Coverage",
    "views": "Views",
    "parameters": "Parameters",
    "provenance": "Provenance",
}
OF_PAIRS = ("alignment", "parallax", "uncertainty-map", "overlays")
_UNITS = re.compile(r"(\d) (px|m|mm|%)(?!\w)")  # a number and its unit stay on one line
LONGEST_HEADLINE = 70  # characters
_SIGNS = {
    "good": "M2 8.5l4 4 8-9",
    "usable": "M8 2v7.5M8 13.4v.2",
    "not usable": "M3 3l10 10M13 3L3 13",
}


def write_report(
    path: str | Path,
    calibration: Calibration,
    board: Board,
    pictures: Mapping[str, Mapping[str, Picture]],
    distances_m: Sequence[float] = (),
    tolerance_px: float = 1.0,
) -> None:
    """Write the report of a calibration as one HTML file of at most 3 MB.

    Args:
        path: of the file.
        calibration: of a pair or a single camera.
        board: the board in the pictures.
        pictures: view -> camera -> picture, for thumbnails and overlays; views without are shown without.
        distances_m: where the rig will be used; those of the verdict when empty.
        tolerance_px: the alignment error that the user accepts.

    Raises:
        RigsightError: IO-001 when the file cannot be written.
    """
    write_text(path, render(calibration, board, pictures, distances_m, tolerance_px))


def render(
    calibration: Calibration,
    board: Board,
    pictures: Mapping[str, Mapping[str, Picture]],
    distances_m: Sequence[float] = (),
    tolerance_px: float = 1.0,
) -> str:
    """The page of :func:`write_report` as HTML."""
    distances = sorted({*(distances_m or (error.distance_m for error in calibration.alignment))})
    subject = Subject(calibration, board, pictures, tuple(float(d) for d in distances), tolerance_px)
    camera = subject.other
    parts = [_head(subject), _tiles(subject), _nav(camera is not None)]
    if camera is not None:
        parts += [
            alignment_section(subject, camera),
            parallax_section(subject, camera),
            uncertainty_section(subject, camera),
            overlay_section(subject, camera),
        ]
    parts += [
        held_out_section(subject),
        residual_section(subject),
        coverage_section(subject),
        views_section(subject),
        parameters_section(subject),
        provenance_section(subject),
    ]
    return page(f"Calibration of {' and '.join(subject.cameras)}", CSS, "\n".join(parts))


def _head(subject: Subject) -> str:
    calibration, board, verdict = subject.calibration, subject.board, subject.calibration.verdict
    views = f"{len(calibration.views_used)} {'views' if subject.other is None else 'pairs'}"
    lead = (
        f"{' and '.join(subject.cameras)}, solved from {views}"
        + (f", {len(calibration.views_rejected)} rejected" if calibration.views_rejected else "")
        + f". Board: {board.kind.replace('_', ' ')}, {board.columns} × {board.rows} at "
        f"{1000 * board.step_m:g} mm."
    )
    if verdict is None:
        grade, advice = "", ""
        sentence = escape(f"The lens of {subject.reference}, solved from {views}")
        reasons: tuple[str, ...] = ()
    else:
        grade = f" grade-{verdict.grade.replace(' ', '-')}"
        shape = (
            f'<svg viewBox="0 0 16 16" role="img" aria-label="{verdict.grade}">'
            f'<path d="{_SIGNS[verdict.grade]}"/></svg>'
        )
        text, advice = _split(verdict.text)
        words = _UNITS.sub("\\1\u00a0\\2", text[:1].upper() + text[1:])
        size = len(verdict.grade) if words.lower().startswith(verdict.grade) else 0
        sentence = f'<span class="grade">{shape}{escape(words[:size])}</span>{escape(words[size:])}'
        reasons = tuple(reason for reason in verdict.reasons if reason not in verdict.text)
    items = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    return (
        f'<header id="verdict" class="verdict{grade}">\n<p class="eyebrow">rigsight calibration</p>\n'
        f"<h1>{sentence}</h1>\n"
        + (f'<p class="advice">{escape(advice)}</p>\n' if advice else "")
        + (f"<ul>{items}</ul>\n" if items else "")
        + f'<p class="lead">{escape(lead)}</p>\n</header>'
    )


def _split(text: str) -> tuple[str, str]:
    """A verdict's statement, and what follows its last colon where it is too long for one headline.

    >>> _split("good: error below 1 px")
    ('good: error below 1 px', '')
    >>> _split("not usable, because " + 60 * "x" + ": tilt the board")[1]
    'Tilt the board.'
    """
    statement, colon, advice = text.rpartition(": ")
    if len(text) <= LONGEST_HEADLINE or not colon:
        return text, ""
    return statement, advice[:1].upper() + advice[1:].removesuffix(".") + "."


def _tiles(subject: Subject) -> str:
    """Five figures: what counts first, what merely fits last."""
    calibration, camera = subject.calibration, subject.other
    tiles: list[tuple[str, str, str, str]] = []
    distance = subject.main_distance_m
    if camera is not None and distance is not None and subject.rig.covariance is not None:
        error = next(e for e in subject.predicted(camera) if e.distance_m == distance)
        more = f"95 % stay below; expected {px(error.rms_px)}"
        tiles.append((f"alignment error at {distance:g} m", fine(error.bound_px), "px", more))
    if calibration.baseline_m is not None:
        tiles.append(
            ("baseline", f"{1000 * calibration.baseline_m:.1f}", "mm", "distance of the two cameras")
        )
    if camera is None:
        K = subject.rig.cameras[subject.reference].K
        tiles.append(("focal length", f"{K[0][0]:.1f}", "px", f"fx; fy {K[1][1]:.1f} px"))
    if calibration.held_out is not None:
        held = calibration.held_out
        tiles.append(
            ("held-out error", f"{held.reprojection_px:.3f}", "px", f"{held.folds}-fold, reprojection")
        )
    own = ", ".join(f"{name} {px(value)}" for name, value in calibration.rms_px.items())
    own = "root mean square" if camera is None else own
    fitted = calibration.stereo_rms_px
    figure = calibration.rms_px[subject.reference] if fitted is None else fitted
    tiles.append(("reprojection error", f"{figure:.3f}", "px", own))
    if calibration.epipolar_px is not None:
        tiles.append(
            ("epipolar error", f"{calibration.epipolar_px:.3f}", "px", "mean distance to epipolar lines")
        )
    if camera is None:
        rejected = len(calibration.views_rejected)
        tiles.append(("views", str(len(calibration.views_used)), "", f"{rejected} rejected"))
        noise = calibration.noise_px[subject.reference]
        tiles.append(("noise of a point", f"{noise:.3f}", "px", "standard deviation along each axis"))
    items = "\n".join(
        f'<li><div class="name">{escape(name)}</div><div class="number">{escape(number)}'
        + (f'<span class="unit">{unit}</span>' if unit else "")
        + f'</div><div class="more">{escape(more)}</div></li>'
        for name, number, unit, more in tiles
    )
    return f'<ul class="tiles" id="figures">\n{items}\n</ul>'


def _nav(pair: bool) -> str:
    items = "".join(
        f'<li><a href="#{name}">{title}</a></li>'
        for name, title in SECTIONS.items()
        if pair or name not in OF_PAIRS
    )
    return f'<nav aria-label="Sections"><ul>{items}</ul></nav>'
