"""Picture files: found in a folder, checked to be whole, decoded as their camera delivers them."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rigsight.edge import codes
from rigsight.edge.frames import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"


def one_or_all(path: str | Path) -> list[Path]:
    """The picture itself where ``path`` is a file, else the pictures of that folder by name.

    Raises:
        RigsightError: SRC-002 as :func:`list_pictures`, and for neither file nor folder.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise codes.SOURCE_MISSING("there is no such folder or picture", where=path)
    return list(list_pictures(path).values())


def list_pictures(folder: str | Path) -> dict[str, Path]:
    """Pictures of a folder by stem, sorted; hidden files are left out.

    Raises:
        RigsightError: SRC-002 when there is no such folder, it holds none, or a stem occurs twice.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise codes.SOURCE_MISSING("there is no such folder", where=folder)
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            if path.stem in found:
                raise codes.SOURCE_MISSING(
                    f"'{path.stem}' is there twice ({found[path.stem].name}, {path.name})",
                    where=folder,
                    fix="Keep one of them.",
                )
            found[path.stem] = path
    if not found:
        raise codes.SOURCE_MISSING("the folder holds no pictures", where=folder)
    return found


def read_picture(path: Path, role: str) -> Image:
    """Decode one file: BGR uint8 [H,W,3] for ``rgb``, uint8 or uint16 [H,W] for ``thermal``.

    EXIF orientation is ignored: the rig's geometry belongs to the sensor.

    Raises:
        RigsightError: SRC-002 missing, SRC-003 corrupt or truncated, SRC-006 not what the camera delivers.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise codes.SOURCE_MISSING(error.strerror or str(error), where=path) from error
    problem = damage(data)
    if problem:
        raise codes.PICTURE_UNREADABLE(problem, where=path)
    with quiet_opencv():
        try:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            picture = None
    if picture is None:
        raise codes.PICTURE_UNREADABLE("it cannot be decoded", where=path)
    return _as_rgb_camera(picture, path) if role == "rgb" else _as_thermal_camera(picture, path)


@contextlib.contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV's own log lines off stderr: what they complain of becomes one line with a code."""
    logging: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved it
    level = logging.setLogLevel(0)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def damage(data: bytes) -> str | None:
    """Say what is wrong with an encoded picture, or None; decoders accept half a JPEG without a word.

    PNG: every chunk whole with its CRC, up to IEND. JPEG: an end marker after the last scan. BMP: the length
    that its header states.

    >>> damage(b"")
    'the file is empty'
    """
    if not data:
        return "the file is empty"
    if data.startswith(_PNG):
        return _png_damage(data)
    if data.startswith(_JPEG) and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        return "the JPEG ends in the middle of the picture"
    if data.startswith(b"BM") and len(data) < int.from_bytes(data[2:6], "little"):
        return "the BMP ends too early"
    return None


def _png_damage(data: bytes) -> str | None:
    place = len(_PNG)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 12 + length
        if end > len(data):
            break
        kind = data[place + 4 : place + 8]
        stored = int.from_bytes(data[end - 4 : end], "big")
        if zlib.crc32(memoryview(data)[place + 4 : end - 4]) != stored:
            return f"the PNG's chunk {kind.decode('latin-1')!r} is damaged"
        if kind == b"IEND":
            return None
        place = end
    return "the PNG ends too early"


def _as_rgb_camera(picture: Image, path: Path) -> Image:
    if picture.dtype != np.uint8:
        raise codes.PICTURE_KIND(f"an RGB picture of type {picture.dtype}", where=path)
    if picture.ndim == 2:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    return picture[:, :, :3]


def _as_thermal_camera(picture: Image, path: Path) -> Image:
    if picture.dtype not in (np.uint8, np.uint16):
        raise codes.PICTURE_KIND(f"a thermal picture of type {picture.dtype}", where=path)
    if picture.ndim == 3:
        colour = picture[:, :, :3]
        if not ((colour[:, :, :1] == colour).all()):
            raise codes.PICTURE_KIND("a colourised thermal picture", where=path)
        picture = colour[:, :, 0]
    return picture
