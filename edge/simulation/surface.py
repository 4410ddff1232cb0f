"""Defects on a surface: strokes and patches in surface coordinates, evaluated exactly at every pixel.

Nothing is drawn into a bitmap first. Each pixel's surface point (u, v) in metres is compared with the
geometry itself, so that labels, pictures and true sizes always agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rigsight.edge.frames import Float32, Float64
from rigsight.edge.simulation.camera import Block, Eye, box_corners
from rigsight.edge.simulation.layers import Layer
from rigsight.edge.simulation.splits import Draw
from rigsight.edge.simulation.view import DefectShape

HARMONICS = 4


@dataclass(frozen=True)
class Stroke:
    """A line with width: ``points`` float64 [N,2] (u, v) and ``half_widths`` [N], metres;
    ``low`` and ``high`` bound the middle line.

    ``contrast`` multiplies the albedo inside, ``warmth`` is the temperature difference in kelvin.
    """

    shape: DefectShape
    points: Float64
    half_widths: Float64
    low: tuple[float, float]
    high: tuple[float, float]
    contrast: float
    warmth: float


@dataclass(frozen=True)
class Patch:
    """A star-shaped blob: radius times (1 + harmonics of the angle), stretched and turned.

    ``waves`` float64 [HARMONICS,2] are the cosine and sine weights of the 2nd, 3rd, … harmonic; ``low`` and
    ``high`` bound the blob in (u, v).
    """

    shape: DefectShape
    centre: tuple[float, float]
    radii: tuple[float, float]
    turn: float
    waves: Float64
    low: tuple[float, float]
    high: tuple[float, float]
    contrast: float
    warmth: float


@dataclass(frozen=True)
class Surface:
    """How (u, v) lie in the world: ``to_world`` maps float64 [...,2] to [...,3]; v may be periodic."""

    to_world: Callable[[Float64], Float64]
    period_v: float | None = None

    def across(self, difference: Float32) -> Float32:
        """A difference in v the short way round."""
        if self.period_v is None:
            return difference
        turns = np.round(difference * np.float32(1 / self.period_v))
        return np.asarray(difference - np.float32(self.period_v) * turns, dtype=np.float32)


def make_stroke(
    draw: Draw,
    number: int,
    class_id: int,
    start: tuple[float, float],
    heading: float,
    length: float,
    width: float,
    wander: float,
    contrast: float,
    warmth: float,
    step: float,
) -> Stroke:
    """A wandering line: the heading (radians) does a random walk of ``wander`` a step; the tips taper."""
    count = max(3, round(length / step) + 1)
    turns = draw.rng.standard_normal(count - 1) * wander
    turns[0] = 0
    headings = heading + 0.75 * np.cumsum(turns) + 0.6 * turns
    moves = length / (count - 1) * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    points = np.concatenate([[start], np.array(start) + np.cumsum(moves, axis=0)])
    half = np.full(count, width / 2)
    half[[0, -1]] *= 0.45
    lengths = np.linalg.norm(moves, axis=1)
    mean_width = float((lengths * (half[:-1] + half[1:])).sum() / lengths.sum())
    shape = DefectShape(number, class_id, 1000 * float(lengths.sum()), 1000 * mean_width)
    low, high = points.min(axis=0), points.max(axis=0)
    return Stroke(shape, points, half, (low[0], low[1]), (high[0], high[1]), contrast, warmth)


def make_patch(
    draw: Draw,
    number: int,
    class_id: int,
    centre: tuple[float, float],
    radii: tuple[float, float],
    contrast: float,
    warmth: float,
) -> Patch:
    """A blob with random outline; length and width are its largest and smallest extent."""
    waves = draw.rng.uniform(-1, 1, (HARMONICS, 2)) * np.array([0.16, 0.13, 0.08, 0.06])[:, None]
    turn = draw.uniform(-0.5, 0.5)
    edge = _outline(centre, radii, turn, waves)
    length, width = _extents(edge)
    shape = DefectShape(number, class_id, 1000 * length, 1000 * width)
    low, high = edge.min(axis=0), edge.max(axis=0)
    return Patch(shape, centre, radii, turn, waves, (low[0], low[1]), (high[0], high[1]), contrast, warmth)


def _outline(centre: tuple[float, float], radii: tuple[float, float], turn: float, waves: Float64) -> Float64:
    """Points of a patch's edge, float64 [180,2] (u, v), metres."""
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    orders = np.arange(2, 2 + HARMONICS)[:, None]
    radius = 1 + waves[:, 0] @ np.cos(orders * angle) + waves[:, 1] @ np.sin(orders * angle)
    x, y = radii[0] * radius * np.cos(angle), radii[1] * radius * np.sin(angle)
    c, s = np.cos(turn), np.sin(turn)
    return np.asarray(np.stack([c * x - s * y, s * x + c * y], axis=1) + np.array(centre))


Mark = TypeVar("Mark", Stroke, Patch)


def near(items: Sequence[Mark], u: tuple[float, float], v: tuple[float, float]) -> tuple[Mark, ...]:
    """The items that touch a window of the surface, metres."""
    return tuple(
        item
        for item in items
        if item.high[0] >= u[0] and item.low[0] <= u[1] and item.high[1] >= v[0] and item.low[1] <= v[1]
    )


def _extents(points: Float64) -> tuple[float, float]:
    """Largest and smallest distance between parallel tangents (Feret diameters)."""
    angle = np.linspace(0, np.pi, 180, endpoint=False)
    along = points @ np.stack([np.cos(angle), np.sin(angle)])
    extent = np.ptp(along, axis=0)
    return float(extent.max()), float(extent.min())


