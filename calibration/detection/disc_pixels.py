"""Circles of a flat board as the picture shows them, to second order, and the pixels that show their rims."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Float64
from rigsight.calibration.detection.board_map import BoardMap
from rigsight.calibration.pictures import Image

# Of the distance to the next centre: further out another disc or the board's rim begins.
OUTERMOST = 0.62
MOST_ACROSS = 90  # pixels across a disc's window; of larger ones every n-th is looked at
FEWEST_PIXELS = 12


@dataclass(frozen=True)
class DiscPixels:
    """The pixels that each disc is fitted to, padded: ``x``, ``y``, ``grey`` and ``used`` (0 or 1),
    float64 [N,P], and ``flat`` int [N,P], their place in the picture."""

    x: Float64
    y: Float64
    grey: Float64
    used: Float64
    flat: NDArray[np.intp]


@dataclass(frozen=True)
class DiscShape:
    """Picture to board round each centre: ``linear`` [N,2,2] and ``square`` [N,2,3] of (xx, xy, yy)."""

    linear: Float64
    square: Float64

    @classmethod
    def of(cls, board_map: BoardMap, centres: Float64, radius: float) -> DiscShape:
        """From the map at places float64 [N,2], by differences over most of the radius (board units)."""
        det = np.abs(np.linalg.det(board_map.jacobian(centres)))
        step = 0.7 * radius / np.sqrt(det)[:, None]  # px
        stencil = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)])
        o, e, w, s, n, se, nw, ne, sw = board_map.to_board(centres + step * stencil[:, None])
        linear = np.stack([(e - w) / (2 * step), (s - n) / (2 * step)], axis=-1)
        scale = 2 * step**2
        square = np.stack(
            [(e + w - 2 * o) / scale, (se + nw - ne - sw) / (2 * scale), (s + n - 2 * o) / scale], axis=-1
        )
        return cls(linear, square)

    @property
    def scale(self) -> Float64:
        """Board units a pixel, float64 [N]."""
        return np.asarray(np.sqrt(np.abs(np.linalg.det(self.linear))))

    def distances(
        self, x: Float64, y: Float64, centres: Float64, radius: float
    ) -> tuple[Float64, Float64, Float64, Float64]:
        """For pixels [N,P] of each disc: the distance inwards from the rim in pixels, its derivatives by the
        centre's x and y, and the radius in pixels in that direction; [N,P] each."""
        dx, dy = x - centres[:, :1], y - centres[:, 1:]
        (a, b), (c, d) = self.linear.transpose(1, 2, 0)[..., None]
        (p, q, r), (s, t, w) = self.square.transpose(1, 2, 0)[..., None]
        xx, xy, yy = dx * dx, dx * dy, dy * dy
        u = a * dx + b * dy + p * xx + q * xy + r * yy
        v = c * dx + d * dy + s * xx + t * xy + w * yy
        rho = np.maximum(np.hypot(u, v), 1e-12)
        u, v = u / rho, v / rho
        by_x = u * (a + 2 * p * dx + q * dy) + v * (c + 2 * s * dx + t * dy)
        by_y = u * (b + q * dx + 2 * r * dy) + v * (d + t * dx + 2 * w * dy)
        steep = np.maximum(np.hypot(by_x, by_y), 1e-12)
        return (radius - rho) / steep, by_x / steep, by_y / steep, radius / steep


def choose_pixels(
    values: Image,
    centres: Float64,
    shape: DiscShape,
    radius: float,
    ring_px: float,
    spacing: float,
    most: int,
) -> DiscPixels | None:
    """Pixels within ``ring_px`` of the rims: those far inside or outside say nothing about the place.

    Of more than ``most`` for a disc every n-th is taken. None when hardly any is in the picture.
    """
    height, width = values.shape
    smallest = np.linalg.svd(shape.linear, compute_uv=False)[:, 1]  # board units a pixel
    reach = np.minimum(radius / smallest + ring_px, OUTERMOST * spacing / smallest)
    half = int(np.ceil(reach.max())) + 1
    if half > max(height, width):
        return None
    stride = 1 + 2 * half // MOST_ACROSS
    v, u = np.mgrid[-half : half + 1 : stride, -half : half + 1 : stride].reshape(2, 1, -1)
    corner = np.rint(centres).astype(np.intp)
    x, y = corner[:, :1] + u, corner[:, 1:] + v
    dx, dy = x - centres[:, :1], y - centres[:, 1:]
    (a, b), (c, d) = shape.linear.transpose(1, 2, 0)[..., None]
    rho = np.hypot(a * dx + b * dy, c * dx + d * dy)
    inside = np.abs(rho - radius) <= ring_px * shape.scale[:, None]
    inside &= (rho <= OUTERMOST * spacing) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    count = inside.sum(axis=1)
    thin = int(np.ceil(count.max(initial=0) / most))
    if count.max(initial=0) < FEWEST_PIXELS:
        return None
    disc, place = np.nonzero(inside)
    number = np.arange(len(disc)) - np.repeat(np.cumsum(count) - count, count)
    kept = number % thin == 0
    disc, place, number = disc[kept], place[kept], number[kept] // thin
    used = np.zeros((len(centres), int(number.max()) + 1))
    used[disc, number] = 1.0
    flat = np.zeros(used.shape, dtype=np.intp)
    flat[disc, number] = (y[disc, place]) * width + x[disc, place]
    grey = values.reshape(-1)[flat].astype(np.float64)
    return DiscPixels((flat % width).astype(np.float64), (flat // width).astype(np.float64), grey, used, flat)
