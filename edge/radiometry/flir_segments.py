"""FLIR's part of a JPEG: APP1 chunks joined to an FFF file, and its directory of records.

The layout was published by ExifTool (Image::ExifTool::FLIR, P. Harvey and T. Tomas, 2013): chunks are
``FLIR\\0``, a byte 1, the chunk's number and the number of the last one; the FFF header is 64 bytes with the
version (100 to 199, which tells the byte order), the directory's place and its length; entries are 32 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rigsight.edge.radiometry.fields import Fields
from rigsight.edge.radiometry.jpeg import APP1, segments

RAW, VISIBLE, CAMERA, PALETTE, ALIGNMENT, GPS = 0x01, 0x0E, 0x20, 0x22, 0x2A, 0x2B
_CHUNK = b"FLIR\0"
_HEADER, _ENTRY, _MOST_ENTRIES = 64, 32, 1024


class Damaged(Exception):
    """The bytes are not what they should be; the message says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its type, its subtype and its bytes."""

    kind: int
    subtype: int
    data: memoryview


def flir_file(data: bytes) -> bytes | None:
    """The FFF file inside a JPEG, None where the JPEG holds none.

    Raises:
        Damaged: a chunk is missing or stands twice.
    """
    chunks: dict[int, memoryview] = {}
    last = 0
    for marker, payload in segments(data):
        if marker == APP1 and len(payload) > 8 and bytes(payload[:5]) == _CHUNK:
            number, last = payload[6], max(last, payload[7])
            if number in chunks:
                raise Damaged(f"part {number} of the thermal data stands twice")
            chunks[number] = payload[8:]
    if not chunks:
        return None
    missing = next((number for number in range(last + 1) if number not in chunks), None)
    if missing is not None or len(chunks) != last + 1:
        raise Damaged(f"part {missing or 0} of {last + 1} parts of the thermal data is missing")
    return b"".join(chunks[number] for number in range(last + 1))


def records(fff: bytes) -> dict[int, Record]:
    """Record type -> its first record.

    Raises:
        Damaged: header or directory cannot be read, or a record lies outside of the file.
    """
    view = memoryview(fff)
    if len(view) < _HEADER or bytes(view[:4]) not in (b"FFF\0", b"AFF\0"):
        raise Damaged("the thermal data has no FFF header")
    big = 100 <= int.from_bytes(view[20:24], "big") < 200
    if not big and not 100 <= int.from_bytes(view[20:24], "little") < 200:
        raise Damaged("the thermal data has an unknown version")
    header = Fields(view, big)
    start, count = header.integer("I", 24) or 0, header.integer("I", 28) or 0
    if count > _MOST_ENTRIES or start + count * _ENTRY > len(view):
        raise Damaged("the directory of the thermal data lies outside of it")
    return _first_of_each(_entry(view, big, start + k * _ENTRY) for k in range(count))


def _entry(view: memoryview, big: bool, place: int) -> Record | None:
    entry = Fields(view[place : place + _ENTRY], big)
    kind, subtype = entry.integer("H", 0) or 0, entry.integer("H", 2) or 0
    start, length = entry.integer("I", 12) or 0, entry.integer("I", 16) or 0
    if kind == 0:
        return None
    if start + length > len(view):
        raise Damaged(f"record 0x{kind:02x} of the thermal data lies outside of it")
    return Record(kind, subtype, view[start : start + length])


def _first_of_each(found: Iterable[Record | None]) -> dict[int, Record]:
    first: dict[int, Record] = {}
    for record in found:
        if record is not None:
            first.setdefault(record.kind, record)
    return first