def paint_strokes(
    eye: Eye,
    surface: Surface,
    u: Float32,
    v: Float32,
    strokes: Sequence[Stroke],
    ragged: Float32,
    min_px: float,
) -> Layer:
    """Cover the pixels of strokes. ``ragged`` float32 [H,W] (about -1..1) frays the edges a little."""
    layer = Layer.empty(eye.shape)
    if not strokes:
        return layer
    start = np.concatenate([stroke.points[:-1] for stroke in strokes])
    end = np.concatenate([stroke.points[1:] for stroke in strokes])
    half_start = np.concatenate([stroke.half_widths[:-1] for stroke in strokes])
    half_end = np.concatenate([stroke.half_widths[1:] for stroke in strokes])
    owner = np.repeat(np.arange(len(strokes)), [len(stroke.points) - 1 for stroke in strokes])
    blocks = _blocks(eye, surface, start, end, 1.3 * np.maximum(half_start, half_end))
    seen = [k for k, block in enumerate(blocks) if block is not None]
    widths = _projected_widths(eye, surface, start, end, half_start + half_end)
    near_end, along = start.astype(np.float32), (end - start).astype(np.float32)
    halves = np.stack([half_start, half_end], axis=1).astype(np.float32)
    fray = 1 + np.float32(0.18) * ragged
    for k in seen:
        block: Block = blocks[k]  # type: ignore[assignment]
        du, dv = u[block] - near_end[k, 0], surface.across(v[block] - near_end[k, 1])
        eu, ev = along[k]
        share = (du * eu + dv * ev) / (eu * eu + ev * ev)
        np.minimum(np.maximum(share, 0, out=share), 1, out=share)
        du -= share * eu
        dv -= share * ev
        half = (halves[k, 0] + share * (halves[k, 1] - halves[k, 0])) * fray[block]
        inside = 1 - np.sqrt(du * du + dv * dv) / half
        better = inside > layer.inside[block]
        np.copyto(layer.inside[block], inside, where=better)
        layer.item[block][better] = owner[k]
        layer.resolved[block][better] = widths[k] >= min_px
    return layer


def paint_patches(
    eye: Eye, surface: Surface, u: Float32, v: Float32, patches: Sequence[Patch], min_px: float
) -> Layer:
    """Cover the pixels of patches."""
    layer = Layer.empty(eye.shape)
    if not patches:
        return layer
    low = np.array([patch.low for patch in patches])
    high = np.array([patch.high for patch in patches])
    middle = (low + high) / 2
    sizes = np.minimum(
        _projected_widths(eye, surface, middle, middle + np.array([1e-3, 0]), high[:, 1] - low[:, 1]),
        _projected_widths(eye, surface, middle, middle + np.array([0, 1e-3]), high[:, 0] - low[:, 0]),
    )
    for k, block in enumerate(_blocks(eye, surface, low, high, 0.02 * (high - low).max(axis=1))):
        if block is None:
            continue
        patch = patches[k]
        du = u[block] - np.float32(patch.centre[0])
        dv = surface.across(v[block] - np.float32(patch.centre[1]))
        c, s = np.float32(np.cos(patch.turn)), np.float32(np.sin(patch.turn))
        x = (c * du + s * dv) * np.float32(1 / patch.radii[0])
        y = (c * dv - s * du) * np.float32(1 / patch.radii[1])
        radius = np.hypot(x, y) + np.float32(1e-9)
        cos1, sin1 = x / radius, y / radius
        cos, sin = cos1, sin1
        reach = np.ones_like(radius)
        for a, b in patch.waves.astype(np.float32):
            cos, sin = cos * cos1 - sin * sin1, sin * cos1 + cos * sin1
            reach += a * cos + b * sin
        inside = 1 - radius / reach
        better = inside > layer.inside[block]
        np.copyto(layer.inside[block], inside, where=better)
        layer.item[block][better] = k
        layer.resolved[block][better] = sizes[k] >= min_px
    return layer


def _blocks(eye: Eye, surface: Surface, start: Float64, end: Float64, pad: Float64) -> list[Block | None]:
    """Pixels that rectangles of the surface may cover, one block an item."""
    low = np.minimum(start, end) - pad[:, None]
    high = np.maximum(start, end) + pad[:, None]
    share = np.linspace(0, 1, 5)
    corner = np.stack(np.meshgrid(share, share), axis=-1).reshape(-1, 2)
    points = surface.to_world(low[:, None] + corner * (high - low)[:, None])
    margin = 0.1 * np.ptp(points, axis=1) + 1e-3
    return eye.blocks(box_corners(points.min(axis=1) - margin, points.max(axis=1) + margin))


def _projected_widths(eye: Eye, surface: Surface, start: Float64, end: Float64, widths: Float64) -> Float64:
    """Widths across segments on the picture, pixels (0 behind the camera)."""
    along = end - start
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1, keepdims=True)
    middle = (start + end) / 2
    sides = np.stack([middle - across * widths[:, None] / 2, middle + across * widths[:, None] / 2])
    points = (surface.to_world(sides) - eye.origin) @ eye.T_world_camera[:3, :3]
    in_front = (points[..., 2] > 1e-3).all(axis=0)
    xy = points[..., :2] / np.maximum(points[..., 2:], 1e-3)
    return np.where(in_front, eye.focal_px * np.linalg.norm(xy[1] - xy[0], axis=1), 0.0)
