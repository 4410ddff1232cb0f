"""Small plots as inline SVG. Colours are CSS variables of the page, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from rigsight.base.html.svg import WIDTH, nice_ceiling, short, slope, svg_open, text, ticks


@dataclass(frozen=True, slots=True)
class Series:
    """A curve with marked points: (x, y) pairs; ``color`` is a CSS colour or variable."""

    name: str
    color: str
    curve: Sequence[tuple[float, float]]
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class BarGroup:
    """Values of 0..1 for one label, one a series; nan leaves the bar out."""

    label: str
    values: Sequence[float]


Mark = tuple[float, str]  # where on the x axis, and what stands beside the line


def distance_plot(series: Series, *, title: str, unit: str = "px", mark: Mark | None = None) -> str:
    """A curve over distance (metres, logarithmic) with its points and their values."""
    height, left, right, top, bottom = 250, 52, 16, 18, 40
    points = [(x, y) for x, y in series.points if math.isfinite(y)]
    curve = [(x, y) for x, y in series.curve if math.isfinite(y)]
    if not points or not curve:
        return f'<p class="note">{escape(title)}: nothing to show.</p>'
    first, last = math.log(min(x for x, _ in curve)), math.log(max(x for x, _ in curve))
    ceiling = nice_ceiling(max(y for _, y in points) * 1.15)

    def at(x: float, y: float) -> tuple[float, float]:
        share = (math.log(x) - first) / max(last - first, 1e-9)
        return (
            left + share * (WIDTH - left - right),
            height - bottom - min(y / ceiling, 1.06) * (height - top - bottom),
        )

    parts = [svg_open(WIDTH, height, f"{title}. {_in_words(points, unit)}")]
    for tick in ticks(ceiling):
        y = at(points[0][0], tick)[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{WIDTH - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(left - 8, y + 4, f"{tick:g} {unit}" if tick == ceiling else f"{tick:g}", "end"))
    if mark is not None and first <= math.log(mark[0]) <= last:
        x = at(mark[0], 0)[0]
        anchor = "end" if x > WIDTH * 0.6 else "start"
        shift = -6 if anchor == "end" else 6
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{height - bottom}"/>')
        parts.append(
            f'<text x="{x + shift:.1f}" y="{top + 6}" text-anchor="{anchor}">{escape(mark[1])}</text>'
        )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*p) for p in curve))
    clip = "clip-" + "".join(c for c in title.lower() if c.isalnum())
    parts.append(
        f'<clipPath id="{clip}"><rect x="{left}" y="{top - 8}" width="{WIDTH - left - right}" '
        f'height="{height - top - bottom + 9}"/></clipPath>'
        f'<polyline clip-path="url(#{clip})" points="{line}" fill="none" style="stroke:{series.color}" '
        'stroke-width="2.25" stroke-linejoin="round"/>'
    )
    for x, y in points:
        px, py = at(x, y)
        parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" style="fill:{series.color}"/>')
        falling = slope(curve, x) * (last - first) < -0.15 * ceiling
        shift, anchor = (7, "start") if falling else (0, "middle")
        parts.append(text(px + shift, py - (6 if falling else 10), short(y), anchor, "value"))
        parts.append(text(px, height - 20, f"{x:g}"))
    parts.append(text((left + WIDTH - right) / 2, height - 4, "distance, m (log)"))
    return "".join(parts) + "</svg>"


def bar_plot(groups: Sequence[BarGroup], names: Sequence[str], colors: Sequence[str], title: str) -> str:
    """Horizontal bars of 0..1: one group a label, one bar a series, the first one thickest."""
    left, right, gap = 98, 40, 16
    thick, thin = 12, 7
    block = thick + (len(names) - 1) * (thin + 2) + gap
    height = 8 + block * len(groups) + 22
    span = WIDTH - left - right
    words = "; ".join(f"{group.label} {short(group.values[0])}" for group in groups)
    parts = [svg_open(WIDTH, height, f"{title}. {words}")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + tick * span
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{height - 20}"/>')
        parts.append(text(x, height - 5, f"{tick:g}"))
    y = 8.0
    for group in groups:
        middle = y + (block - gap) / 2
        parts.append(text(left - 10, middle + 4, escape(group.label), "end", "label"))
        at = y
        for number, (value, name, color) in enumerate(zip(group.values, names, colors, strict=True)):
            tall = thick if number == 0 else thin
            if math.isfinite(value):
                words = f"{escape(group.label)}, {escape(name)}: {value:.3f}"
                parts.append(
                    f'<rect x="{left}" y="{at:.1f}" width="{max(value * span, 1):.1f}" height="{tall}" '
                    f'rx="1.5" style="fill:{color}"><title>{words}</title></rect>'
                )
            if number == 0:
                end = max(value, 0.0) * span if math.isfinite(value) else 0.0
                parts.append(text(left + end + 5, at + 10, short(value), "start", "value"))
            at += tall + 2
        y += block
    return "".join(parts) + "</svg>"


def _in_words(points: Sequence[tuple[float, float]], unit: str) -> str:
    return "; ".join(f"{x:g} m: {short(y)} {unit}" for x, y in points)
