"""MAVLink 1 and 2: framing and the few messages of :mod:`rigsight.edge.protocols.mavlink_messages`.

Version 2: ``FD``, length, incompatibility flags, compatibility flags, sequence, system, component, message as
u24 little endian, payload without its trailing zeros, CRC; with flag 1 a signature of 13 bytes follows.
Version 1: ``FE``, length, sequence, system, component, message, payload, CRC. The CRC covers all but the
first byte, and the message's CRC_EXTRA (https://mavlink.io/en/guide/serialization.html). Signatures are
skipped and not verified.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rigsight.edge.protocols.crc import crc16_mcrf4xx
from rigsight.edge.protocols.mavlink_messages import LAYOUTS, Message
from rigsight.edge.protocols.scan import BAD, WAIT, FrameScanner

V1, V2 = 0xFE, 0xFD
SIGNED = 0x01
SIGNATURE_BYTES = 13
_V1_HEADER, _V2_HEADER, _CRC_BYTES = 6, 10, 2


@dataclass(frozen=True, slots=True)
class Received:
    """A message and who sent it: system and component id, and its running number (0 to 255)."""

    system: int
    component: int
    sequence: int
    message: Message


class MavlinkDecoder(FrameScanner[Received]):
    """Decodes the messages it knows. The checksum of others cannot be known, so they count as discarded."""

    starts = re.compile(b"[\xfd\xfe]")
    longest_bytes = _V2_HEADER + 255 + _CRC_BYTES + SIGNATURE_BYTES

    def _take(self, buffer: bytearray, at: int) -> tuple[int, list[Received]]:
        there = len(buffer) - at
        signature = 0
        if buffer[at] == V2:
            header = _V2_HEADER
            if there < header:
                return WAIT, []
            _, length, incompatible, _, sequence, system, component, *u24 = buffer[at : at + header]
            number = u24[0] | u24[1] << 8 | u24[2] << 16
            if incompatible & ~SIGNED:  # the standard: discard what sets flags that are not understood
                return BAD, []
            if incompatible & SIGNED:
                signature = SIGNATURE_BYTES
        else:
            header = _V1_HEADER
            if there < header:
                return WAIT, []
            _, length, sequence, system, component, number = buffer[at : at + header]
        layout = LAYOUTS.get(number)
        if layout is None or (header == _V1_HEADER and length != layout.base_bytes) or length == 0:
            return BAD, []
        end = at + header + length
        total = header + length + _CRC_BYTES + signature
        if there < header + length + _CRC_BYTES:
            return WAIT, []
        checked = bytes(buffer[at + 1 : end]) + bytes((layout.crc_extra,))
        if crc16_mcrf4xx(checked) != buffer[end] | buffer[end + 1] << 8:
            return BAD, []
        if there < total:
            return WAIT, []
        size = layout.fields.size
        payload = bytes(buffer[at + header : end])[:size].ljust(size, b"\0")
        message = layout.make(*layout.fields.unpack(payload))
        return total, [Received(system, component, sequence, message)]
