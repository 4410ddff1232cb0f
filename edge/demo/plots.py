"""Small plots as inline SVG. Colours are CSS variables of the page, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

WIDTH = 420


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

    parts = [_svg_open(WIDTH, height, f"{title}. {_in_words(points, unit)}")]
    for tick in ticks(ceiling):
        y = at(points[0][0], tick)[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{WIDTH - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 8, y + 4, f"{tick:g} {unit}" if tick == ceiling else f"{tick:g}", "end"))
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
        parts.append(_text(px + shift, py - (6 if falling else 10), short(y), anchor, "value"))
        parts.append(_text(px, height - 20, f"{x:g}"))
    parts.append(_text((left + WIDTH - right) / 2, height - 4, "distance, m (log)"))
    return "".join(parts) + "</svg>"


def bar_plot(groups: Sequence[BarGroup], names: Sequence[str], colors: Sequence[str], title: str) -> str:
    """Horizontal bars of 0..1: one group a label, one bar a series, the first one thickest."""
    left, right, gap = 98, 40, 16
    thick, thin = 12, 7
    block = thick + (len(names) - 1) * (thin + 2) + gap
    height = 8 + block * len(groups) + 22
    span = WIDTH - left - right
    words = "; ".join(f"{group.label} {short(group.values[0])}" for group in groups)
    parts = [_svg_open(WIDTH, height, f"{title}. {words}")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + tick * span
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{height - 20}"/>')
        parts.append(_text(x, height - 5, f"{tick:g}"))
    y = 8.0
    for group in groups:
        middle = y + (block - gap) / 2
        parts.append(_text(left - 10, middle + 4, escape(group.label), "end", "label"))
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
                parts.append(_text(left + end + 5, at + 10, short(value), "start", "value"))
            at += tall + 2
        y += block
    return "".join(parts) + "</svg>"


def slope(curve: Sequence[tuple[float, float]], x: float) -> float:
    """dy / d(ln x) of the piece of the curve that holds ``x``; 0 beyond its ends.

    >>> round(slope([(1, 0), (10, 2), (100, 2)], 5), 3)
    0.869
    """
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x0 <= x <= x1 and x1 > x0:
            return (y1 - y0) / math.log(x1 / x0)
    return 0.0


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten.

    >>> [nice_ceiling(v) for v in (0.07, 0.3, 1.0, 2.1, 37)]
    [0.1, 0.5, 1.0, 2.5, 50.0]
    """
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(round(f * power, 12) for f in (1, 2, 2.5, 5, 10) if f * power >= value * (1 - 1e-9))


def ticks(ceiling: float) -> list[float]:
    """Zero to ``ceiling`` in four or five even steps.

    >>> ticks(2.5)
    [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    """
    leading = ceiling / 10.0 ** math.floor(math.log10(ceiling) + 1e-9)
    steps = 4 if round(leading, 6) == 2 else 5
    return [round(ceiling * i / steps, 12) for i in range(steps + 1)]


def short(value: float) -> str:
    """A number in about three digits.

    >>> [short(v) for v in (0.1234, 1.234, 12.34, 123.4, float("nan"))]
    ['0.12', '1.23', '12.3', '123', '–']
    """
    if not math.isfinite(value):
        return "–"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def _svg_open(width: float, height: float, words: str) -> str:
    return f'<svg viewBox="0 0 {width} {height:.0f}" role="img" aria-label="{escape(words)}">'


def _text(x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> str:
    style = f'class="{kind}" ' if kind else ""
    return f'<text {style}x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def _in_words(points: Sequence[tuple[float, float]], unit: str) -> str:
    return "; ".join(f"{x:g} m: {short(y)} {unit}" for x, y in points)
