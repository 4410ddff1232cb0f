"""Picture files as arrays: colour, thermal of 8 or 16 bits, and numbers out of masks of any encoding."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rigsight.edge.frames import Image, UInt8
from rigsight.training import codes

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3


def read_picture(path: str | Path) -> Image:
    """A picture as its file stores it: [H,W] or [H,W,3|4] in OpenCV's order, uint8 or uint16.

    Raises:
        RigsightError: DAT-003 where there is no file, DAT-004 where it is no whole picture.
    """
    image: Image = _decoded(_bytes(path), path)
    return image


def read_rgb(path: str | Path) -> UInt8:
    """RGB uint8 [H,W,3]: grey is repeated, alpha dropped without blending. Raises DAT-003, DAT-004."""
    bgr = _decoded(_bytes(path), path, cv2.IMREAD_COLOR)
    rgb: UInt8 = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr)
    return rgb


def read_thermal(path: str | Path, counts: bool) -> Image:
    """Thermal [H,W], uint16 when ``counts`` and else uint8; of colour pictures the luma.

    Raises:
        RigsightError: DAT-003, DAT-004, and DAT-005 where the depth is the other one.
    """
    return as_thermal(read_picture(path), counts, path)


def as_thermal(image: Image, counts: bool, path: str | Path) -> Image:
    """As :func:`read_thermal` gives it. Raises DAT-005."""
    depth, wanted = image.dtype, np.uint16 if counts else np.uint8
    if depth != wanted:
        said = "counts16" if counts else "camera8"
        raise codes.THERMAL_DEPTH(f"{depth} pixels where thermal_input is {said}", where=path)
    if image.ndim == 3:
        image = cv2.cvtColor(image[..., :3], cv2.COLOR_BGR2GRAY)
    return image


def split_packed(image: Image, path: str | Path) -> tuple[UInt8, UInt8]:
    """RGB and thermal of one picture of four channels. Raises DAT-005 where it has others."""
    if image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
        shape = "x".join(str(n) for n in image.shape)
        raise codes.THERMAL_DEPTH(f"{image.dtype} {shape} where RGB + thermal share one picture", where=path)
    return np.ascontiguousarray(image[..., 2::-1]), np.ascontiguousarray(image[..., 3])


def read_numbers(path: str | Path) -> Image:
    """The numbers of a mask, [H,W] uint8 or uint16: indices of a palette PNG, else grey.

    Raises:
        RigsightError: DAT-003, DAT-004, and DAT-006 for a picture that really is coloured.
    """
    data = _bytes(path)
    if _is_palette(data):
        # With the palette i -> (i, i, i) the decoder gives the indices themselves.
        return _plane(_decoded(_identity_palette(data), path))
    image: Image = _decoded(data, path)
    if image.ndim == 3:
        if (image[..., 0] != image[..., 1]).any() or (image[..., 0] != image[..., 2]).any():
            raise codes.MASK_ENCODING("the mask is coloured where numbers are expected", where=path)
        image = _plane(image)
    return image


def read_grey(path: str | Path) -> UInt8:
    """Grey uint8 [H,W] of any picture. Raises DAT-003, DAT-004."""
    grey: UInt8 = _decoded(_bytes(path), path, cv2.IMREAD_GRAYSCALE)
    return grey


def read_mat(path: str | Path, key: str) -> Image:
    """An array [H,W] of integers in a MATLAB 5 file; ``key`` may lead into structs, ``a.b``.

    Raises:
        RigsightError: DAT-003, DAT-004 for another file, DAT-006 where there is no such array.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not Path(path).is_file():
        raise codes.FILE_MISSING("there is no such file", where=path)
    try:
        value: Any = loadmat(path, squeeze_me=True, struct_as_record=False)
    except (MatReadError, ValueError, TypeError, OSError, NotImplementedError, zlib.error, EOFError) as error:
        raise codes.PICTURE_UNREADABLE(f"not a readable MATLAB 5 file ({error})", where=path) from error
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else getattr(value, part, None)
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype.kind not in "uifb":
        raise codes.MASK_ENCODING(f"no picture '{key}' in the file", where=path)
    if value.min() < 0 or value.max() > 65535 or (value != np.floor(value)).any():
        raise codes.MASK_ENCODING(f"'{key}' holds other numbers than class ids", where=path)
    return value.astype(np.uint16)


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise codes.FILE_MISSING("there is no such file", where=path) from error
    except OSError as error:
        raise codes.PICTURE_UNREADABLE(error.strerror or str(error), where=path) from error


def _decoded(data: bytes, path: str | Path, flags: int = cv2.IMREAD_UNCHANGED) -> Any:
    if not _is_whole(data):
        raise codes.PICTURE_UNREADABLE("the file is cut short" if data else "the file is empty", where=path)
    try:
        image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise codes.PICTURE_UNREADABLE("the file is no picture", where=path)
    if image.dtype not in (np.uint8, np.uint16):
        raise codes.PICTURE_UNREADABLE(f"pixels of type {image.dtype} are not read", where=path)
    return image


def _is_whole(data: bytes) -> bool:
    """Does a PNG or JPEG reach its end? Decoders fill what is missing with grey, and say nothing."""
    if data[:8] == _SIGNATURE:
        return data.rfind(b"IEND") > 0
    if data[:2] == b"\xff\xd8":
        # The end mark after the last scan: those of embedded previews come before it.
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    return bool(data)


def _plane(image: Image) -> Image:
    return image if image.ndim == 2 else np.ascontiguousarray(image[..., 0])


def _is_palette(data: bytes) -> bool:
    return data[:8] == _SIGNATURE and len(data) > 25 and data[25] == _PALETTE


def _identity_palette(data: bytes) -> bytes:
    """The PNG with the palette i -> (i, i, i), and without transparency."""
    made, place = [_SIGNATURE], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind, chunk = data[place + 4 : place + 8], data[place : place + 12 + length]
        place += 12 + length
        if kind == b"PLTE":
            colors = b"PLTE" + bytes(i for i in range(2 ** data[24]) for _ in range(3))
            made.append(struct.pack(">I", len(colors) - 4) + colors + struct.pack(">I", zlib.crc32(colors)))
        elif kind != b"tRNS":
            made.append(chunk)
    return b"".join(made)


def mask_form(path: str | Path) -> str | None:
    """What is unusual in how a PNG mask is stored, in words; None for 8-bit grey, RGB and other formats."""
    with Path(path).open("rb") as file:
        head = file.read(26)
    if _is_palette(head):
        return "palette masks"
    if head[:8] == _SIGNATURE and head[24:25] == b"\x10":
        return "16-bit masks"
    return None
