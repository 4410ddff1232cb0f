"""Every format against closed forms and OpenCV; strides, missing bytes, broken JPEGs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rigsight.edge.cameras.decode import FORMATS, JPEGS, Layout, becomes, decode, layout, open_jpeg
from rigsight.edge.frames import PixelFormat

W, H = 24, 10
rng = np.random.default_rng(5)
RGB = cv2.GaussianBlur(rng.integers(0, 256, (H, W, 3), np.uint8), (0, 0), 4)
COUNTS = rng.integers(0, 1 << 16, (H, W), np.uint16)


def yuv() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y, U, V of RGB by BT.601, limited range, written out; chroma alike in every block of 2x2."""
    blocks = np.repeat(np.repeat(RGB[::2, ::2].astype(float), 2, 0), 2, 1)
    r, g, b = blocks[..., 0], blocks[..., 1], blocks[..., 2]
    y = 16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255
    u = 128 + (-37.797 * r - 74.203 * g + 112.0 * b) / 255
    v = 128 + (112.0 * r - 93.786 * g - 18.214 * b) / 255
    return tuple(np.rint(p).astype(np.uint8) for p in (y, u, v))  # type: ignore[return-value]


BLOCKS = np.repeat(np.repeat(RGB[::2, ::2], 2, 0), 2, 1)


