"""The segments of a JPEG file up to its picture, read from bytes that nobody has checked."""

from __future__ import annotations

from collections.abc import Iterator

APP0, APP1, APP2, APP3, SOS = 0xE0, 0xE1, 0xE2, 0xE3, 0xDA
_START = b"\xff\xd8"
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def is_jpeg(data: bytes | memoryview) -> bool:
    """Whether the bytes begin as a JPEG does."""
    return bytes(data[:3]) == _START + b"\xff"


def segments(data: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield (marker, payload) of every whole segment up to the start of the picture.

    It ends without a word where the bytes stop to be segments (ITU-T T.81, B.1.1.2 to B.1.1.4).

    >>> [(hex(marker), bytes(body)) for marker, body in segments(b"\\xff\\xd8\\xff\\xe1\\0\\4ab\\xff\\xda")]
    [('0xe1', b'ab')]
    """
    view, place = memoryview(data), 2
    if bytes(view[:2]) != _START:
        return
    while place + 4 <= len(view) and view[place] == 0xFF:
        marker = view[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker == SOS:
            return
        if marker in _WITHOUT_LENGTH:
            place += 2
            continue
        length = int.from_bytes(view[place + 2 : place + 4], "big")
        end = place + 2 + length
        if length < 2 or end > len(view):
            return
        yield marker, view[place + 4 : end]
        place = end


def ends_early(data: bytes) -> bool:
    """Whether the file's own picture does not begin or does not end; pictures inside segments do not count.

    >>> ends_early(b"\\xff\\xd8\\xff\\xe1\\0\\6\\xff\\xda\\xff\\xd9")
    True
    >>> ends_early(b"\\xff\\xd8\\xff\\xda\\xff\\xd9")
    False
    """
    place = 2
    for _, payload in segments(data):
        place += 4 + len(payload)  # fill bytes would only make it too small
    start = data.find(b"\xff\xda", place)
    return start < 0 or data.find(b"\xff\xd9", start) < 0


def jpeg_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """(width, height) that the frame header states, None where there is none."""
    for marker, payload in segments(data):
        if marker in _FRAMES and len(payload) >= 6:
            return int.from_bytes(payload[3:5], "big"), int.from_bytes(payload[1:3], "big")
    return None
