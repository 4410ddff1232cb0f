"""Calibration pictures: reading them whole or not at all, and pairing those of two cameras."""

from __future__ import annotations

import glob
import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration import codes
from rigsight.calibration.checks.files import declared_size, page_count, turn

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".ppm", ".pnm", ".webp"))
LARGEST_PICTURE_PX = 200_000_000  # a file of a few bytes may ask for any memory
PNG_MAGIC, JPEG_MAGIC = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"

Image = NDArray[Any]
Picture = Image | str | Path


def find_pictures(where: str | Path) -> list[Path]:
    """Pictures of a folder, or those that a pattern such as ``boards/left*.jpg`` matches; sorted by name.

    Raises:
        RigsightError: CAL-012 when there is no such folder or no picture.
    """
    folder = Path(where)
    if folder.is_dir():
        found = [path for path in folder.iterdir() if _is_picture(path)]
    elif glob.has_magic(str(where)):
        found = [path for path in map(Path, glob.glob(str(where))) if _is_picture(path)]
    else:
        problem = "it is a file, not a folder" if folder.exists() else "there is no such folder"
        raise codes.PICTURES_MISSING(problem, where=where)
    if not found:
        raise codes.PICTURES_MISSING("there is no picture in it", where=where)
    return sorted(found, key=lambda path: path.name)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")


def pair_pictures(
    reference: Sequence[Path], camera: Sequence[Path]
) -> tuple[list[tuple[str, Path, Path]], dict[str, str]]:
    """Match the pictures of two cameras: by equal stem, else by equal last number in the stem.

    ``left07.jpg`` and ``right07.jpg`` match by their last number, which is used only where no stem occurs
    on both sides.

    Returns:
        (stem of the reference's, reference's picture, camera's picture) of each pair, and file name ->
        reason for the rest.

    Raises:
        RigsightError: CAL-013 when nothing pairs, a name is ambiguous, or both sides are the same files.
    """
    if {path.resolve() for path in reference} & {path.resolve() for path in camera}:
        raise codes.PICTURES_UNPAIRED(
            "both cameras are given the same files",
            where=camera[0].parent,
            fix="Give two folders, or two quoted patterns: 'boards/left*.jpg' 'boards/right*.jpg'.",
        )
    sides = _keyed(reference, camera, lambda path: path.stem)
    if not sides[0].keys() & sides[1].keys():
        sides = _keyed(reference, camera, _last_number)
    common = [key for key in sides[0] if key in sides[1]]
    if not common:
        raise codes.PICTURES_UNPAIRED(
            f"none of the {len(reference)} and {len(camera)} pictures share a name or number",
            where=reference[0].parent,
        )
    left_over = [path for side in sides for key, path in side.items() if key not in common]
    reasons = {path.name: "the other camera has no picture of that name" for path in left_over}
    return [(sides[0][key].stem, sides[0][key], sides[1][key]) for key in common], reasons


def _keyed(reference: Sequence[Path], camera: Sequence[Path], key: Any) -> list[dict[str, Path]]:
    sides = []
    for paths in (reference, camera):
        keys = [key(path) for path in paths]
        repeated = [k for k, n in Counter(keys).items() if n > 1 and k]
        if repeated:
            raise codes.PICTURES_UNPAIRED(
                f"'{repeated[0]}' stands for more than one picture", where=paths[0].parent
            )
        sides.append({k: path for k, path in zip(keys, paths, strict=True) if k})
    return sides


def _last_number(path: Path) -> str:
    """The last number in a stem without leading zeros, or an empty string.

    >>> _last_number(Path("cam0_left_0007.png"))
    '7'
    """
    numbers = re.findall(r"\d+", path.stem)
    return str(int(numbers[-1])) if numbers else ""


def as_image(picture: Picture) -> Image:
    """An array as it is, or the picture that a path names. Raises CAL-011."""
    if isinstance(picture, (str, Path)):
        return read_picture(picture)
    if picture.dtype not in (np.uint8, np.uint16) or picture.ndim not in (2, 3) or not picture.size:
        raise codes.PICTURE_UNREADABLE(
            f"a picture must be uint8 or uint16 [H,W] or [H,W,3], not {picture.dtype} {picture.shape}"
        )
    return picture


def read_picture(path: str | Path) -> Image:
    """Read a grey [H,W] or colour [H,W,3] (RGB) picture, uint8 or uint16, exactly as stored.

    A file that asks for a rotation is refused: the camera's geometry is that of its raw pixels, which viewers
    of the file, and players of the camera's video, may show otherwise.

    Raises:
        RigsightError: CAL-011 when the file is missing, empty, truncated, damaged, too large or of another
            depth, CAL-071 when it holds several pictures, CAL-072 when it asks viewers to turn it.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise codes.PICTURE_UNREADABLE(error.strerror or str(error), where=path) from error
    problem = damage(data)
    if problem:
        raise codes.PICTURE_UNREADABLE(problem, where=path)
    width, height = declared_size(data) or (0, 0)
    if width * height > LARGEST_PICTURE_PX:
        raise codes.PICTURE_UNREADABLE(
            f"it would be {width} x {height} pixels; {LARGEST_PICTURE_PX // 10**6} million are the most",
            where=path,
        )
    pages = page_count(data)
    if pages > 1:
        raise codes.SEVERAL_PAGES(f"the file holds {pages} pictures", where=path)
    turned = turn(data)
    if turned:
        raise codes.PICTURE_TURNED(f"viewers show the picture {turned}", where=path)
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise codes.PICTURE_UNREADABLE("it is damaged or no picture at all", where=path)
    if image.dtype not in (np.uint8, np.uint16):
        raise codes.PICTURE_UNREADABLE(f"pixels of type {image.dtype} are not supported", where=path)
    return image if image.ndim == 2 else np.ascontiguousarray(image[..., 2::-1])


def damage(data: bytes) -> str | None:
    """What is wrong with the bytes of a PNG or JPEG file, or None; decoders would go on half-way.

    >>> damage(b"")
    'the file is empty'
    """
    if not data:
        return "the file is empty"
    if data.startswith(PNG_MAGIC):
        return _png_damage(data)
    if data.startswith(JPEG_MAGIC) and b"\xff\xd9" not in data[-4096:]:
        return "the file is truncated"
    return None


def _png_damage(data: bytes) -> str | None:
    position = len(PNG_MAGIC)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        end = position + 12 + length
        if end > len(data):
            break
        if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return "the file is damaged (a checksum is wrong)"
        if data[position + 4 : position + 8] == b"IEND":
            return None
        position = end
    return "the file is truncated"


def sha256_of(paths: Sequence[Path]) -> dict[str, str]:
    """File name -> sha256 in hex, for the provenance of a calibration."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