def rows_of(format: str) -> list[np.ndarray]:
    """The planes of a picture as bytes [rows, bytes]."""
    y, u, v = yuv()
    if format == "Y16":
        return [COUNTS.astype("<u2").view(np.uint8)]
    if format == "Y16_BE":
        return [COUNTS.astype(">u2").view(np.uint8)]
    if format in ("Y10", "Y12", "Y14"):
        return [(COUNTS >> 4).astype("<u2").view(np.uint8)]
    if format == "GREY":
        return [y]
    if format == "YUYV":
        return [np.dstack([y[:, ::2], u[:, ::2], y[:, 1::2], v[:, ::2]]).reshape(H, -1)]
    if format == "UYVY":
        return [np.dstack([u[:, ::2], y[:, ::2], v[:, ::2], y[:, 1::2]]).reshape(H, -1)]
    if format == "NV12":
        return [y, np.dstack([u[::2, ::2], v[::2, ::2]]).reshape(H // 2, -1)]
    if format == "YU12":
        return [y, u[::2, ::2], v[::2, ::2]]
    packed = {"RGB3": BLOCKS, "BGR3": BLOCKS[..., ::-1]}
    packed["BGRX"] = np.dstack([BLOCKS[..., ::-1], np.full((H, W), 7, np.uint8)])
    return [packed[format].reshape(H, -1)]


def laid_out(format: str, padding: int) -> tuple[np.ndarray, Layout]:
    planes = rows_of(format)
    how = layout(format, W, H, planes[0].shape[1] + padding if padding else 0)
    ends = [offset + stride * len(p) for (offset, stride), p in zip(how.planes, planes, strict=True)]
    data = np.full(max(ends), 0xEE, np.uint8)
    for (offset, stride), plane in zip(how.planes, planes, strict=True):
        for row, line in enumerate(plane):
            data[offset + row * stride :][: line.size] = line
    data.flags.writeable = False  # as the kernel's buffers are
    return data, how


RAW = [name for name in FORMATS if name not in JPEGS]


@pytest.mark.parametrize("padding", [0, 8])
@pytest.mark.parametrize("format", RAW)
def test_colour_is_what_was_put_in(format: str, padding: int) -> None:
    if becomes(format, "rgb") is None:
        assert format.startswith("Y1")
        return
    data, how = laid_out(format, padding)
    out = np.zeros((H, W, 3), np.uint8)
    assert decode(data, how, out)
    expected = np.repeat(yuv()[0][..., None], 3, 2) if format == "GREY" else BLOCKS
    exact = format in ("GREY", "RGB3", "BGR3", "BGRX")
    assert np.abs(out.astype(int) - expected).max() <= (0 if exact else 3)


@pytest.mark.parametrize("padding", [0, 8])
@pytest.mark.parametrize("format", RAW)
def test_a_thermal_camera_gives_counts_or_luminance(format: str, padding: int) -> None:
    data, how = laid_out(format, padding)
    counts = becomes(format, "thermal") is PixelFormat.MONO16
    out = np.zeros((H, W), np.uint16 if counts else np.uint8)
    assert decode(data, how, out)
    if counts:
        np.testing.assert_array_equal(out, COUNTS if format.startswith("Y16") else COUNTS >> 4)
    elif format in ("RGB3", "BGR3", "BGRX"):
        assert np.abs(out.astype(int) - BLOCKS @ [0.299, 0.587, 0.114]).max() <= 1
    else:
        np.testing.assert_array_equal(out, yuv()[0])


@pytest.mark.parametrize("format", RAW)
def test_a_short_buffer_is_told_and_what_is_there_is_kept(format: str) -> None:
    data, how = laid_out(format, 8)
    counts = becomes(format, "thermal") is PixelFormat.MONO16
    dtype = np.uint16 if counts else np.uint8
    whole = np.zeros((H, W), dtype)
    assert decode(data[: how.size], how, whole), "the last row needs no padding"
    stride = how.planes[0][1]
    for length in (0, 1, stride + 1, 4 * stride, how.size - 1):
        out = np.full((H, W), 9, dtype)
        assert not decode(data[:length], how, out)
        rows = min(length // stride, H)
        np.testing.assert_array_equal(out[:rows], whole[:rows])
        if not counts:
            assert not decode(data[:length], how, np.zeros((H, W, 3), np.uint8))


def test_sizes_that_a_format_cannot_have_are_refused() -> None:
    for format, width, height in (
        ("YUYV", 5, 4),
        ("NV12", 6, 3),
        ("GREY", 0, 3),
        ("MJPG", 4, 4),
        ("XYZ", 4, 4),
    ):
        with pytest.raises(ValueError, match=format):
            layout(format, width, height)


def jpeg(picture: np.ndarray = RGB, quality: int = 95) -> np.ndarray:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].reshape(-1)


def opened(data: np.ndarray, grey: bool = False) -> tuple[np.ndarray, bool]:
    write, whole = open_jpeg(data, W, H, grey)
    out = np.full((H, W) if grey else (H, W, 3), 9, np.uint8)
    write(out)
    return out, whole


def test_a_jpeg_is_what_opencv_reads() -> None:
    out, whole = opened(jpeg())
    assert whole
    np.testing.assert_array_equal(out[..., ::-1], cv2.imdecode(jpeg(), cv2.IMREAD_COLOR))
    out, whole = opened(jpeg(), grey=True)
    assert whole
    np.testing.assert_array_equal(out, cv2.imdecode(jpeg(), cv2.IMREAD_GRAYSCALE))
    assert opened(np.concatenate([jpeg(), np.zeros(700, np.uint8)]))[1], "cameras pad with zeros"


def test_a_jpeg_without_huffman_tables_is_read() -> None:
    """Webcams leave the standard tables out of motion JPEG."""
    data = jpeg().tobytes()
    plain = b""
    while data:
        if data[1] in (0xD8, 0xD9):
            plain, data = plain + data[:2], data[2:]
            continue
        length = 2 + int.from_bytes(data[2:4], "big")
        if data[1] == 0xDA:
            plain, data = plain + data, b""
        else:
            plain, data = plain + (b"" if data[1] == 0xC4 else data[:length]), data[length:]
    assert b"\xff\xc4" not in plain
    out, whole = opened(np.frombuffer(plain, np.uint8))
    assert whole
    np.testing.assert_array_equal(out, opened(jpeg())[0])


def test_broken_jpegs_are_told() -> None:
    good = jpeg()
    for length in range(0, good.size - 1, 7):
        assert not opened(good[:length])[1]
    for other in (jpeg(RGB[:-1]), np.concatenate([good[2:], good[:2]]), np.zeros(100, np.uint8)):
        out, whole = opened(other)
        assert not whole
        assert not out.any()
    noise = np.random.default_rng(1)
    for _ in range(300):  # whatever comes, nothing is raised
        bad = good.copy()
        bad[noise.integers(2, good.size, 20)] = noise.integers(0, 256, 20)
        opened(bad)
