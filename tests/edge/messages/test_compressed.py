"""CompressedImage: image_transport's format text, lossless PNG, and files that lie."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigsight.base.errors import RigsightError
from rigsight.edge.messages import compressed_of, decompressed, deserialise, serialise
from rigsight.edge.messages.types.sensor_msgs import CompressedImage
from rigsight.edge.messages.types.std_msgs import Header

CHANCE = np.random.default_rng(3)
MASK = CHANCE.integers(0, 9, (12, 16), np.uint8)
COUNTS = CHANCE.integers(0, 65536, (12, 16), np.uint16)
RGB = cv2.resize(CHANCE.integers(0, 256, (2, 2, 3), np.uint8), (64, 48))


@pytest.mark.parametrize(
    ("picture", "format"),
    [
        (MASK, "mono8; png compressed "),
        (COUNTS, "mono16; png compressed "),
        (RGB, "rgb8; png compressed bgr8"),
        (RGB[:, ::-1], "rgb8; png compressed bgr8"),
    ],
)
def test_png_loses_nothing(picture: np.ndarray, format: str) -> None:
    message = deserialise(serialise(compressed_of(picture, Header())), CompressedImage)
    assert message.format == format
    found = decompressed(message)
    assert found.dtype == picture.dtype
    assert (found == picture).all()


def test_jpeg_keeps_the_order_of_colours() -> None:
    message = compressed_of(RGB, Header(), "jpeg", 95)
    assert message.format == "rgb8; jpeg compressed bgr8"
    assert np.abs(decompressed(message).astype(int) - RGB).max() < 24
    assert decompressed(compressed_of(MASK, Header(), "jpeg")).shape == MASK.shape


def test_what_a_format_cannot_hold_is_refused() -> None:
    for picture, kind in ((COUNTS, "jpeg"), (np.zeros((2, 2), np.float32), "png"), (MASK[:0], "png")):
        with pytest.raises(RigsightError, match=f"MSG-003: .* cannot be {kind}"):
            compressed_of(picture, Header(), kind)  # type: ignore[arg-type]


def test_a_picture_that_claims_to_be_huge_is_not_unpacked() -> None:
    data = bytearray(compressed_of(MASK, Header()).data)
    data[16:24] = b"\0\0\xff\xff\0\0\xff\xff"
    with pytest.raises(RigsightError, match="MSG-003: the compressed picture has the size"):
        decompressed(CompressedImage(Header(), "png", data))


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_half_a_picture_is_none(kind: str) -> None:
    data = bytes(compressed_of(RGB, Header(), kind).data)  # type: ignore[arg-type]
    for end in (len(data) - 2, len(data) * 3 // 4):
        with pytest.raises(RigsightError, match="MSG-003: the compressed picture is cut off"):
            decompressed(CompressedImage(Header(), kind, data[:end]))


@pytest.mark.parametrize("data", [b"", b"II*\0", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n" + bytes(30)])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(RigsightError, match="MSG-003"):
        decompressed(CompressedImage(Header(), "mono8; tiff compressed", data))


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(["png", "jpeg"]),
    at=st.integers(0, 400),
    cut=st.integers(1, 500),
    byte=st.integers(0, 255),
)
def test_damaged_files_are_one_error_or_a_picture(kind: str, at: int, cut: int, byte: int) -> None:
    data = bytearray(compressed_of(MASK, Header(), kind).data)  # type: ignore[arg-type]
    data[at % len(data)] = byte
    try:
        found = decompressed(CompressedImage(Header(), kind, data[:cut]))
    except RigsightError as error:
        refusal = error
    else:
        assert found.size <= 64_000_000 * 3
        return
    assert refusal.code == "MSG-003"
