"""LightWare range finders: lines of text in metres, and the binary packets (LWNX) of newer ones.

Text, from the manuals of SF11/C and SF20: ``1.23``, ``1.23 m 0.045 V``, ``?LD 1.23``, ``ldf,0:1.23``.
Packets: ``AA``, flags u16 (length of id and data << 6, bit 0 = write), id, data, CRC-16; little endian
(github.com/LightWare-Optoelectronics/LW20-docs, SF000 product guide rev 5). A distance packet holds whatever
packet 27 has set, in an order that depends on the model; until both are known it is not interpreted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from rigsight.edge.protocols.crc import crc16_xmodem
from rigsight.edge.protocols.ranges import Distance
from rigsight.edge.protocols.scan import BAD, WAIT, FrameScanner

START = 0xAA
LONGEST_DATA = 64  # distances need 44 at most; a longer claim is garbage or a packet of no interest
LONGEST_LINE = 64
PRODUCT_NAME, DISTANCE_OUTPUT, STREAM, DISTANCES_CM, DISTANCES_MM = 0, 27, 30, 44, 45
STREAM_DISTANCES = 5
_RESERVED_FLAGS = 0x3E
_HEAD_BYTES, _CRC_BYTES = 3, 2
_LINE = re.compile(rb"(?:\?LD |ldf?,\d:)?\s*(-?\d{1,3}\.\d{2,3})(?: ?m)?(?:\s+\d\.\d{2,4} ?V)?")


@dataclass(frozen=True, slots=True)
class Fields:
    """Which bit of packet 27 stands for what: distances in the order of preference, and the strength in %."""

    distances: tuple[int, ...]
    strength: int


LW20_FIELDS = Fields((2, 0, 1, 3), 4)  # first return: median, raw, closest, furthest
SF000_FIELDS = Fields((1, 0), 2)  # first return: filtered, raw
MODELS: tuple[tuple[str, Fields], ...] = (
    ("LW20", LW20_FIELDS), ("SF20", LW20_FIELDS), ("SF000", SF000_FIELDS), ("SF45", SF000_FIELDS),
    ("LW24", SF000_FIELDS), ("SF30", SF000_FIELDS),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LightwarePacket:
    """A binary packet with a right checksum that is no distance, or one that cannot be interpreted yet."""

    id: int
    data: bytes
    write: bool = False


LightwareEvent: TypeAlias = Distance | LightwarePacket


def encode_packet(packet: LightwarePacket) -> bytes:
    """The bytes of a packet.

    >>> encode_packet(LightwarePacket(PRODUCT_NAME, b"")).hex(" ")
    'aa 40 00 00 70 9f'
    """
    flags = (len(packet.data) + 1) << 6 | packet.write
    body = bytes((START,)) + flags.to_bytes(2, "little") + bytes((packet.id,)) + packet.data
    return body + crc16_xmodem(body).to_bytes(2, "little")


def streaming_requests() -> bytes:
    """What makes a device say its name and its settings, and stream distances until it loses power.

    The name is asked for three times: after power-up the first command chooses the interface and the first
    packet the protocol, and neither is answered. Nothing that is set here outlasts a loss of power.
    """
    ask_name = encode_packet(LightwarePacket(PRODUCT_NAME, b""))
    ask_output = encode_packet(LightwarePacket(DISTANCE_OUTPUT, b""))
    stream = encode_packet(LightwarePacket(STREAM, STREAM_DISTANCES.to_bytes(4, "little"), write=True))
    return 3 * ask_name + ask_output + stream


class PacketDecoder(FrameScanner[LightwareEvent]):
    """Decodes binary packets."""

    starts = re.compile(b"\xaa")
    longest_bytes = _HEAD_BYTES + 1 + LONGEST_DATA + _CRC_BYTES

    def __init__(self) -> None:
        super().__init__()
        self._fields: Fields | None = None
        self._output: int | None = None

    def _take(self, buffer: bytearray, at: int) -> tuple[int, list[LightwareEvent]]:
        there = len(buffer) - at
        if there < _HEAD_BYTES:
            return WAIT, []
        flags = buffer[at + 1] | buffer[at + 2] << 8
        length = flags >> 6
        if flags & _RESERVED_FLAGS or not 1 <= length <= 1 + LONGEST_DATA:
            return BAD, []
        end = at + _HEAD_BYTES + length
        if len(buffer) < end + _CRC_BYTES:
            return WAIT, []
        if crc16_xmodem(bytes(buffer[at:end])) != buffer[end] | buffer[end + 1] << 8:
            return BAD, []
        packet = LightwarePacket(buffer[at + 3], bytes(buffer[at + 4 : end]), bool(flags & 1))
        self._learn(packet)
        return end + _CRC_BYTES - at, [self._distance(packet) or packet]

    def _learn(self, packet: LightwarePacket) -> None:
        if packet.id == PRODUCT_NAME and packet.data:
            name = packet.data.split(b"\0", 1)[0].decode("ascii", "replace")
            self._fields = next((fields for model, fields in MODELS if name.startswith(model)), None)
        elif packet.id == DISTANCE_OUTPUT and len(packet.data) == 4:
            self._output = int.from_bytes(packet.data, "little")

    def _distance(self, packet: LightwarePacket) -> Distance | None:
        width = {DISTANCES_CM: 2, DISTANCES_MM: 4}.get(packet.id)
        fields, output = self._fields, self._output
        if width is None or fields is None or output is None:
            return None
        if len(packet.data) != width * bin(output).count("1"):
            return None  # other settings than those that were heard

        def value(bit: int) -> int | None:
            if not output >> bit & 1:
                return None
            first = width * bin(output & ((1 << bit) - 1)).count("1")
            return int.from_bytes(packet.data[first : first + width], "little", signed=True)

        raw = next((v for v in map(value, fields.distances) if v is not None), None)
        if raw is None:
            return None
        strength = value(fields.strength)
        return _measured(raw * (0.01 if width == 2 else 0.001), strength)


class LightwareDecoder:
    """Decodes text lines until the first binary packet arrives, and only packets from then on.

    The first line is never used: its beginning may be missing, and ``2.34`` may have been ``12.34``. The same
    holds for the line in which anything unreadable stood.
    """

    def __init__(self) -> None:
        self._packets = PacketDecoder()
        self._line = bytearray()
        self._torn = True
        self._lines = 0
        self._refused_bytes = 0

    @property
    def frames(self) -> int:
        """Lines and packets accepted so far."""
        return self._lines + self._packets.frames

    @property
    def discarded_bytes(self) -> int:
        """Bytes of neither lines nor packets that were accepted."""
        return self._packets.discarded_bytes if self._packets.frames else self._refused_bytes

    @property
    def pending_bytes(self) -> int:
        """Bytes kept for what is not complete."""
        return len(self._line) + self._packets.pending_bytes

    def feed(self, data: bytes) -> list[LightwareEvent]:
        """Take the next bytes; returns what they complete."""
        events = self._packets.feed(data)
        if self._packets.frames:
            self._line.clear()
            return events
        return [*events, *self._text(data)]

    def _text(self, data: bytes) -> list[LightwareEvent]:
        *ended, rest = data.split(b"\n")
        events: list[LightwareEvent] = []
        for piece in ended:
            line = bytes(self._line) + piece
            self._line.clear()
            found = None if self._torn or len(line) > LONGEST_LINE else _LINE.fullmatch(line.strip())
            self._torn = False
            if found is None:
                self._refused_bytes += len(line) + 1
                continue
            self._lines += 1
            events.append(_measured(float(found[1]), None))
        self._line += rest
        if len(self._line) > LONGEST_LINE:
            self._refused_bytes += len(self._line)
            self._line.clear()
            self._torn = True
        return events


def _measured(distance_m: float, strength: int | None) -> Distance:
    if distance_m <= 0:
        return Distance(None, strength, problem="the signal is lost")
    return Distance(distance_m, strength)
