"""The counts of the thermal picture, out of its record."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.edge.radiometry.fields import Fields
from rigsight.edge.radiometry.flir_segments import Damaged, Record
from rigsight.edge.sources.pictures import damage, quiet_opencv

UInt16 = NDArray[np.uint16]
MOST_PIXELS = 4096 * 4096
PICTURE_AT = 0x20
PNG = b"\x89PNG\r\n\x1a\n"


def thermal_counts(record: Record | None) -> UInt16:
    """Counts uint16 [H,W].

    Most cameras write a 16-bit PNG with the bytes of every pixel the wrong way round, a few old ones the
    right way, and nothing in the file says which: the order in which neighbours are more alike counts
    (ExifTool's forum, topic 4898, compares a ThermaCAM E65's file before and after FLIR's own software).

    Raises:
        Damaged: there is no such record, or what it holds is cut off, damaged or of another size.
    """
    if record is None:
        raise Damaged("there is no thermal picture in it")
    fields = Fields(record.data)
    width, height = fields.integer("H", 2) or 0, fields.integer("H", 4) or 0
    if not 0 < width * height <= MOST_PIXELS:
        raise Damaged(f"a thermal picture of {width}x{height} pixels cannot be")
    body = record.data[PICTURE_AT:]
    if bytes(body[:8]) == PNG:
        return _from_png(bytes(body), width, height)
    if len(body) < 2 * width * height:
        raise Damaged(f"the thermal picture of {width}x{height} pixels ends too early")
    stored = np.frombuffer(body, ">u2" if fields.big else "<u2", width * height)
    return stored.astype(np.uint16).reshape(height, width)


def png_header(data: bytes) -> tuple[int, int, int, int]:
    """(width, height, bits, colour type) that a PNG states. Raises Damaged where it has no header."""
    if len(data) < 26 or data[12:16] != b"IHDR":
        raise Damaged("its PNG has no header")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"), data[24], data[25]


def _from_png(data: bytes, width: int, height: int) -> UInt16:
    header = png_header(data)
    if header != (width, height, 16, 0):
        raise Damaged(
            f"the thermal PNG is {header[0]}x{header[1]} of {header[2]} bits, announced was 16-bit grey of "
            f"{width}x{height}"
        )
    problem = damage(data)
    if problem:
        raise Damaged(f"the thermal picture is damaged: {problem}")
    with quiet_opencv():
        try:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            picture = None
    if picture is None or picture.dtype != np.uint16 or picture.shape != (height, width):
        raise Damaged("the thermal PNG cannot be decoded")
    as_stored = np.asarray(picture, dtype=np.uint16)
    swapped: UInt16 = as_stored.byteswap()
    return as_stored if roughness(as_stored) < roughness(swapped) else swapped


def roughness(counts: UInt16) -> float:
    """Mean difference between neighbours in a row, counts."""
    if counts.shape[1] < 2:
        return 0.0
    return float(np.abs(np.diff(counts.astype(np.int32), axis=1)).mean())
