"""A million random bytes for every protocol: no exception, bounded memory, in step again within one frame."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigsight.edge.protocols.boson import BosonDecoder, CciFrame, encode_frame
from rigsight.edge.protocols.crc import crc16_mcrf4xx
from rigsight.edge.protocols.lightware import (
    LONGEST_LINE,
    LightwareDecoder,
    LightwarePacket,
    PacketDecoder,
    encode_packet,
)
from rigsight.edge.protocols.mavlink import MavlinkDecoder
from rigsight.edge.protocols.nmea import NmeaDecoder, sentence
from rigsight.edge.protocols.tfmini import TfminiDecoder

MILLION = 1_000_000
ROUNDS = 1500


def tfmini_frame(index: int) -> bytes:
    body = struct.pack("<HHHH", 0x5959, 20 + index % 1100, 0x5959 if index % 7 == 0 else 900, 2300)
    return body + bytes((sum(body) & 0xFF,))


def mavlink_frame(index: int) -> bytes:
    """ATTITUDE in version 1, 2, and 2 with a signature."""
    payload = struct.pack("<I6f", index, *np.linspace(-1, 1, 6))
    sequence = index % 256
    if index % 3 == 0:
        head, end = bytes((0xFE, 28, sequence, 1, 1, 30)), b""
    else:
        signed = index % 3 == 1
        head = bytes((0xFD, 28, signed, 0, sequence, 1, 1, 30, 0, 0))
        end = bytes(range(0xF2, 0xFF)) if signed else b""
    checked = head[1:] + payload
    return head + payload + crc16_mcrf4xx(checked + b"\x27").to_bytes(2, "little") + end


def boson_frame(index: int) -> bytes:
    return encode_frame(CciFrame(index, 0x00050030, 0, (index % 0x7FFF).to_bytes(2, "big")))


def nmea_frame(index: int) -> bytes:
    time = f"{index // 3600 % 24:02d}{index // 60 % 60:02d}{index % 60:02d}.00"
    return sentence(f"GNGGA,{time},4807.{index % 10000:04d},N,01131.000,E,4,08,0.9,545.4,M,46.9,M,,")


def packet_frame(index: int) -> bytes:
    return encode_packet(LightwarePacket(44, struct.pack("<hh", index % 9000, 100)))


def line_frame(index: int) -> bytes:
    return f"{1 + index % 90}.{index % 100:02d} m\r\n".encode()


@dataclass(frozen=True)
class Case:
    decoder: Callable[[], Any]
    frame: Callable[[int], bytes]
    longest: int
    header: bytes
    first_lost: float  # how often, at most, the first frame after garbage may be lost
    accidents: int  # how many events a million random bytes may hold by chance, at most


# MAVLink loses a frame to one that was cut off inside its signature, and only then.
CASES = {
    "tfmini": Case(TfminiDecoder, tfmini_frame, 9, b"\x59", 0.05, 2),
    "boson": Case(BosonDecoder, boson_frame, BosonDecoder.longest_bytes, b"\x8e\x9e\xae", 0.0, 0),
    "nmea": Case(NmeaDecoder, nmea_frame, NmeaDecoder.longest_bytes, b"$*\r\n,G", 0.0, 0),
    "mavlink": Case(MavlinkDecoder, mavlink_frame, 280, b"\xfd\xfe\0\x1e\x1c", 0.03, 0),
    "packets": Case(PacketDecoder, packet_frame, PacketDecoder.longest_bytes, b"\xaa\x40\x00", 0.0, 1),
    "lines": Case(LightwareDecoder, line_frame, LONGEST_LINE, b"\r\n.0123456789 m", 1.0, 0),
}  # fmt: skip


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def pieces(data: bytes, rng: np.random.Generator, most: int) -> list[bytes]:
    cuts = np.cumsum(rng.integers(1, most, len(data) // (most // 2) + 2))
    edges = [0, *(int(c) for c in cuts if c < len(data)), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def test_a_million_random_bytes(case: Case) -> None:
    rng = np.random.default_rng(7)
    decoder, events = case.decoder(), []
    for piece in pieces(rng.bytes(MILLION), rng, 2000):
        events += decoder.feed(piece)
        assert decoder.pending_bytes <= case.longest + PacketDecoder.longest_bytes
    assert len(events) <= case.accidents


def test_a_million_bytes_that_look_like_headers(case: Case) -> None:
    """Half of the bytes are those that frames begin with or consist of."""
    rng = np.random.default_rng(8)
    noise = rng.integers(0, 256, MILLION, dtype=np.uint8)
    headers = rng.choice(np.frombuffer(case.header, np.uint8), MILLION)
    mixed = np.where(rng.random(MILLION) < 0.5, headers, noise).astype(np.uint8).tobytes()
    decoder = case.decoder()
    for piece in pieces(mixed, rng, 2000):
        decoder.feed(piece)
        assert decoder.pending_bytes <= case.longest + PacketDecoder.longest_bytes


def garbage(case: Case, rng: np.random.Generator, index: int) -> bytes:
    """Noise, headers, a frame cut off, or a frame with one bit flipped."""
    kind = index % 4
    noise = rng.bytes(int(rng.integers(0, 200)))
    if kind == 0:
        return noise
    if kind == 1:
        return noise + rng.choice(np.frombuffer(case.header, np.uint8), int(rng.integers(1, 40))).tobytes()
    frame = case.frame(index)
    if kind == 2:
        return noise + frame[: int(rng.integers(1, len(frame)))]
    broken = bytearray(frame)
    broken[int(rng.integers(0, len(frame)))] ^= 1 << int(rng.integers(0, 8))
    return bytes(broken)


def test_in_step_again_within_one_frame(case: Case) -> None:
    """After garbage only the first frame may be lost, and every later one arrives once it is complete.

    Complete also means that a false header before it has been seen through, which takes at most as many
    bytes as the longest frame has.
    """
    rng = np.random.default_rng(9)
    decoder, lost_first = case.decoder(), 0
    for index in range(ROUNDS):
        decoder.feed(garbage(case, rng, index))
        numbers = [10 * index + 1]
        while sum(len(case.frame(n)) for n in numbers[1:]) < case.longest:
            numbers.append(numbers[-1] + 1)
        seen: list[Any] = []
        for piece in pieces(b"".join(map(case.frame, numbers)), rng, 40):
            seen += decoder.feed(piece)
        expected = [case.decoder().feed(b"\n" + case.frame(n))[0] for n in numbers]
        tail = seen[-len(expected) :]
        if tail != expected:
            lost_first += 1
            assert tail[-len(expected) + 1 :] == expected[1:]
    assert lost_first <= case.first_lost * ROUNDS


@pytest.mark.parametrize("name", ["boson", "nmea"])
def test_where_a_mark_cannot_stand_inside_a_frame_nothing_ever_waits(name: str) -> None:
    case, rng = CASES[name], np.random.default_rng(10)
    decoder = case.decoder()
    for index in range(ROUNDS):
        decoder.feed(garbage(case, rng, index))
        assert decoder.feed(case.frame(index)), index


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", list(CASES))
def test_pieces_do_not_matter(name: str, data: st.DataObject) -> None:
    """However the stream is cut, the same events come out."""
    case = CASES[name]
    parts = data.draw(st.lists(st.one_of(st.integers(0, 500), st.binary(max_size=30)), max_size=6))
    stream = b"\n" + b"".join(case.frame(p) if isinstance(p, int) else p for p in parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    whole, cut = case.decoder(), case.decoder()
    expected = whole.feed(stream)
    edges = [0, *cuts, len(stream)]
    assert [e for a, b in pairwise(edges) for e in cut.feed(stream[a:b])] == expected
    assert (cut.frames, cut.discarded_bytes, cut.pending_bytes) == (
        whole.frames, whole.discarded_bytes, whole.pending_bytes,
    )  # fmt: skip
