"""Where the boards were: points over each picture, tilts and distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np

from rigsight.base.html.svg import WIDTH, short, svg_open, text
from rigsight.calibration.boards import Float64
from rigsight.calibration.report.subject import Subject, panel, section
from rigsight.calibration.rig import Camera

COLUMNS = 16
PAD = 6
RINGS_DEG = (15, 30, 45, 60)
DIAL = 300
WELL_TILTED_DEG = 15.0


def coverage_section(subject: Subject) -> str:
    """Heat map of every camera, dial of tilts, strip of distances."""
    parts = []
    for camera in subject.cameras:
        points = subject.residuals(camera)[0]
        share = hull_share(points, subject.rig.cameras[camera])
        parts.append(
            panel(
                f"{camera}: points over the picture",
                _heat_map(points, subject.rig.cameras[camera], camera),
                f"{len(points)} points; their hull covers {100 * share:.0f} % of the picture.",
            )
        )
    views = list(subject.calibration.poses)
    tilts = [tilt(subject.calibration.poses[view], subject.board_middle(view)) for view in views]
    steep = sum(angle >= WELL_TILTED_DEG for angle, _ in tilts)
    parts.append(
        panel(
            "Tilt of the board",
            _dial(tilts, views),
            f"{steep} of {len(views)} views are tilted by {WELL_TILTED_DEG:g}° or more. "
            "Tilts in all directions separate focal length from distance.",
        )
    )
    distances = [subject.board_distance_m(view) for view in views]
    parts.append(
        panel(
            "Distance of the board",
            _strip(distances, views),
            f"{short(min(distances))} to {short(max(distances))} m from {subject.reference} to its middle.",
        )
    )
    lead = (
        "A lens is only known where boards were seen, and a distance only by boards that are tilted. Empty "
        "corners and a dial with all dots in the middle are what to mend first."
    )
    return section("coverage", "Coverage", lead, f'<div class="two">{"".join(parts)}</div>')


def hull_share(points: Float64, camera: Camera) -> float:
    """Part of the picture inside the convex hull of the points [N,2].

    >>> camera = Camera(model="pinhole-radtan", width=100, height=100, spectrum="rgb",
    ...                 K=((50, 0, 50), (0, 50, 50), (0, 0, 1)))
    >>> hull_share(np.array([[0.0, 0.0], [50, 0], [50, 50], [0, 50]]), camera)
    0.25
    """
    if len(points) < 3:
        return 0.0
    hull = cv2.convexHull(points.astype(np.float32).reshape(-1, 1, 2))
    return float(cv2.contourArea(hull)) / (camera.width * camera.height)


def tilt(pose: Float64, middle: Float64) -> tuple[float, float]:
    """How far the board's normal leans from the line of sight, degrees, and in which direction, radians.

    The direction is that in which the normal (away from the viewer) points in the picture: x right, y down.

    >>> pose = np.eye(4)
    >>> pose[:3, :3] = cv2.Rodrigues(np.array([0.0, np.pi / 6, 0.0]))[0]
    >>> [round(v, 3) for v in tilt(pose, np.array([0.0, 0.0, 1.0]))]
    [30.0, 0.0]
    """
    sight = middle / np.linalg.norm(middle)
    normal = pose[:3, 2] * (1.0 if pose[:3, 2] @ sight >= 0 else -1.0)
    angle = math.degrees(math.acos(min(1.0, float(normal @ sight))))
    aside = normal - (normal @ sight) * sight
    return angle, math.atan2(float(aside[1]), float(aside[0]))


def _heat_map(points: Float64, camera: Camera, name: str) -> str:
    rows = max(1, round(COLUMNS * camera.height / camera.width))
    edges = (
        np.linspace(-0.5, camera.width - 0.5, COLUMNS + 1),
        np.linspace(-0.5, camera.height - 0.5, rows + 1),
    )
    counts = np.histogram2d(points[:, 0], points[:, 1], bins=edges)[0].astype(int)
    most = max(int(counts.max()), 1)
    empty = int((counts == 0).sum())
    wide = WIDTH - 2 * PAD
    cell_x, cell_y = wide / COLUMNS, wide * camera.height / camera.width / rows
    tall = cell_y * rows
    words = f"Points of {name} over its picture: {empty} of {counts.size} cells empty, at most {most} in one"
    parts = [svg_open(WIDTH, tall + 2 * PAD + 24, words)]
    for (column, row), count in np.ndenumerate(counts):
        if count:
            left, top = PAD + column * cell_x, PAD + row * cell_y
            parts.append(cell(left, top, left + cell_x, top + cell_y, count / most, str(count)))
    parts.append(f'<rect class="frame" x="{PAD}" y="{PAD}" width="{wide}" height="{tall:.1f}"/>')
    y = tall + 2 * PAD + 6
    parts += scale_bar(PAD, y, "0", f"{most} points a cell")
    parts.append(text(WIDTH - PAD, y + 10, f"{empty} of {counts.size} cells empty", "end"))
    return "".join(parts) + "</svg>"


def cell(left: float, top: float, right: float, bottom: float, share: float, words: str) -> str:
    """One rectangle of a heat map. Edges are rounded before widths, so that neighbours share them."""
    x0, y0, x1, y1 = (round(edge, 1) for edge in (left, top, right, bottom))
    return (
        f'<rect class="cell" x="{x0:g}" y="{y0:g}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}" '
        f'style="fill:var(--both);fill-opacity:{opacity(share):.2f}"><title>{words}</title></rect>'
    )


def opacity(share: float) -> float:
    """Few points must be seen beside many: square root."""
    return 0.12 + 0.88 * math.sqrt(share)


def scale_bar(x: float, y: float, low: str, high: str) -> list[str]:
    """Eight shades from faint to full with what their ends stand for."""
    parts = [text(x, y + 10, low, "start")]
    start = x + 6 + 7 * len(low)
    for number in range(8):
        parts.append(
            f'<rect x="{start + 11 * number:.1f}" y="{y:.1f}" width="11" height="11" '
            f'style="fill:var(--both);fill-opacity:{opacity(number / 7):.2f}"/>'
        )
    parts.append(text(start + 96, y + 10, high, "start"))
    return parts


def _dial(tilts: Sequence[tuple[float, float]], views: Sequence[str]) -> str:
    reach = next((ring for ring in RINGS_DEG[2:] if max(a for a, _ in tilts) <= ring), 90)
    radius, cx, cy = DIAL / 2 - 14, WIDTH / 2, DIAL / 2
    angles = [angle for angle, _ in tilts]
    words = f"Tilts from {min(angles):.0f} to {max(angles):.0f} degrees, by direction"
    parts = [svg_open(WIDTH, DIAL, words)]
    for ring in (*(r for r in RINGS_DEG if r < reach), reach):
        r = ring / reach * radius
        parts.append(f'<circle class="grid" cx="{cx}" cy="{cy}" r="{r:.1f}" fill="none"/>')
    parts.append(
        f'<path class="grid" d="M{cx - radius:.1f} {cy}h{2 * radius:.1f}'
        f'M{cx} {cy - radius:.1f}v{2 * radius:.1f}"/>'
    )
    for (angle, direction), view in zip(tilts, views, strict=True):
        r = min(angle / reach, 1.0) * radius
        parts.append(
            f'<circle cx="{cx + r * math.cos(direction):.1f}" cy="{cy + r * math.sin(direction):.1f}" r="5" '
            f'style="fill:var(--both);fill-opacity:.75;stroke:var(--panel)">'
            f"<title>{escape(view)}: {angle:.0f}°</title></circle>"
        )
    for ring in (*(r for r in RINGS_DEG if r < reach), reach):
        r = ring / reach * radius * math.sqrt(0.5)
        parts.append(text(cx + r + 3, cy - r - 3, f"{ring}°", "start", "over"))
    return "".join(parts) + "</svg>"


def _strip(distances: Sequence[float], views: Sequence[str]) -> str:
    """Dots stacked over a logarithmic axis of metres."""
    left, right, bins = 24, WIDTH - 24, 28
    low, high = math.log(0.85 * min(distances)), math.log(1.18 * max(distances))
    place = [min(int((math.log(d) - low) / (high - low) * bins), bins - 1) for d in distances]
    tallest = max(place.count(b) for b in place)
    step = min(13.0, 220.0 / tallest)
    base = tallest * step + 16
    words = f"Distances from {short(min(distances))} to {short(max(distances))} m"
    parts = [svg_open(WIDTH, base + 40, words)]
    parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{base:.1f}" y2="{base:.1f}"/>')
    stacked: dict[int, int] = {}
    for distance, where, view in sorted(zip(distances, place, views, strict=True)):
        stacked[where] = stacked.get(where, 0) + 1
        x = left + (where + 0.5) / bins * (right - left)
        y = base - (stacked[where] - 0.5) * step - 3
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{min(5.0, 0.45 * step):.1f}" style="fill:var(--both)">'
            f"<title>{escape(view)}: {short(distance)} m</title></circle>"
        )
    for tick in _ticks(math.exp(low), math.exp(high)):
        x = left + (math.log(tick) - low) / (high - low) * (right - left)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base:.1f}" y2="{base + 5:.1f}"/>')
        parts.append(text(x, base + 18, f"{tick:g}"))
    parts.append(text((left + right) / 2, base + 35, "distance, m (logarithmic)"))
    return "".join(parts) + "</svg>"


def _ticks(low: float, high: float) -> list[float]:
    """Round distances between two others, at most seven.

    >>> _ticks(0.25, 1.3)
    [0.3, 0.4, 0.5, 0.6, 0.8, 1.0]
    """
    power = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in (
        (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 8),
        (1, 1.5, 2, 3, 4, 5, 6, 8),
        (1, 2, 5),
        (1,),
    ):
        found = [round(f * 10.0**p, 9) for p in power for f in factors if low <= f * 10.0**p <= high]
        if len(found) <= 7:
            return found
    return found
