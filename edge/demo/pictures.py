"""Pictures of a demo run: the panels of a sample, data URIs and the contact sheet."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from rigsight.base.html.page import jpeg_uri
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.demo.results import Sample
from rigsight.edge.frames import UInt8
from rigsight.edge.render import overlay, thermal_to_colour

PREVIEW_BYTES = 480_000
OPACITY = 0.6
COLUMNS = ("RGB", "thermal", "fused", "mask", "truth")
_INK, _PAPER = (230, 233, 238), (22, 25, 30)


def panels(sample: Sample, classes: Sequence[ClassEntry]) -> tuple[UInt8, ...]:
    """The five pictures of a sample in the order of COLUMNS, each RGB uint8 [H,W,3]."""
    return (
        sample.rgb,
        thermal_to_colour(sample.thermal),
        sample.fused,
        overlay(sample.fused, sample.mask, classes, OPACITY),
        overlay(sample.fused, sample.truth, classes, OPACITY),
    )


def data_uri(picture: UInt8) -> str:
    """An RGB picture uint8 [H,W,3] as a JPEG data URI."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 86])[1].tobytes()
    return jpeg_uri(data)


def png(picture: UInt8) -> bytes:
    """RGB uint8 [H,W,3] or grey uint8 [H,W] as PNG."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    return cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def contact_sheet(samples: Sequence[Sample], classes: Sequence[ClassEntry], shown: Sequence[int]) -> bytes:
    """A PNG of at most 480 kB: one row a sample, the columns of COLUMNS, a legend of the ``shown`` classes.

    Tiles shrink until the file fits.
    """
    for tile in (240, 216, 192, 168, 144, 120, 96):
        data = png(_sheet(samples, classes, shown, tile))
        if len(data) <= PREVIEW_BYTES:
            break
    return data


def _sheet(
    samples: Sequence[Sample], classes: Sequence[ClassEntry], shown: Sequence[int], tile: int
) -> UInt8:
    gap, head, margin = 8, 30, 14
    tall = round(tile * samples[0].rgb.shape[0] / samples[0].rgb.shape[1])
    width = 2 * margin + len(COLUMNS) * tile + (len(COLUMNS) - 1) * gap
    height = head + len(samples) * (tall + gap) + 30
    sheet = np.full((height, width, 3), _PAPER, np.uint8)
    for column, name in enumerate(COLUMNS):
        _write(sheet, name, margin + column * (tile + gap), 20)
    for row, sample in enumerate(samples):
        y = head + row * (tall + gap)
        for column, picture in enumerate(panels(sample, classes)):
            x = margin + column * (tile + gap)
            small = cv2.resize(picture, (tile, tall), interpolation=cv2.INTER_AREA)
            # Two bits less are invisible and take a quarter off the file.
            sheet[y : y + tall, x : x + tile] = np.bitwise_and(small.astype(np.uint8), 0xFC)
    x, y = margin, height - 24
    for number in shown:
        sheet[y : y + 13, x : x + 13] = classes[number].color
        x = _write(sheet, classes[number].name, x + 19, y + 11) + 18
    return sheet


def _write(sheet: UInt8, words: str, x: int, y: int, size: float = 0.43) -> int:
    """Letters drawn at four times their size and shrunk, which smooths them; returns where they end."""
    zoom, face = 4, cv2.FONT_HERSHEY_SIMPLEX
    (wide, tall), below = cv2.getTextSize(words, face, size * zoom, zoom + 1)
    wide, rise, below = -(-wide // zoom) + 2, -(-tall // zoom) + 1, below // zoom + 2
    wide = min(wide, sheet.shape[1] - x)
    if wide <= 0:
        return x
    canvas = np.zeros(((rise + below) * zoom, wide * zoom), np.uint8)
    cv2.putText(canvas, words, (0, rise * zoom), face, size * zoom, 255, zoom + 1, cv2.LINE_AA)
    ink = cv2.resize(canvas, (wide, rise + below), interpolation=cv2.INTER_AREA)[..., None] / 255.0
    place = sheet[y - rise : y + below, x : x + wide]
    place[:] = (place * (1 - ink) + np.array(_INK) * ink).astype(np.uint8)
    return int(x + wide)
