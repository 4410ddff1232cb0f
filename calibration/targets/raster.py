"""Drawings as grey pictures, anti-aliased, and PNG files that know their scale."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration import codes
from rigsight.calibration.boards import Float64
from rigsight.calibration.targets.shapes import Area, Circle, Drawing, Line, Text

SCANLINES = 16  # a pixel
BAND_PIXELS = 1 << 21  # painted at once
CIRCLE_CORNERS = 180
LINE_MM = 0.2
LARGEST_PIXELS = 1 << 28


def to_picture(drawing: Drawing, pixels_a_mm: float) -> NDArray[np.uint8]:
    """The page as uint8 [H,W], 0 where there is ink; holes are dark, cut lines are not drawn.

    The point (x, y) mm of the page lies at pixel (x * pixels_a_mm - 0.5, y * pixels_a_mm - 0.5).

    Raises:
        RigsightError: CAL-020 for more than 268 million pixels.
    """
    width = max(int(np.ceil(drawing.width * pixels_a_mm)), 1)
    height = max(int(np.ceil(drawing.height * pixels_a_mm)), 1)
    if width * height > LARGEST_PIXELS:
        raise codes.BOARD_TOO_LARGE(
            f"the picture would have {width} x {height} pixels",
            fix="Take fewer --dpi, or write a .pdf or .svg instead.",
        )
    y, x, sign = _crossings([loop * pixels_a_mm for loop in _loops(drawing)])
    order = np.argsort(y, kind="stable")
    y, x, sign = y[order], np.clip(x[order], 0, width), sign[order]
    picture = np.empty((height, width), np.uint8)
    rows = max(BAND_PIXELS // width, 1)
    for top in range(0, height, rows):
        band = picture[top : top + rows]
        first, last = np.searchsorted(y, (top * SCANLINES, (top + len(band)) * SCANLINES))
        row = y[first:last] // SCANLINES - top
        covered = _coverage(row, x[first:last], sign[first:last], band.shape)
        band[:] = np.rint(255 * (1 - np.clip(covered, 0, 1)))
    for shape in drawing.shapes:
        if isinstance(shape, Text):
            _write(picture, shape, pixels_a_mm)
    return picture


def _loops(drawing: Drawing) -> Iterator[Float64]:
    """Closed loops [K,2] in mm around what is black, clockwise as seen; holes in it the other way."""
    angle = np.linspace(0, 2 * np.pi, CIRCLE_CORNERS, endpoint=False)
    # Corners a little outside keep the area of the circle.
    grown = np.sqrt(2 * np.pi / (CIRCLE_CORNERS * np.sin(2 * np.pi / CIRCLE_CORNERS)))
    rim = grown * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for shape in drawing.shapes:
        if isinstance(shape, Area):
            yield from shape.loops
        elif isinstance(shape, Circle):
            yield shape.radius * rim + np.array([shape.x, shape.y])
        elif isinstance(shape, Line) and not shape.closed:
            for (x0, y0), (x1, y1) in pairwise(shape.points.tolist()):
                left, right = sorted((x0, x1))
                top, bottom = sorted((y0, y1))
                corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
                outwards = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
                yield np.array(corners) + LINE_MM / 2 * outwards


def _crossings(loops: list[Float64]) -> tuple[NDArray[np.intp], Float64, Float64]:
    """Scanline, x in pixels and -1 (downwards: ink ends) or +1 of each crossing of an edge and a scanline.

    Scanline k runs at y = (k + 0.5) / SCANLINES pixels.
    """
    starts = np.concatenate(loops)
    ends = np.concatenate([np.roll(loop, -1, axis=0) for loop in loops])
    low = np.ceil(np.minimum(starts[:, 1], ends[:, 1]) * SCANLINES - 0.5).astype(np.intp)
    high = np.ceil(np.maximum(starts[:, 1], ends[:, 1]) * SCANLINES - 0.5).astype(np.intp)
    count = high - low
    edge = np.repeat(np.arange(len(starts)), count)
    y = low[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    run, rise = (ends - starts)[edge].T
    x = starts[edge, 0] + run / rise * ((y + 0.5) / SCANLINES - starts[edge, 1])
    return y, x, np.asarray(-np.sign(rise), dtype=np.float64)


def _coverage(row: NDArray[np.intp], x: Float64, sign: Float64, shape: tuple[int, ...]) -> Float64:
    """Share of ink in every pixel: each crossing counts from its x to the right edge, exact along x."""
    width = shape[1] + 2
    column = np.floor(x).astype(np.intp)
    part = x - column
    at = np.concatenate([row * width + column, row * width + column + 1])
    weight = np.concatenate([sign * (1 - part), sign * part]) / SCANLINES
    steps = np.bincount(at, weight, minlength=shape[0] * width).astype(np.float64).reshape(shape[0], width)
    covered: Float64 = np.cumsum(steps, axis=1)[:, : shape[1]]
    return covered


def _write(picture: NDArray[np.uint8], text: Text, pixels_a_mm: float) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    (_, unit), _ = cv2.getTextSize("H", font, 1.0, 1)
    size = text.height * pixels_a_mm / unit
    place = (round(text.x * pixels_a_mm), round(text.y * pixels_a_mm))
    cv2.putText(picture, text.words, place, font, size, 0, max(round(size), 1), cv2.LINE_AA)


def to_png(drawing: Drawing, dpi: float) -> bytes:
    """The page as a PNG file with its resolution inside (chunk pHYs, whole pixels a metre).

    Raises:
        RigsightError: CAL-020 as :func:`to_picture`.
    """
    pixels_a_metre = round(dpi / 0.0254)
    done, encoded = cv2.imencode(".png", to_picture(drawing, pixels_a_metre / 1000))
    if not done:
        raise OSError("OpenCV cannot encode a PNG")
    png: Any = encoded.tobytes()
    body = b"pHYs" + struct.pack(">IIB", pixels_a_metre, pixels_a_metre, 1)
    chunk = struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body))
    header = 8 + 25  # signature and IHDR, which comes first
    return bytes(png[:header] + chunk + png[header:])
