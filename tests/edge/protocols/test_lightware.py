"""Lines and packets of LightWare range finders, and what is not guessed."""

from __future__ import annotations

import struct

import pytest

from rigsight.edge.protocols.lightware import (
    LightwareDecoder,
    LightwarePacket,
    encode_packet,
    streaming_requests,
)
from rigsight.edge.protocols.ranges import Distance


def ccitt_bitwise(data: bytes) -> int:
    """CRC-CCITT 0x1021 from 0, one bit at a time."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def test_a_packet_lies_as_documented() -> None:
    data = encode_packet(LightwarePacket(30, b"\x05\x00\x00\x00", write=True))
    assert data[:8] == bytes((0xAA, 0x41, 0x01, 30, 5, 0, 0, 0))  # 5 bytes << 6 | write
    assert int.from_bytes(data[8:], "little") == ccitt_bitwise(data[:8])
    assert LightwareDecoder().feed(data) == [LightwarePacket(30, b"\x05\x00\x00\x00", True)]


@pytest.mark.parametrize(
    ("line", "distance_m"),
    [
        ("98.67", 98.67),  # SF11/C, legacy request and continuous output
        ("?LD 98.67", 98.67),
        ("ld,0:23.67", 23.67),  # SF20
        ("ldf,0:23.67", 23.67),
        ("  0.07 m     0.0019 V", 0.07),  # continuous output with the analog voltage
        ("1.234 m 0.045 V", 1.234),
    ],
)
def test_lines(line: str, distance_m: float) -> None:
    assert LightwareDecoder().feed(b"\r\n" + line.encode() + b"\r\n") == [Distance(distance_m)]


@pytest.mark.parametrize(
    "line", ["", "-", "1", "12345.67", "1.2.3", "?LH 100.0", "ldl,0:1.23", "1.23 m x", "nan", "1.23e5"]
)
def test_other_lines_are_passed_over(line: str) -> None:
    decoder = LightwareDecoder()
    assert decoder.feed(b"\r\n" + line.encode() + b"\r\n4.56\r\n") == [Distance(4.56)]
    assert decoder.frames == 1


def test_a_lost_signal_is_no_distance() -> None:
    [distance] = LightwareDecoder().feed(b"\n-1.00\n")
    assert (distance.distance_m, distance.problem) == (None, "the signal is lost")  # type: ignore[union-attr]


def test_the_first_line_may_be_torn_and_is_not_used() -> None:
    decoder = LightwareDecoder()
    assert decoder.feed(b"2.34\r\n") == []
    assert decoder.feed(b"12.34\r\n") == [Distance(12.34)]
    assert decoder.feed(b"x" * 1000) == []
    assert decoder.feed(b"2.34\r\n12.34\r\n") == [Distance(12.34)]


def name(model: bytes) -> bytes:
    return encode_packet(LightwarePacket(0, model.ljust(16, b"\0")))


def output(*bits: int) -> bytes:
    return encode_packet(LightwarePacket(27, sum(1 << bit for bit in bits).to_bytes(4, "little")))


def distances(*values: int, wide: bool = False) -> bytes:
    code = f"<{len(values)}{'i' if wide else 'h'}"
    return encode_packet(LightwarePacket(45 if wide else 44, struct.pack(code, *values)))


@pytest.mark.parametrize(
    ("model", "bits", "values", "wide", "expected"),
    [
        (b"LW20", (0, 2, 4), (1001, 1002, 87), False, Distance(10.02, 87)),  # the median before the raw
        (b"LW20", (0,), (1001,), False, Distance(10.01)),
        (b"LW20", (5, 9), (500, 20), False, None),  # last return only
        (b"SF45/B", (0, 8), (345, -9000), False, Distance(3.45)),  # with the yaw angle
        (b"SF000", (0, 1, 2), (12345, 12340, 64), True, Distance(12.34, 64)),  # millimetres
        (b"SF000", (0, 1, 2), (-1000, -1000, 0), False, Distance(None, 0, problem="the signal is lost")),
    ],
)
def test_distance_packets(
    model: bytes, bits: tuple[int, ...], values: tuple[int, ...], wide: bool, expected: Distance | None
) -> None:
    decoder = LightwareDecoder()
    decoder.feed(name(model) + output(*bits))
    [event] = decoder.feed(distances(*values, wide=wide))
    if expected is None:
        assert isinstance(event, LightwarePacket)
    else:
        assert isinstance(event, Distance)
        assert event.distance_m == (
            None if expected.distance_m is None else pytest.approx(expected.distance_m)
        )
        assert (event.strength, event.problem) == (expected.strength, expected.problem)


def test_a_distance_packet_is_not_interpreted_before_model_and_settings_are_known() -> None:
    packet = distances(345, 346)
    for known in (b"", name(b"LW20"), output(0, 2), name(b"GRF-250") + output(0, 2)):
        decoder = LightwareDecoder()
        decoder.feed(known)
        assert isinstance(decoder.feed(packet)[0], LightwarePacket)


def test_a_distance_packet_of_other_settings_is_not_interpreted() -> None:
    decoder = LightwareDecoder()
    decoder.feed(name(b"LW20") + output(0, 2, 4))
    assert isinstance(decoder.feed(distances(1, 2))[0], LightwarePacket)


def test_after_a_packet_text_is_not_looked_at() -> None:
    decoder = LightwareDecoder()
    assert decoder.feed(b"\n1.23\n") == [Distance(1.23)]
    decoder.feed(name(b"LW20"))
    assert decoder.feed(b"\n1.23\n") == []


def test_the_requests_are_packets_that_save_nothing() -> None:
    requests = LightwareDecoder().feed(streaming_requests())
    assert [(r.id, r.write) for r in requests if isinstance(r, LightwarePacket)] == [
        (0, False), (0, False), (0, False), (27, False), (30, True),
    ]  # fmt: skip
