"""Every view: its error as bars, both pictures with the detected points, and why it was rejected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from rigsight.base.html.svg import WIDTH, nice_ceiling, short, svg_open, text, ticks
from rigsight.calibration.report.subject import Subject, legend, panel, px, section
from rigsight.calibration.report.thumbnails import readable, thumbnail, uri

THUMB_WIDTHS = (260, 200, 150)  # pixels; the widest at which all thumbnails fit the budget
BUDGET = 1_700_000  # characters of all thumbnails together
HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 210, 46, 12, 14, 40


def views_section(subject: Subject) -> str:
    """The section: one plot a camera, then a card a view, rejected ones first, then the worst first."""
    calibration = subject.calibration
    rejected = list(calibration.views_rejected)
    used = [view for view in calibration.views_used if view not in calibration.views_rejected]
    order = list(dict.fromkeys([*subject.pictures, *used, *rejected]))
    numbers = {view: number for number, view in enumerate(order, 1)}
    worst_first = sorted(used, key=lambda view: -_worst(subject, view))
    pictures = _thumbnails(subject, [*rejected, *worst_first])
    plots = "".join(
        panel(
            f"{camera}: reprojection error by view",
            _columns(subject, camera, order, numbers),
            "Root mean square, pixels. The dashed line is the median.",
        )
        for camera in subject.cameras
    )
    parts = [f'<div class="two">{plots}</div>']
    missing = sum(view not in pictures for view in (*rejected, *used))
    if rejected:
        cards = "".join(_card(subject, view, numbers[view], pictures.get(view, "")) for view in rejected)
        parts.append(
            f'<h3 class="block">Rejected: {len(rejected)}</h3>\n<ul class="cards" id="rejected">{cards}</ul>'
        )
    else:
        parts.append('<p class="block" id="rejected">No view was rejected.</p>')
    cards = "".join(_card(subject, view, numbers[view], pictures.get(view, "")) for view in worst_first)
    parts.append(f'<h3 class="block">Used: {len(used)}, the worst first</h3>\n')
    parts.append(legend([(subject.color(camera), camera) for camera in subject.cameras]))
    parts.append(f'<ul class="cards" id="used">{cards}</ul>')
    if missing:
        parts.append(
            f'<p class="note block">{missing} views are shown without their pictures: those were not at hand '
            "or would make this file too large.</p>"
        )
    lead = (
        "Points are as the solver used them; the line runs along the board’s first row from its first point."
    )
    return section("views", "Views", lead, "\n".join(parts))


def _worst(subject: Subject, view: str) -> float:
    """The larger of the cameras' errors in a view, in units of each camera's noise."""
    shares = [
        subject.view_error(view, camera) / max(subject.calibration.noise_px[camera], 1e-9)
        for camera in subject.cameras
    ]
    finite = [share for share in shares if math.isfinite(share)]
    return max(finite, default=0.0)


def _thumbnails(subject: Subject, views: Sequence[str]) -> dict[str, str]:
    """View -> markup of its pictures, as many views from the front as the budget allows."""
    found: dict[str, str] = {}
    for width in THUMB_WIDTHS:
        found, spent = {}, 0
        for view in views:
            figures = _pictures_of(subject, view, width)
            spent += len(figures)
            if spent > BUDGET:
                break
            if figures:
                found[view] = figures
        if spent <= BUDGET:
            break
    return found


def _pictures_of(subject: Subject, view: str, width: int) -> str:
    points = subject.calibration.points.get(view, {})
    figures = []
    for camera in subject.cameras:
        image = readable(subject.pictures.get(view, {}).get(camera))
        if image is None:
            continue
        small = thumbnail(image, width, points.get(camera), subject.board)
        words = f"{camera}, view {view}" + (", detected points" if camera in points else "")
        figures.append(
            f'<img src="{uri(small)}" width="{small.shape[1]}" height="{small.shape[0]}" loading="lazy" '
            f'alt="{escape(words)}">'
        )
    return "".join(figures)


def _card(subject: Subject, view: str, number: int, pictures: str) -> str:
    calibration = subject.calibration
    reason = calibration.views_rejected.get(view)
    shown = f'<div class="pair" style="--n:{len(subject.cameras)}">{pictures}</div>' if pictures else ""
    parts = [f"<h3>{escape(view)} <span>no. {number}</span></h3>", shown]
    if reason is not None:
        parts.append(f'<p><strong class="bad">Rejected:</strong> {escape(reason)}</p>')
        helps = [camera for camera in subject.cameras if camera in calibration.residuals.get(view, {})]
        if helps:
            parts.append(f'<p class="note">Still serves the lens of {escape(" and ".join(helps))}.</p>')
    else:
        largest = max(
            subject.view_error(v, c) for v in calibration.views_used for c in calibration.residuals.get(v, {})
        )
        bars = "".join(
            f"<span>{escape(camera)}</span>"
            f'<b style="width:{100 * min(error / max(largest, 1e-9), 1.0):.1f}%;'
            f'background:{subject.color(camera)}"></b><span>{px(error)}</span>'
            for camera in subject.cameras
            if math.isfinite(error := subject.view_error(view, camera))
        )
        parts.append(f'<div class="bars">{bars}</div>')
        held_out = calibration.held_out.per_view_px.get(view) if calibration.held_out else None
        if held_out is not None:
            parts.append(f"<p>When left out: {px(held_out)}</p>")
        if view in calibration.views_reordered:
            parts.append("<p>The cameras disagreed about the first point; the order was repaired.</p>")
    state = "card out" if reason is not None else "card"
    return f'<li class="{state}" id="view-{number}">{"".join(parts)}</li>\n'


def _columns(subject: Subject, camera: str, order: Sequence[str], numbers: dict[str, int]) -> str:
    """One column a view; a cross at the foot stands for a rejected one."""
    errors = {view: subject.view_error(view, camera) for view in order}
    finite = [error for error in errors.values() if math.isfinite(error)]
    if not finite:
        return '<p class="note">Nothing to show.</p>'
    ceiling = nice_ceiling(max(finite) * 1.05)
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    step = (right - LEFT) / len(order)
    median = float(np.median(finite))
    worst = max(errors, key=lambda view: errors[view] if math.isfinite(errors[view]) else -1.0)
    words = (
        f"Reprojection error of {camera} by view: median {short(median)} px, worst {short(errors[worst])} px "
        f"in view {worst}"
    )
    parts = [svg_open(WIDTH, HEIGHT, words)]
    for tick in ticks(ceiling):
        y = bottom - tick / ceiling * (bottom - TOP)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 7, y + 4, f"{tick:g}", "end"))
    every = max(1, math.ceil(len(order) / 14))
    for view in order:
        x = LEFT + (numbers[view] - 1) * step
        error = errors[view]
        if math.isfinite(error):
            tall = max(error / ceiling * (bottom - TOP), 1)
            parts.append(
                f'<rect x="{x + 0.14 * step:.1f}" y="{bottom - tall:.1f}" width="{0.72 * step:.1f}" '
                f'height="{tall:.1f}" style="fill:{subject.color(camera)}">'
                f"<title>{escape(view)}: {px(error)}</title></rect>"
            )
        if view in subject.calibration.views_rejected:
            cx, arm = x + step / 2, min(4.0, 0.4 * step)
            foot = bottom - 2 * arm - 4 - (tall if math.isfinite(error) else 0)
            parts.append(
                f'<path d="M{cx - arm:.1f} {foot:.1f}l{2 * arm:.1f} {2 * arm:.1f}m0 {-2 * arm:.1f}'
                f'l{-2 * arm:.1f} {2 * arm:.1f}" style="stroke:var(--bad)" stroke-width="1.8" fill="none">'
                f"<title>{escape(view)}: rejected</title></path>"
            )
        if (numbers[view] - 1) % every == 0:
            parts.append(text(x + step / 2, bottom + 16, str(numbers[view])))
    y = bottom - median / ceiling * (bottom - TOP)
    parts.append(f'<line class="mark" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
    below = "number of the view; ✕ rejected" if subject.calibration.views_rejected else "number of the view"
    parts.append(text((LEFT + right) / 2, HEIGHT - 6, below))
    return "".join(parts) + "</svg>"
