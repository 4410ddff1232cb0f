"""Predicted alignment error over distance, with its 95 % band."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from rigsight.base.html.svg import nice_ceiling, svg_open, text, ticks
from rigsight.calibration.report.subject import fine
from rigsight.calibration.uncertainty import PredictedError

WIDE, NARROW, HEIGHT = 760, 420, 330  # widths for desks and phones
LEFT, RIGHT, TOP, BOTTOM = 52, 20, 26, 62
CURVE_POINTS = 41
STEEP, FLAT = 20.0, 0.1  # times the tolerance; beyond, the error axis is logarithmic
BESIDE_PX = 46  # labels nearer to each other take turns in height


def curve_distances(marked: Sequence[float], boards: Sequence[float]) -> tuple[float, ...]:
    """Distances at which to draw the curve: from the nearest board to beyond the user's farthest, metres.

    >>> found = curve_distances([5, 20], [1.0, 2.0])
    >>> round(found[0], 3), round(found[-1], 3)
    (0.8, 25.0)
    """
    every = [*marked, *boards]
    spaced = np.geomspace(0.8 * min(every), 1.25 * max(every), CURVE_POINTS)
    return tuple(float(d) for d in spaced)


def error_curve(
    curve: Sequence[PredictedError],
    marked: Sequence[PredictedError],
    tolerance_px: float,
    boards_m: tuple[float, float],
    width: int = WIDE,
) -> str:
    """The plot as SVG.

    Args:
        curve: predictions in rising distance, at least two.
        marked: those at the user's distances.
        tolerance_px: drawn as a line.
        boards_m: nearest and farthest board, shaded: outside, the curve extrapolates.
        width: of the plot in its own units, in which letters are 12 high.
    """
    first, last = math.log(curve[0].distance_m), math.log(curve[-1].distance_m)
    right, bottom = width - RIGHT, HEIGHT - BOTTOM

    def x_of(distance: float) -> float:
        return LEFT + (math.log(distance) - first) / max(last - first, 1e-9) * (right - LEFT)

    y_of, marks = _error_axis([*curve, *marked], tolerance_px, bottom)
    words = "; ".join(f"{p.distance_m:g} m: {fine(p.rms_px)} px, 95 % {_band(p)} px" for p in marked)
    parts = [svg_open(width, HEIGHT, f"Predicted alignment error over distance. {words}")]
    near, far = x_of(boards_m[0]), x_of(boards_m[1])
    parts.append(
        f'<rect x="{near:.1f}" y="{TOP}" width="{max(far - near, 2):.1f}" height="{bottom - TOP}" '
        'style="fill:var(--pixel);fill-opacity:.16"/>'
    )
    for value, label in marks:
        y = y_of(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 8, y + 4, label, "end"))
    parts.append(text(LEFT - 8, TOP - 10, "px", "end"))
    parts += _distance_axis(x_of, (curve[0].distance_m, curve[-1].distance_m), (right, bottom), marked)
    parts.append(text(max((near + far) / 2, LEFT + 22), TOP + 14, "boards", kind="over"))
    drawn = [p for p in curve if all(map(math.isfinite, (p.rms_px, p.low_px, p.high_px)))]
    upper = [(x_of(p.distance_m), y_of(p.high_px)) for p in drawn]
    lower = [(x_of(p.distance_m), y_of(p.low_px)) for p in drawn]
    middle = [(x_of(p.distance_m), y_of(p.rms_px)) for p in drawn]
    parts.append(
        f'<polygon points="{_path([*upper, *reversed(lower)])}" style="fill:var(--both);fill-opacity:.22"/>'
        f'<polyline points="{_path(middle)}" fill="none" style="stroke:var(--both)" stroke-width="2.5" '
        'stroke-linejoin="round"/>'
    )
    y = y_of(tolerance_px)
    parts.append(f'<line class="limit" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts.append(text(right - 4, y - 6, f"tolerance {tolerance_px:g} px", "end", "limit-name"))
    previous, row = -math.inf, 0
    for p in sorted(marked, key=lambda p: p.distance_m):
        if math.isfinite(p.rms_px):
            x = x_of(p.distance_m)
            row = 1 - row if x - previous < BESIDE_PX else 0
            previous = x
            parts += _mark(p, x, y_of, bottom, row)
    return "".join(parts) + "</svg>"


def _mark(p: PredictedError, x: float, y_of: Callable[[float], float], bottom: float, row: int) -> list[str]:
    """A dot with its band and value; ``row`` 1 lifts the value and lowers the distance, off a neighbour's."""
    words = f"{p.distance_m:g} m: {fine(p.rms_px)} px, 95 % {_band(p)} px"
    return [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y_of(p.high_px):.1f}" y2="{y_of(p.low_px):.1f}" '
        f'style="stroke:var(--both)" stroke-width="1.5"/>'
        f'<circle cx="{x:.1f}" cy="{y_of(p.rms_px):.1f}" r="4.5" style="fill:var(--both)">'
        f"<title>{words}</title></circle>",
        text(x, max(y_of(p.high_px) - 8 - 15 * row, TOP + 10), fine(p.rms_px), kind="value"),
        text(x, bottom + 18 + 15 * row, f"{p.distance_m:g}", kind="value"),
    ]


def _band(p: PredictedError) -> str:
    return f"{fine(p.low_px)}–{fine(p.high_px)}"


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _error_axis(
    shown: Sequence[PredictedError], tolerance_px: float, bottom: float
) -> tuple[Callable[[float], float], list[tuple[float, str]]]:
    """Error -> y, and the grid lines with their labels; logarithmic where error and tolerance differ much."""
    highs = [p.high_px for p in shown if math.isfinite(p.high_px)]
    top = max([*highs, tolerance_px * 1.15])
    if max(highs, default=tolerance_px) > FLAT * tolerance_px and top <= STEEP * tolerance_px:
        ceiling = nice_ceiling(top)
        return (
            lambda value: bottom - min(max(value, 0.0) / ceiling, 1.0) * (bottom - TOP),
            [(tick, f"{tick:g}") for tick in ticks(ceiling)],
        )
    least = min([p.low_px for p in shown if math.isfinite(p.low_px) and p.low_px > 0] + [tolerance_px / 4])
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(top))
    decades = [(10.0**power, f"{10.0**power:g}") for power in range(low, high + 1)]
    return (
        lambda value: (
            bottom - min(max((math.log10(max(value, 1e-9)) - low) / (high - low), 0.0), 1.0) * (bottom - TOP)
        ),
        decades,
    )


def _distance_axis(
    x_of: Callable[[float], float],
    reach: tuple[float, float],
    corner: tuple[float, float],
    marked: Sequence[PredictedError],
) -> list[str]:
    """Ticks at 1, 2 and 5 times powers of ten, without a number where the user's stand."""
    right, bottom = corner
    parts = [f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>']
    taken = [x_of(p.distance_m) for p in marked]
    for power in range(math.floor(math.log10(reach[0])), math.ceil(math.log10(reach[1])) + 1):
        for at in (factor * 10.0**power for factor in (1, 2, 5)):
            if reach[0] <= at <= reach[1]:
                x = x_of(at)
                parts.append(
                    f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}"/>'
                )
                if all(abs(x - other) > BESIDE_PX / 2 for other in taken):
                    parts.append(text(x, bottom + 18, f"{at:g}"))
    parts.append(text((LEFT + right) / 2, HEIGHT - 8, "distance, m (logarithmic); yours in bold"))
    return parts
