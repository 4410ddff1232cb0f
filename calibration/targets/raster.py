"""Drawings as grey pictures, anti-aliased, and PNG files that know their scale."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration import codes
from rigsight.calibration.boards import Float64
from rigsight.calibration.targets.shapes import Area, Circle, Drawing, Line, Text

OVERSAMPLING = 8
BAND_PIXELS = 1 << 20  # drawn at once, before oversampling
SHIFT = 4  # bits of fractions of a fine pixel
CIRCLE_CORNERS = 180
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
    rows = max(BAND_PIXELS // width, 1)
    bands = [
        _band(drawing, pixels_a_mm, top, min(rows, height - top), width) for top in range(0, height, rows)
    ]
    picture: NDArray[np.uint8] = np.vstack(bands)
    for shape in drawing.shapes:
        if isinstance(shape, Text):
            _write(picture, shape, pixels_a_mm)
    return picture


def _band(drawing: Drawing, pixels_a_mm: float, top: int, rows: int, width: int) -> NDArray[np.uint8]:
    fine = np.full((rows * OVERSAMPLING, width * OVERSAMPLING), 255, np.uint8)
    scale = pixels_a_mm * OVERSAMPLING

    def fixed(points: Float64) -> NDArray[np.int32]:
        at = points * scale - (0.0, top * OVERSAMPLING) - 0.5
        whole: NDArray[np.int32] = np.rint(at * (1 << SHIFT)).astype(np.int32)
        return whole

    for shape in drawing.shapes:
        if isinstance(shape, Area):
            loops = [fixed(loop) for loop in shape.loops]
        elif isinstance(shape, Circle):
            angle = np.linspace(0, 2 * np.pi, CIRCLE_CORNERS, endpoint=False)
            rim = np.stack([np.cos(angle), np.sin(angle)], axis=1) * shape.radius
            loops = [fixed(rim + np.array([shape.x, shape.y]))]
        elif isinstance(shape, Line) and not shape.closed:
            thick = max(round(0.2 * scale), 1)
            cv2.polylines(fine, [fixed(shape.points)], False, 0, thick, cv2.LINE_8, SHIFT)
            continue
        else:
            continue
        if max(loop[:, 1].max() for loop in loops) >= 0:
            cv2.fillPoly(fine, loops, 0, cv2.LINE_8, SHIFT)
    small = cv2.resize(fine, (width, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


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
