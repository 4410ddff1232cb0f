"""Numbers and texts at fixed places of a record, in either byte order and never beyond its end."""

from __future__ import annotations

import math
import struct


class Fields:
    """A record of the FLIR file format whose first word is 2 (or 3) in the byte order of the whole record."""

    def __init__(self, data: memoryview, big: bool | None = None) -> None:
        """``big`` fixes the byte order where the record has no such word."""
        self.data = data
        self.big = _is_big(data) if big is None else big

    def number(self, kind: str, place: int) -> float | None:
        """The number of ``struct``'s ``kind`` at byte ``place``; None beyond the end and for NaN."""
        form = (">" if self.big else "<") + kind
        if place + struct.calcsize(form) > len(self.data):
            return None
        value = struct.unpack_from(form, self.data, place)[0]
        return value if math.isfinite(value) else None

    def integer(self, kind: str, place: int) -> int | None:
        """The same for whole numbers."""
        value = self.number(kind, place)
        return None if value is None else int(value)

    def text(self, place: int, length: int) -> str:
        """The text up to its zero byte, without what cannot be printed; empty beyond the end."""
        raw = bytes(self.data[place : place + length]).split(b"\0", 1)[0]
        return "".join(c for c in raw.decode("utf-8", "replace") if c.isprintable()).strip()


def _is_big(data: memoryview) -> bool:
    return int.from_bytes(data[:2], "little") >= 0x100
