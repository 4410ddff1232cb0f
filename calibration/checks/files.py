"""What a picture file declares about itself, read without decoding it: size, pages and orientation.

Only headers are parsed. Whatever is malformed answers as if nothing were declared; the decoder has the last
word on damage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

PNG, JPEG, TIFFS = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", (b"II*\x00", b"MM\x00*")
WIDTH, HEIGHT, ORIENTATION = 256, 257, 274  # tags (TIFF 6.0, section 8)
# How viewers are asked to turn the stored pixels (TIFF 6.0, "Orientation").
TURNS = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "mirrored upside down",
    5: "mirrored and turned by 90 degrees",
    6: "turned by 90 degrees",
    7: "mirrored and turned by 90 degrees",
    8: "turned by 270 degrees",
}
MOST_PAGES = 10_000
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))


def declared_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels that a PNG, JPEG or TIFF file declares, or None.

    >>> declared_size(PNG + struct.pack(">I4sII", 13, b"IHDR", 640, 480))
    (640, 480)
    """
    try:
        if data.startswith(PNG):
            width, height = struct.unpack_from(">II", data, 16)
            return int(width), int(height)
        if data.startswith(JPEG):
            for marker, start, _ in _jpeg_segments(data):
                if marker in START_OF_FRAME:
                    height, width = struct.unpack_from(">HH", data, start + 1)
                    return int(width), int(height)
        if data.startswith(TIFFS):
            first = next(_tiff_pages(data), {})
            if WIDTH in first and HEIGHT in first:
                return first[WIDTH], first[HEIGHT]
    except struct.error:
        pass
    return None


def page_count(data: bytes) -> int:
    """Pictures in a TIFF file; 1 for other formats."""
    return max(sum(1 for _ in _tiff_pages(data)), 1) if data.startswith(TIFFS) else 1


def turn(data: bytes) -> str | None:
    """How viewers are asked to turn the pixels of a JPEG, PNG or TIFF file, in words; None for not at all."""
    exif = data if data.startswith(TIFFS) else _exif(data)
    try:
        first = next(_tiff_pages(exif), {}) if exif else {}
    except struct.error:
        return None
    return TURNS.get(first.get(ORIENTATION, 1))


def _exif(data: bytes) -> bytes | None:
    try:
        if data.startswith(JPEG):
            for marker, start, end in _jpeg_segments(data):
                if marker == 0xE1 and data[start : start + 6] == b"Exif\x00\x00":
                    return data[start + 6 : end]
        if data.startswith(PNG):
            position = len(PNG)
            while position + 8 <= len(data):
                length, kind = struct.unpack_from(">I4s", data, position)
                if kind == b"eXIf":
                    return data[position + 8 : position + 8 + length]
                position += 12 + length
    except struct.error:
        pass
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of the segments before the scan."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF or marker in STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        yield marker, position + 4, position + 2 + length
        if marker == 0xDA or length < 2:
            return
        position += 2 + length


def _tiff_pages(data: bytes) -> Iterator[dict[int, int]]:
    """Short and long tags of each directory of a TIFF structure; ends where the chain bites its tail."""
    if len(data) < 8 or data[:4] not in TIFFS:
        return
    order = "<" if data[:2] == b"II" else ">"
    (position,) = struct.unpack_from(order + "I", data, 4)
    visited: set[int] = set()
    while position and position not in visited and len(visited) < MOST_PAGES:
        if position + 2 > len(data):
            return
        visited.add(position)
        (count,) = struct.unpack_from(order + "H", data, position)
        end = position + 2 + 12 * count
        if end + 4 > len(data):
            return
        tags = {}
        for entry in range(position + 2, end, 12):
            tag, kind = struct.unpack_from(order + "HH", data, entry)
            if kind in (3, 4):
                (tags[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)
        yield tags
        (position,) = struct.unpack_from(order + "I", data, end)
