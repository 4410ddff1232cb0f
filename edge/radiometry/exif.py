"""EXIF: the tags of a TIFF directory and the two that hang on it, read from bytes that nobody has checked."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from rigsight.edge.radiometry.jpeg import APP1, segments

Value = str | bytes | tuple[float, ...]
_HEAD = b"Exif\0\0"
_EXIF_POINTER, _GPS_POINTER = 0x8769, 0x8825
_MOST_ENTRIES, _MOST_BYTES = 512, 65536
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d"}
_RATIONALS = {5: "I", 10: "i"}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}


@dataclass(frozen=True, slots=True)
class Exif:
    """Tag -> value of the picture's own directory, the camera's (``exif``) and the receiver's (``gps``).

    Texts are ``str``, undefined bytes ``bytes``, numbers a tuple, in which x/0 is NaN.
    """

    image: dict[int, Value] = field(default_factory=dict)
    exif: dict[int, Value] = field(default_factory=dict)
    gps: dict[int, Value] = field(default_factory=dict)


def exif_of(data: bytes) -> Exif:
    """The EXIF of a JPEG; empty where there is none. What is cut off or damaged is left out."""
    for marker, payload in segments(data):
        if marker == APP1 and bytes(payload[:6]) == _HEAD:
            return parse_tiff(payload[6:])
    return Exif()


def parse_tiff(view: memoryview) -> Exif:
    """The same of a TIFF structure (TIFF 6.0, section 2; Exif 2.32, section 4.6)."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(view[:2]))
    if order is None or len(view) < 8:
        return Exif()
    image = _directory(view, order, struct.unpack_from(order + "I", view, 4)[0])
    found: list[dict[int, Value]] = []
    for pointer in (_EXIF_POINTER, _GPS_POINTER):
        place = image.get(pointer)
        whole = isinstance(place, tuple) and len(place) == 1
        found.append(_directory(view, order, int(place[0])) if whole and place else {})
    return Exif(image, *found)


def _directory(view: memoryview, order: str, place: int) -> dict[int, Value]:
    if not 8 <= place <= len(view) - 2:
        return {}
    count = min(struct.unpack_from(order + "H", view, place)[0], _MOST_ENTRIES)
    tags: dict[int, Value] = {}
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        if entry + 12 > len(view):
            break
        tag, kind, number = struct.unpack_from(order + "HHI", view, entry)
        size = _SIZES.get(kind, 0) * number
        if not 0 < size <= _MOST_BYTES:
            continue
        start = entry + 8 if size <= 4 else struct.unpack_from(order + "I", view, entry + 8)[0]
        if start + size <= len(view):
            tags.setdefault(tag, _value(view[start : start + size], order, kind, number))
    return tags


def _value(data: memoryview, order: str, kind: int, number: int) -> Value:
    if kind == 2:
        return bytes(data).split(b"\0", 1)[0].decode("latin-1").strip()
    if kind == 7:
        return bytes(data)
    if kind in _RATIONALS:
        parts = struct.unpack(f"{order}{2 * number}{_RATIONALS[kind]}", data)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return tuple(above / below if below else float("nan") for above, below in pairs)
    return tuple(map(float, struct.unpack(f"{order}{number}{_NUMBERS[kind]}", data)))
