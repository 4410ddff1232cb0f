"""What picture files declare, read from headers."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigsight.base.errors import RigsightError
from rigsight.calibration.checks.files import JPEG, PNG, declared_size, page_count, turn
from rigsight.calibration.pictures import read_picture

PICTURE = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)


def encoded(suffix: str) -> bytes:
    return bytes(cv2.imencode(suffix, PICTURE)[1])


def exif(value: int, order: str = "<") -> bytes:
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "HHHIHHI", 1, 0x0112, 3, 1, value, 0, 0)


def jpeg_turned(value: int, order: str = "<") -> bytes:
    body = b"Exif\x00\x00" + exif(value, order)
    plain = encoded(".jpg")
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[2:]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff"])
def test_sizes(suffix: str) -> None:
    data = encoded(suffix)
    assert declared_size(data) == (64, 48)
    assert page_count(data) == 1
    assert turn(data) is None


def test_a_format_that_is_not_parsed_declares_nothing() -> None:
    assert declared_size(encoded(".bmp")) is None
    assert page_count(encoded(".bmp")) == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("value", "words"), [(1, None), (3, "180"), (6, "90"), (8, "270"), (2, "mirrored")])
def test_turns(order: str, value: int, words: str | None, tmp_path: Path) -> None:
    data = jpeg_turned(value, order)
    said = turn(data)
    assert said is None if words is None else said is not None and words in said
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    if words is None:
        assert read_picture(path).shape == (48, 64)
    else:
        with pytest.raises(RigsightError, match="CAL-072"):
            read_picture(path)


def test_the_turn_of_a_png() -> None:
    body = exif(6)
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body + b"\0\0\0\0"
    assert turn(encoded(".png")[:33] + chunk) == "turned by 90 degrees"


def test_pages(tmp_path: Path) -> None:
    ok, data = cv2.imencodemulti(".tiff", [PICTURE] * 4)
    assert ok
    assert page_count(bytes(data)) == 4
    path = tmp_path / "stack.tiff"
    path.write_bytes(bytes(data))
    with pytest.raises(RigsightError, match=r"CAL-071.*holds 4 pictures"):
        read_picture(path)


def test_a_chain_of_pages_that_bites_its_tail() -> None:
    loop = b"II*\x00" + struct.pack("<IHI", 8, 0, 8)
    assert page_count(loop) == 1


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    head=st.sampled_from([PNG, JPEG, b"II*\x00", b"MM\x00*", jpeg_turned(6)[:30], encoded(".png")[:40], b""]),
    tail=st.binary(max_size=80),
)
def test_any_bytes_are_answered(head: bytes, tail: bytes) -> None:
    declared_size(head + tail)
    assert page_count(head + tail) >= 1
    turn(head + tail)
