"""Frames, header bytes inside frames, and which distances do not count."""

from __future__ import annotations

import struct

import pytest

from rigsight.edge.protocols.ranges import Distance
from rigsight.edge.protocols.tfmini import TfminiDecoder


def frame(raw: int, strength: int, extra: int = 0) -> bytes:
    body = b"YY" + struct.pack("<HHH", raw, strength, extra)
    return body + bytes((sum(body) & 0xFF,))


def only(decoder: TfminiDecoder, data: bytes) -> Distance:
    [distance] = decoder.feed(data)
    return distance


def test_a_frame_of_the_plus() -> None:
    """1000 cm is 03 E8, as in the datasheet; 25 degrees are (25 + 256) * 8 = 2248."""
    data = bytes.fromhex("59 59 E8 03 2C 01 C8 08")
    distance = only(TfminiDecoder(), data + bytes((sum(data) & 0xFF,)))
    assert distance == Distance(10.0, 300, 25.0)


def test_firmware_without_a_temperature_has_none() -> None:
    assert only(TfminiDecoder(), frame(345, 500)) == Distance(pytest.approx(3.45), 500, None)


def test_the_first_tfmini_has_a_mode_in_place_of_the_temperature() -> None:
    assert only(TfminiDecoder("tfmini"), frame(345, 500, 7)).temperature_c is None


def test_millimetres() -> None:
    assert only(TfminiDecoder(unit="mm"), frame(3456, 500)).distance_m == pytest.approx(3.456)


@pytest.mark.parametrize(
    ("model", "raw", "strength", "problem"),
    [
        ("plus", 300, 99, "the strength 99 is below 100"),
        ("plus", 300, 100, None),
        ("plus", 300, 65535, "the signal saturates the sensor"),
        ("plus", 0, 500, "the device reports 0"),
        ("plus", 0xFFFF, 50, "the signal is too weak"),
        ("plus", 0xFFFC, 500, "ambient light saturates the sensor"),
        ("tfmini", 300, 19, "the strength 19 is below 20"),
        ("tfmini", 300, 20, None),
        ("tfmini", 1200, 500, "out of range"),
        ("plus", 1200, 500, None),
    ],
)
def test_which_distances_count(model: str, raw: int, strength: int, problem: str | None) -> None:
    distance = only(TfminiDecoder(model), frame(raw, strength))  # type: ignore[arg-type]
    assert distance.problem == problem
    assert (distance.distance_m is None) == (problem is not None)
    assert distance.strength == strength


def test_header_bytes_inside_a_frame_and_before_it() -> None:
    inside = frame(0x5959, 0x5959, 0x5959)
    decoder = TfminiDecoder()
    distances = decoder.feed(b"YYY" + frame(100, 500) + inside + inside[3:] + inside + frame(200, 500))
    assert [d.distance_m for d in distances] == pytest.approx([1.0, 228.73, 228.73, 2.0])
    assert decoder.discarded_bytes == 3 + 6
