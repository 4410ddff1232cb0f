"""Cases: files and folders that are not what they should be."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from case import Refused, Words, Works, case
from good_set import VIEWS, GoodSet, write_picture


@case(Refused("CAL-011", r"empty.*rgb/03\.png"))
def empty_file(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    (root / "rgb" / "03.png").write_bytes(b"")
    return words


@case(Refused("CAL-011", r"truncated.*thermal/05\.png"))
def truncated_png(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    path = root / "thermal" / "05.png"
    path.write_bytes(path.read_bytes()[:-4000])
    return words


@case(Refused("CAL-011", r"truncated.*rgb/02\.jpg"))
def truncated_jpeg(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    for index in range(VIEWS):
        (root / "rgb" / f"{index:02d}.png").unlink()
        write_picture(root / "rgb" / f"{index:02d}.jpg", good.pairs[index][0])
    path = root / "rgb" / "02.jpg"
    path.write_bytes(path.read_bytes()[:6000])
    return words


@case(Refused("CAL-011", r"truncated.*thermal/04\.tiff"))
def truncated_tiff(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    (root / "thermal" / "04.png").unlink()
    path = root / "thermal" / "04.tiff"
    write_picture(path, good.pairs[4][1])
    path.write_bytes(path.read_bytes()[:-3000])
    return words


@case(Refused("CAL-011", r"checksum.*rgb/07\.png"))
def damaged_png(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    path = root / "rgb" / "07.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(bytes(data))
    return words


@case(Refused("CAL-011", r"no picture.*rgb/01\.png"))
def text_named_png(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    (root / "rgb" / "01.png").write_text("exposure 1/60 s\n" * 50)
    return words


@case(Works())
def png_named_jpg(good: GoodSet, root: Path) -> Words:
    """The content counts, not the name."""
    words = good.copy(root)
    (root / "rgb" / "01.png").rename(root / "rgb" / "01.jpg")
    return words


@case(Refused("CAL-012", "no picture"))
def empty_folder(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    for path in (root / "thermal").iterdir():
        path.unlink()
    return words


@case(Refused("CAL-012", "no such folder"))
def missing_folder(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    words[2] = str(root / "termal")
    return words


@case(Refused("CAL-012", "is a file"))
def file_for_a_folder(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    words[2] = str(root / "thermal" / "00.png")
    return words


@case(Refused("CAL-013", "same files"))
def same_folder_twice(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    words[2] = words[1]
    return words


@case(Refused("CAL-013", "same files"))
def same_folder_through_a_link(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    (root / "other").symlink_to(root / "rgb", target_is_directory=True)
    words[2] = str(root / "other")
    return words


@case(Refused("CAL-013", "same pictures"))
def same_pictures_copied(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    for path in (root / "rgb").iterdir():
        (root / "thermal" / path.name).write_bytes(path.read_bytes())
    return [*words, "--spectra", "rgb,rgb"]


@case(Refused("CAL-013", "share a name"))
def unpaired_names(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    for index, letter in enumerate("abcdefghij"):
        (root / "rgb" / f"{index:02d}.png").rename(root / "rgb" / f"{letter}.png")
    return words


@case(Refused("CAL-013", "'06' stands for more than one"))
def png_and_jpg_of_one_stem(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    write_picture(root / "rgb" / "06.jpg", good.pairs[6][0])
    return words


@case(Works({"08.png": "no picture of that name", "09.png": "no picture of that name"}))
def links_in_a_circle(good: GoodSet, root: Path) -> Words:
    """A link to nowhere is no picture, and folders inside are not entered."""
    words = good.copy(root)
    (root / "rgb" / "again").symlink_to(root / "rgb", target_is_directory=True)
    for name in ("08.png", "09.png"):
        (root / "rgb" / name).unlink()
    (root / "rgb" / "08.png").symlink_to(root / "rgb" / "08.png")
    (root / "rgb" / "09.png").symlink_to(root / "rgb" / "gone.png")
    return words


@case(Works())
def names_outside_ascii(good: GoodSet, root: Path) -> Words:
    words = good.copy(root / "Wärmebild 校正")
    inside = root / "Wärmebild 校正"
    for name in ("rgb", "thermal"):
        for path in list((inside / name).iterdir()):
            path.rename(path.with_name(f"größe é {path.name}"))
    return words


@case(Refused("CAL-011", r"60000 x 60000.*rgb/04\.png"))
def giant_picture(good: GoodSet, root: Path) -> Words:
    """A few bytes that ask for 10 GB of memory."""
    words = good.copy(root)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)), (b"IDAT", b""), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        data += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    (root / "rgb" / "04.png").write_bytes(data)
    return words


@case(Refused("CAL-015", "nearly uniform"))
def pictures_of_one_pixel(good: GoodSet, root: Path) -> Words:
    return good.changed(root, thermal=lambda index, picture: picture[:1, :1])


@case(Refused("CAL-071", r"holds 3 pictures.*thermal/02\.tiff"))
def several_pages(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    (root / "thermal" / "02.png").unlink()
    ok, data = cv2.imencodemulti(".tiff", [good.pairs[2][1]] * 3)
    assert ok
    (root / "thermal" / "02.tiff").write_bytes(data.tobytes())
    return words


@case(Refused("CAL-011", r"float32.*thermal/06\.tiff"))
def kelvin_with_nan(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    kelvin = good.pairs[6][1].astype(np.float32) * 0.04
    kelvin[40:60, 30:80] = np.nan
    (root / "thermal" / "06.png").unlink()
    write_picture(root / "thermal" / "06.tiff", kelvin)
    return words


@case(Works())
def alpha_channel(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    for index in range(VIEWS):
        rgb = good.pairs[index][0]
        picture = np.dstack([rgb[..., ::-1], np.full(rgb.shape[:2], 255, np.uint8)])
        (root / "rgb" / f"{index:02d}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return words


@case(Refused("CAL-072", r"turned by 90.*rgb/00\.jpg"))
def exif_rotation(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    for index in range(VIEWS):
        (root / "rgb" / f"{index:02d}.png").unlink()
        path = root / "rgb" / f"{index:02d}.jpg"
        write_picture(path, good.pairs[index][0])
        data = path.read_bytes()
        path.write_bytes(data[:2] + exif_orientation(6) + data[2:])
    return words


def exif_orientation(value: int) -> bytes:
    """An APP1 segment whose only entry is the orientation."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, value, 0)
    tiff = b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 0)
    body = b"Exif\x00\x00" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


@case(Refused("CAL-014", r"120x90 after others of 240x180.*thermal/07\.png"))
def resolution_changes(good: GoodSet, root: Path) -> Words:
    return good.changed(root, thermal=lambda index, picture: picture[::2, ::2] if index >= 7 else picture)


@case(Works())
def pipes_and_hidden_files(good: GoodSet, root: Path) -> Words:
    """A named pipe would be waited for for ever; thumbnails and hidden files are no pictures of the set."""
    words = good.copy(root)
    if hasattr(os, "mkfifo"):
        os.mkfifo(root / "rgb" / "10.png")
    (root / "rgb" / "._00.png").write_bytes(b"\x00\x05\x16\x07")
    (root / "thermal" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    return words
