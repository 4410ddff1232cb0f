"""Messages -> CDR bytes, as ROS 2 puts them on the wire and into bags.

XCDR1, little-endian: four bytes of encapsulation (00 01 00 00), then the fields in order, each primitive
aligned to its own size, counted from after those four bytes (OMG DDS-XTypes 1.3, 7.4; RTPS 2.5, 10). Strings
and sequences begin with a uint32 count, and a string's count includes its closing NUL.
"""

from __future__ import annotations

import struct
from functools import cache

from rigsight.edge.messages import codes
from rigsight.edge.messages.fields import MAX_COUNT, PRIMITIVES, Buffer, Field, fields_of
from rigsight.edge.messages.message import Message

ENCAPSULATION = b"\x00\x01\x00\x00"
_PADS = tuple(bytes(count) for count in range(8))
_COUNT = struct.Struct("<I")


def serialise(message: Message) -> bytes:
    """The CDR bytes of a message. A picture's pixels are copied once, into the result.

    >>> from rigsight.edge.messages.types.std_msgs import Header
    >>> serialise(Header(frame_id="rgb")).hex(" ")
    '00 01 00 00 00 00 00 00 00 00 00 00 04 00 00 00 72 67 62 00'

    Raises:
        RigsightError: MSG-002 for text or a sequence too long for a count of 32 bits.
    """
    parts: list[Buffer] = [ENCAPSULATION]
    _message(message, parts, 0)
    return b"".join(parts)


def _message(message: Message, parts: list[Buffer], at: int) -> int:
    """Append a message that begins at byte ``at``; returns where it ends."""
    for field in fields_of(type(message)):
        value = getattr(message, field.name)
        if field.kind == "sequence":
            at = _count(len(value), field, parts, at)
            if field.base == "uint8":
                parts.append(value)
                at += len(value)
                continue
            if not value:
                continue
        elif field.kind == "one":
            value = (value,)
        if field.nested is not None:
            for each in value:
                at = _message(each, parts, at)
        elif field.base == "string":
            for each in value:
                text = each.encode("utf-8") + b"\0"
                at = _count(len(text), field, parts, at)
                parts.append(text)
                at += len(text)
        else:
            packer, size = packer_of(field.base, len(value), "<")
            pad = -at % size
            if pad:
                parts.append(_PADS[pad])
            parts.append(packer.pack(*value))
            at += pad + packer.size
    return at


def _count(count: int, field: Field, parts: list[Buffer], at: int) -> int:
    if count > MAX_COUNT:
        raise codes.VALUE(f"{field.name}: {count} is more than 32 bits can count")
    pad = -at % 4
    parts.append(_PADS[pad] + _COUNT.pack(count))
    return at + pad + 4


@cache
def _single_packer(base: str, order: str) -> tuple[struct.Struct, int]:
    letter, size, _, _ = PRIMITIVES[base]
    return struct.Struct(order + letter), size


def packer_of(base: str, count: int, order: str) -> tuple[struct.Struct, int]:
    """What packs ``count`` primitives that lie one after the other, and what they are aligned to."""
    if count == 1:
        return _single_packer(base, order)
    letter, size, _, _ = PRIMITIVES[base]
    return struct.Struct(f"{order}{count}{letter}"), size
