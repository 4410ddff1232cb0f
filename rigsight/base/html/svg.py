"""Parts of small plots as inline SVG. Colours are CSS variables of the page: they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise

WIDTH = 420


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


def svg_open(width: float, height: float, words: str) -> str:
    """The opening tag of a picture that ``words`` (text) describe to those who cannot see it."""
    return f'<svg viewBox="0 0 {width} {height:.0f}" role="img" aria-label="{escape(words)}">'


def text(x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> str:
    """A line of ``words`` (markup: escape what is not yours) at a place; ``kind`` is its class."""
    style = f'class="{kind}" ' if kind else ""
    return f'<text {style}x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'
