"""What the model leaves: mean residuals over the picture as arrows, and all residuals as a cloud."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rigsight.base.html.svg import WIDTH, nice_ceiling, short, svg_open, text
from rigsight.calibration.boards import Float64
from rigsight.calibration.report.subject import Subject, panel, px, rms, section
from rigsight.calibration.rig import Camera

FEWEST_COLUMNS, MOST_COLUMNS = 4, 12
POINTS_IN_CELL = 6  # wished for on average
FEWEST_IN_CELL = 3
MOST_DOTS = 1500
CLOUD = 300  # height of the cloud's picture
PAD = 6


@dataclass(frozen=True)
class Field:
    """Mean residuals in the cells of a picture.

    Attributes:
        centre: middle of each cell, pixels, float64 [C,2].
        mean: mean residual in it, pixels, float64 [C,2].
        count: points in it, float64 [C].
        systematic_px: root mean square of the means that noise does not explain; 0 where it explains all.
    """

    centre: Float64
    mean: Float64
    count: Float64
    systematic_px: float


def mean_field(points: Float64, residuals: Float64, size: tuple[int, int]) -> Field:
    """Residuals [N,2] averaged over square cells, the smaller the more points there are.

    One-way analysis of variance: the scatter inside the cells is noise, and the mean of n residuals has one
    n-th of its variance. What the means have beyond that is systematic: a lens model too stiff, a board that
    is not flat, pictures not taken at the same time.

    >>> points = np.repeat([[10.0, 10.0], [600.0, 400.0]], 50, axis=0)
    >>> field = mean_field(points, np.full((100, 2), 0.3), (640, 480))
    >>> field.mean.round(3).tolist(), round(field.systematic_px, 3)
    ([[0.3, 0.3], [0.3, 0.3]], 0.424)
    """
    cell = cell_size(len(points), size)
    place = np.floor((points + 0.5) / cell).astype(int)
    keys, inverse, count = np.unique(place, axis=0, return_inverse=True, return_counts=True)
    where = inverse.reshape(-1)
    sums = np.zeros((len(keys), 2))
    np.add.at(sums, where, residuals)
    means = sums / count[:, None]
    full = count >= FEWEST_IN_CELL
    centre = (keys[full] + 0.5) * cell - 0.5
    weight = count[full].astype(np.float64)
    if not full.any():
        return Field(centre, means[full], weight, float("nan"))
    inside = full[where]
    scatter = float(((residuals - means[where])[inside] ** 2).sum()) / (float(weight.sum()) - len(weight))
    square = float(np.average((means[full] ** 2).sum(axis=1), weights=weight))
    explained = scatter * len(weight) / float(weight.sum())
    return Field(centre, means[full], weight, math.sqrt(max(square - explained, 0.0)))


def cell_size(points: int, size: tuple[int, int]) -> float:
    """Side of the cells, pixels: about :data:`POINTS_IN_CELL` points in each.

    >>> cell_size(10_000, (640, 480)), cell_size(96, (640, 480))
    (53.333333333333336, 128.0)
    """
    columns = round(math.sqrt(points / POINTS_IN_CELL * size[0] / size[1]))
    return size[0] / min(max(columns, FEWEST_COLUMNS), MOST_COLUMNS)


def residual_section(subject: Subject) -> str:
    """Field and cloud of every camera."""
    parts = []
    for camera in subject.cameras:
        points, residuals = subject.residuals(camera)
        if not len(points):
            continue
        noise = subject.calibration.noise_px[camera]
        lens = subject.rig.cameras[camera]
        field = mean_field(points, residuals, lens.size)
        verdict = (
            f"Systematic part {px(field.systematic_px)}, noise {px(noise)} along each axis."
            if math.isfinite(field.systematic_px)
            else "Too few points in every cell."
        )
        parts.append(
            panel(
                f"{camera}: mean residual over the picture",
                _arrows(field, cell_size(len(points), lens.size), lens, camera, subject.color(camera)),
                verdict,
            )
        )
        parts.append(
            panel(
                f"{camera}: all residuals",
                _cloud(residuals, noise, camera, subject.color(camera)),
                f"{len(residuals)} points, root mean square {px(rms(residuals))}. "
                "Rings: 39, 86 and 99 % of pure noise lie inside.",
            )
        )
    lead = (
        "Observed minus predicted position of every board point. Arrows that follow a pattern over the "
        "picture mean that the lens model, the board or the timing is not as assumed; arrows in all "
        "directions are noise."
    )
    return section("residuals", "Residuals", lead, f'<div class="two">{"".join(parts)}</div>')


def _arrows(field: Field, cell: float, camera: Camera, name: str, color: str) -> str:
    wide = WIDTH - 2 * PAD
    scale = wide / camera.width
    tall = camera.height * scale
    height = tall + 2 * PAD + 26
    lengths = np.linalg.norm(field.mean, axis=1)
    longest = float(np.percentile(lengths, 95)) if len(lengths) else 0.0
    unit = nice_ceiling(longest) if longest > 0 else 0.1
    zoom = 0.9 * cell / unit  # an arrow of the unit spans nine tenths of a cell
    words = f"Mean residuals of {name}: arrows up to {short(unit)} px, enlarged {zoom:.0f} times"
    parts = [svg_open(WIDTH, height, words)]
    parts.append(f'<rect class="frame" x="{PAD}" y="{PAD}" width="{wide}" height="{tall:.1f}"/>')
    lines, heads = [], []
    for centre, mean in zip(field.centre, field.mean, strict=True):
        step = mean * zoom * scale
        start = (centre + 0.5) * scale + PAD - step / 2
        lines.append(f"M{start[0]:.1f} {start[1]:.1f}l{step[0]:.1f} {step[1]:.1f}")
        heads.append(_head(start + step, step))
    parts.append(
        f'<path d="{"".join(lines)}" fill="none" style="stroke:{color}" stroke-width="1.6"/>'
        f'<path d="{"".join(heads)}" style="fill:{color}"/>'
    )
    y, length = tall + 2 * PAD + 14, unit * zoom * scale
    parts.append(
        f'<path d="M{PAD} {y:.1f}h{length:.1f}" style="stroke:var(--ink)" stroke-width="1.6"/>'
        f'<path d="{_head(np.array([PAD + length, y]), np.array([length, 0.0]))}" style="fill:var(--ink)"/>'
    )
    parts.append(text(PAD + length + 8, y + 4, f"{unit:g} px (enlarged {zoom:.0f} times)", "start"))
    return "".join(parts) + "</svg>"


def _head(tip: Float64, step: Float64) -> str:
    """A triangle at the tip, smaller for short arrows."""
    length = float(np.hypot(*step))
    if length < 1e-6:
        return ""
    along = step / length * min(5.0, 0.6 * length)
    across = np.array([-along[1], along[0]]) * 0.5
    a, b = tip - along + across, tip - along - across
    return f"M{tip[0]:.1f} {tip[1]:.1f}L{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}Z"


def _cloud(residuals: Float64, noise_px: float, name: str, color: str) -> str:
    shown = residuals[:: max(1, math.ceil(len(residuals) / MOST_DOTS))]
    reach = nice_ceiling(max(3.3 * noise_px, float(np.percentile(np.abs(shown), 99.5)), 1e-3))
    half = (CLOUD - 2 * PAD) / 2 - 14
    cx, cy = WIDTH / 2, CLOUD / 2
    outside = int((np.abs(residuals) > reach).any(axis=1).sum())
    words = f"Residuals of {name}: {len(residuals)} points, noise {short(noise_px)} px along each axis"
    parts = [svg_open(WIDTH, CLOUD + 18, words)]
    parts.append(
        f'<line class="grid" x1="{cx - half:.1f}" x2="{cx + half:.1f}" y1="{cy}" y2="{cy}"/>'
        f'<line class="grid" x1="{cx}" x2="{cx}" y1="{cy - half:.1f}" y2="{cy + half:.1f}"/>'
    )
    dots = "".join(
        f"M{cx + x / reach * half:.1f} {cy + y / reach * half:.1f}h0"
        for x, y in shown
        if abs(x) <= reach and abs(y) <= reach
    )
    parts.append(
        f'<path d="{dots}" fill="none" style="stroke:{color};stroke-opacity:.6" stroke-width="2.6" '
        'stroke-linecap="round"/>'
    )
    for sigmas in (1, 2, 3):
        radius = sigmas * noise_px / reach * half
        if radius <= half * 1.05:
            parts.append(f'<circle class="mark" cx="{cx}" cy="{cy}" r="{radius:.1f}" fill="none"/>')
    parts.append(
        f'<rect class="frame" x="{cx - half:.1f}" y="{cy - half:.1f}" width="{2 * half:.1f}" '
        f'height="{2 * half:.1f}"/>'
    )
    parts.append(text(cx - half, cy + half + 16, f"−{reach:g}"))
    parts.append(text(cx + half, cy + half + 16, f"{reach:g} px"))
    parts.append(text(cx, cy + half + 16, "0"))
    if outside:
        parts.append(text(cx + half - 6, cy - half + 16, f"{outside} beyond", "end", "over"))
    return "".join(parts) + "</svg>"
