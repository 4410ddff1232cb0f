"""Bytes of a camera's picture into a picture: RGB uint8 [H,W,3], or one channel [H,W].

Formats by V4L2's names, laid out as in the kernel's ``Documentation/userspace-api/media/v4l`` ("Image
formats"). YUV is BT.601 with limited range, as webcams give it; its luminance is what a thermal camera's
8-bit picture is. Bytes that are missing are zero in the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import Image, PixelFormat

Bytes = NDArray[np.uint8]

COUNTS = {"Y16": "<u2", "Y14": "<u2", "Y12": "<u2", "Y10": "<u2", "Y16_BE": ">u2"}
JPEGS = ("MJPG", "JPEG")
PACKED = {"GREY": 1, "YUYV": 2, "UYVY": 2, "RGB3": 3, "BGR3": 3, "BGRX": 4}
EVEN_WIDTH, EVEN_HEIGHT = ("YUYV", "UYVY", "NV12", "YU12"), ("NV12", "YU12")
FORMATS = (*COUNTS, *PACKED, "NV12", "YU12", *JPEGS)
_START, _END = b"\xff\xd8", b"\xff\xd9"


@dataclass(frozen=True)
class Layout:
    """How the bytes of an uncompressed picture lie; ``planes`` are (offset, bytes from row to row)."""

    format: str
    width: int
    height: int
    planes: tuple[tuple[int, int], ...]

    def parts(self) -> list[tuple[int, int, int, int]]:
        """Offset, stride, rows and bytes a row of every plane."""
        w, h = self.width, self.height
        if self.format in COUNTS:
            shapes = [(h, 2 * w)]
        elif self.format in PACKED:
            shapes = [(h, PACKED[self.format] * w)]
        elif self.format == "NV12":
            shapes = [(h, w), (h // 2, w)]
        else:
            shapes = [(h, w), (h // 2, w // 2), (h // 2, w // 2)]
        return [(*plane, *shape) for plane, shape in zip(self.planes, shapes, strict=True)]

    @property
    def size(self) -> int:
        """Bytes of a whole picture; the last row may lack its padding."""
        return max(offset + (rows - 1) * stride + row for offset, stride, rows, row in self.parts())


def layout(format: str, width: int, height: int, stride: int = 0) -> Layout:
    """Planes one after the other, rows ``stride`` bytes apart; 0 for rows without padding.

    >>> layout("NV12", 640, 480).planes, layout("NV12", 640, 480).size
    (((0, 640), (307200, 640)), 460800)

    Raises:
        ValueError: a format that is not read, or a size that it cannot have.
    """
    if format in JPEGS or format not in FORMATS:
        raise ValueError(f"{format} has no rows that are known")
    if (
        width < 1
        or height < 1
        or (format in EVEN_WIDTH and width % 2)
        or (format in EVEN_HEIGHT and height % 2)
    ):
        raise ValueError(f"{format} cannot be {width}x{height}")
    dense = 2 * width if format in COUNTS else PACKED.get(format, 1) * width
    stride = max(stride, dense)
    luma = stride * height
    if format == "NV12":
        return Layout(format, width, height, ((0, stride), (luma, stride)))
    if format == "YU12":
        half = stride // 2
        return Layout(format, width, height, ((0, stride), (luma, half), (luma + half * (height // 2), half)))
    return Layout(format, width, height, ((0, stride),))


def becomes(format: str, role: str) -> PixelFormat | None:
    """What a format is decoded to for ``rgb`` or ``thermal``; None where it cannot be.

    >>> becomes("YUYV", "rgb").value, becomes("YUYV", "thermal").value, becomes("Y16", "rgb")
    ('rgb8', 'mono8', None)
    """
    if format in COUNTS:
        return PixelFormat.MONO16 if role == "thermal" else None
    if format not in FORMATS:
        return None
    return PixelFormat.RGB8 if role == "rgb" else PixelFormat.MONO8


def decode(data: Bytes, how: Layout, out: Image) -> bool:
    """Uncompressed ``data`` (uint8 [N]) into ``out``: uint8 [H,W,3] for RGB, else [H,W].

    Returns:
        Whether the picture was whole.
    """
    planes, whole = _planes(data, how)
    if how.format in COUNTS:
        np.copyto(out, planes[0].view(COUNTS[how.format]))
    elif out.ndim == 3:
        _colour(how, planes, out)
    else:
        _luminance(how, planes, out)
    return whole


def counts_in(data: Bytes, how: Layout) -> tuple[Image, bool]:
    """The 16-bit counts in ``data`` as they lie there, uint16 [H,W], and whether they were whole."""
    planes, whole = _planes(data, how)
    return planes[0].view(COUNTS[how.format]), whole


def _planes(data: Bytes, how: Layout) -> tuple[list[Bytes], bool]:
    whole = data.size >= how.size
    if not whole:
        data = np.concatenate([data, np.zeros(how.size - data.size, np.uint8)])
    return [
        np.ndarray((rows, row), np.uint8, data, offset, (stride, 1))
        for offset, stride, rows, row in how.parts()
    ], whole


def _colour(how: Layout, planes: list[Bytes], out: Image) -> None:
    shape = (how.height, how.width, -1)
    match how.format:
        case "GREY":
            cv2.cvtColor(planes[0], cv2.COLOR_GRAY2RGB, dst=out)
        case "YUYV":
            cv2.cvtColor(planes[0].reshape(shape), cv2.COLOR_YUV2RGB_YUY2, dst=out)
        case "UYVY":
            cv2.cvtColor(planes[0].reshape(shape), cv2.COLOR_YUV2RGB_UYVY, dst=out)
        case "RGB3":
            np.copyto(out, planes[0].reshape(shape))
        case "BGR3":
            cv2.cvtColor(planes[0].reshape(shape), cv2.COLOR_BGR2RGB, dst=out)
        case "BGRX":
            cv2.cvtColor(planes[0].reshape(shape), cv2.COLOR_BGRA2RGB, dst=out)
        case "NV12":
            chroma = planes[1].reshape(how.height // 2, how.width // 2, 2)
            cv2.cvtColorTwoPlane(planes[0], chroma, cv2.COLOR_YUV2RGB_NV12, dst=out)
        case "YU12":
            joined = np.concatenate([plane.reshape(-1) for plane in planes])
            cv2.cvtColor(joined.reshape(how.height * 3 // 2, how.width), cv2.COLOR_YUV2RGB_I420, dst=out)


def _luminance(how: Layout, planes: list[Bytes], out: Image) -> None:
    first = planes[0]
    match how.format:
        case "RGB3" | "BGR3" | "BGRX":
            code: dict[str, Any] = {
                "RGB3": cv2.COLOR_RGB2GRAY,
                "BGR3": cv2.COLOR_BGR2GRAY,
                "BGRX": cv2.COLOR_BGRA2GRAY,
            }
            cv2.cvtColor(first.reshape(how.height, how.width, -1), code[how.format], dst=out)
        case "YUYV" | "UYVY":
            np.copyto(out, first[:, 0 if how.format == "YUYV" else 1 :: 2])
        case _:
            np.copyto(out, first)


def open_jpeg(data: Bytes, width: int, height: int, grey: bool) -> tuple[Callable[[Image], None], bool]:
    """Decode a JPEG (uint8 [N]) of a known size: what writes it into a picture, and whether it was whole.

    A picture that ends early, is of another size or is none at all is written as far as it goes, else black.
    """
    kind = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    found: Image | None = None
    if data[:2].tobytes() == _START:
        try:
            found = cv2.imdecode(data, kind | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error:
            found = None
    whole = found is not None and found.shape[:2] == (height, width) and _ended(data)

    def write(out: Image) -> None:
        if found is None or found.shape[:2] != out.shape[:2]:
            out[...] = 0
        elif grey:
            np.copyto(out, found)
        else:
            cv2.cvtColor(found, cv2.COLOR_BGR2RGB, dst=out)

    return write, whole


def _ended(data: Bytes) -> bool:
    """The end marker is there; cameras pad with zeros behind it."""
    return data[-4096:].tobytes().rstrip(b"\0")[-2:] == _END
