"""The picture of the visible camera that a thermal camera's file carries."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.edge.frames import UInt8, as_uint8
from rigsight.edge.radiometry.flir_segments import Damaged, Record
from rigsight.edge.radiometry.jpeg import is_jpeg, jpeg_size
from rigsight.edge.radiometry.raw_thermal import PICTURE_AT, PNG, png_header
from rigsight.edge.sources.pictures import damage, quiet_opencv

MOST_PIXELS = 100_000_000
GREY, COLOUR = 0, 2


def visible_size(record: Record | None) -> tuple[int, int] | None:
    """(width, height) of the visible picture, None where there is none. Raises Damaged."""
    if record is None or len(record.data) <= PICTURE_AT:
        return None
    body = bytes(record.data[PICTURE_AT:])
    size = jpeg_size(body) if is_jpeg(body) else png_header(body)[:2] if body[:8] == PNG else None
    if size is None:
        raise Damaged("the visible picture is neither JPEG nor PNG")
    if not 0 < size[0] * size[1] <= MOST_PIXELS:
        raise Damaged(f"a visible picture of {size[0]}x{size[1]} pixels cannot be")
    return size


def visible_picture(record: Record) -> UInt8:
    """BGR uint8 [H,W,3].

    In a PNG the three channels are Y, Cb and Cr (ExifTool's forum, topic 4898).

    Raises:
        Damaged: it is cut off, damaged, too large or of another kind.
    """
    size = visible_size(record)
    body = bytes(record.data[PICTURE_AT:])
    is_png = body[:8] == PNG
    if is_png and png_header(body)[2:] not in ((8, GREY), (8, COLOUR)):
        raise Damaged("the visible PNG is neither 8-bit colour nor 8-bit grey")
    problem = damage(body)
    if problem:
        raise Damaged(f"the visible picture is damaged: {problem}")
    with quiet_opencv():
        try:
            flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
            picture = cv2.imdecode(np.frombuffer(body, np.uint8), flags)
        except cv2.error:
            picture = None
    if picture is None or size is None or picture.shape[:2] != size[::-1]:
        raise Damaged("the visible picture cannot be decoded")
    if is_png and png_header(body)[3] == COLOUR:
        picture = cv2.cvtColor(np.ascontiguousarray(picture[..., [2, 0, 1]]), cv2.COLOR_YCrCb2BGR)
    return as_uint8(picture)
