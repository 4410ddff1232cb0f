"""Aligned pictures over each other: squares in turn, and edges of one over the other."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import cv2
import numpy as np

from rigsight.base.html.svg import short
from rigsight.calibration.align import Aligner, ray_map
from rigsight.calibration.boards import Float64
from rigsight.calibration.projection import undistort
from rigsight.calibration.report.subject import Subject, named, px, section
from rigsight.calibration.report.thumbnails import UInt8, for_the_eye, readable, resized, uri
from rigsight.calibration.rig import Plane, Rig

SHOWN = 3
TILES = 8  # squares of the checkerboard along the picture's longer side
PANEL_PX = 380
MARGIN = 0.22  # of the board's extent, around it
EDGE_COLOR = np.array([255.0, 64, 200])


@dataclass(frozen=True)
class Overlay:
    """Two pictures of one board on the output grid, aligned over the board's own plane.

    Attributes:
        view: its name.
        distance_m: from the reference camera to the board's middle.
        checkerboard: squares of one and the other picture in turn, RGB uint8 [H,W,3].
        edges: the other camera's edges over the reference's picture, RGB uint8 [H,W,3].
        offset_px: mean distance between the board's points in both, after alignment, pixels of the grid.
    """

    view: str
    distance_m: float
    checkerboard: UInt8
    edges: UInt8
    offset_px: float


def overlay_section(subject: Subject, camera: str) -> str:
    """Overlays of a near, a middle and a far view."""
    shown = [o for view in _chosen(subject, camera) if (o := overlay(subject, camera, view)) is not None]
    if not shown:
        return section("overlays", "Overlays", "The pictures are not at hand.", "")
    rows = []
    for kind, what in (("checkerboard", "squares in turn"), ("edges", f"edges of {camera}")):
        figures = []
        for o in shown:
            picture: UInt8 = getattr(o, kind)
            words = f"view {o.view}, board at {short(o.distance_m)} m: {what}"
            figures.append(
                f'<figure><img src="{uri(picture)}" width="{picture.shape[1]}" height="{picture.shape[0]}" '
                f'loading="lazy" alt="{escape(words)}"><figcaption>{escape(words)}'
                + (f"; points {px(o.offset_px)} apart" if kind == "checkerboard" else "")
                + "</figcaption></figure>"
            )
        rows.append(f'<div class="three">{"".join(figures)}</div>')
    lead = (
        f"The picture of {named(camera)} aligned to {named(subject.reference)} over the plane of the board "
        "in that view. On the board shapes must run on from square to square and edges must lie on edges; "
        "what lies before or behind it is shifted by parallax."
    )
    return section("overlays", "Overlays", lead, "\n".join(rows))


def overlay(subject: Subject, camera: str, view: str) -> Overlay | None:
    """The overlay of one used view, or None where a picture is missing or the board's plane cannot serve."""
    images = {
        name: readable(subject.pictures.get(view, {}).get(name)) for name in (subject.reference, camera)
    }
    plane = board_plane(subject.calibration.poses[view])
    first, second = images[subject.reference], images[camera]
    if plane is None or first is None or second is None:
        return None
    rig = subject.rig
    points, moved = matched_on_grid(subject, camera, view, plane)
    x0, y0, x1, y1 = _around(points, rig)
    below = Aligner(rig, subject.reference, surface=plane)(for_the_eye(first))[y0:y1, x0:x1]
    above = Aligner(rig, camera, surface=plane)(for_the_eye(second))[y0:y1, x0:x1]
    below, above = resized(below, PANEL_PX), resized(above, PANEL_PX)
    offset = float(np.linalg.norm(moved - points, axis=1).mean())
    return Overlay(
        view, subject.board_distance_m(view), _checkerboard(below, above), _edges(below, above), offset
    )


def board_plane(pose: Float64) -> Plane | None:
    """The board's plane in the reference frame from T_reference_board; None when seen edge-on."""
    normal = pose[:3, 2]
    distance = float(normal @ pose[:3, 3])
    if distance < 0:
        normal, distance = -normal, -distance
    if distance < 1e-6:
        return None
    return Plane(distance_m=distance, normal=(float(normal[0]), float(normal[1]), float(normal[2])))


def matched_on_grid(subject: Subject, camera: str, view: str, plane: Plane) -> tuple[Float64, Float64]:
    """The board's points on the output grid: as the reference saw them, and those of the other camera
    brought there over the plane; float64 [N,2] each, pixels of the grid.
    """
    rig = subject.rig
    first, second = subject.calibration.solution.matched(camera)[view]
    back = np.linalg.inv(ray_map(rig, camera, plane))
    rays = np.column_stack([undistort(rig.cameras[camera], second), np.ones(len(second))]) @ back.T
    own = np.column_stack([undistort(rig.cameras[rig.reference], first), np.ones(len(first))])
    K = rig.output.matrix
    return (own @ K.T)[:, :2], (rays / rays[:, 2:] @ K.T)[:, :2]


def _chosen(subject: Subject, camera: str) -> list[str]:
    """Views with a near, a middle and a far board."""
    matched = subject.calibration.solution.matched(camera)
    views = sorted(
        (view for view in subject.calibration.views_used if view in matched and len(matched[view][0]) >= 4),
        key=subject.board_distance_m,
    )
    places = np.linspace(0, len(views) - 1, min(SHOWN, len(views))).round().astype(int)
    return [views[place] for place in places.tolist()]


def _around(points: Float64, rig: Rig) -> tuple[int, int, int, int]:
    """The part of the grid around the board, in the grid's proportions: x0, y0, x1, y1."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.array(rig.output.size, dtype=np.float64)
    extent = (high - low) * (1 + 2 * MARGIN)
    extent = min(float((extent / size).max()), 1.0) * size
    corner = np.clip((low + high) / 2 - extent / 2, 0, size - extent)
    x0, y0 = (int(value) for value in corner)
    return x0, y0, int(x0 + extent[0]), int(y0 + extent[1])


def _checkerboard(below: UInt8, above: UInt8) -> UInt8:
    side = max(below.shape[:2]) / TILES
    rows, columns = np.indices(below.shape[:2])
    odd = ((rows // side).astype(int) + (columns // side).astype(int)) % 2 == 1
    return np.where(odd[:, :, None], above, below)


def _edges(below: UInt8, above: UInt8) -> UInt8:
    """Where the gradient of ``above`` is steep, drawn over a paler ``below``."""
    grey = cv2.GaussianBlur(cv2.cvtColor(above, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.2)
    steep = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    # Thin lines: only where the gradient is a ridge along its steeper axis.
    ridge = np.maximum(steep - cv2.GaussianBlur(steep, (0, 0), 2.5), 0)
    top = max(float(np.percentile(ridge, 98)), 1e-6)
    share = np.clip(ridge / top * 1.6 - 0.3, 0, 1)[:, :, None]
    base = np.repeat(cv2.cvtColor(below, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2) * 0.7 + 50
    return np.clip(base * (1 - share) + EDGE_COLOR * share, 0, 255).astype(np.uint8)
