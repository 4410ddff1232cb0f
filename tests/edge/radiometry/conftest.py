"""A writer of FLIR radiometric JPEGs, so that every part of the reader is tested without a camera's files."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

TAKEN_S, TAKEN_MS, BEHIND_MIN = 1_700_000_000, 250, -120


@dataclass
class FlirFile:
    """What goes into the file; ``bytes()`` makes it. ``camera`` overrides fields of the camera record."""

    counts: np.ndarray
    visible: np.ndarray | None = None
    big: bool = False
    header_big: bool = True
    raw: str = "png-swapped"  # png, plain
    visible_kind: str = "jpeg"  # png: Y, Cb, Cr
    alignment: tuple[float, int, int] | None = None
    camera: Mapping[str, float] = field(default_factory=dict)
    gps: tuple[float, float, float] | None = None
    exif: bytes = b""
    xmp: str = ""
    chunk: int = 65000

    def bytes(self) -> bytes:
        """The whole file."""
        fff = self.fff()
        parts = [fff[i : i + self.chunk] for i in range(0, len(fff), self.chunk)]
        chunks = [b"FLIR\0\1" + bytes((i, len(parts) - 1)) + part for i, part in enumerate(parts)]
        texts = [b"http://ns.adobe.com/xap/1.0/\0" + self.xmp.encode()] if self.xmp else []
        tiffs = [b"Exif\0\0" + self.exif] if self.exif else []
        shown = encoded(".jpg", np.full((32, 32, 3), 90, np.uint8))
        return shown[:2] + b"".join(app1(body) for body in (*tiffs, *texts, *chunks)) + shown[2:]

    def fff(self) -> bytes:
        """The FFF file inside: header, directory, records."""
        found = [(0x20, 1, self.camera_record()), (0x01, 3 if "png" in self.raw else 2, self.raw_record())]
        if self.visible is not None:
            found.append((0x0E, 5, self.visible_record()))
        if self.alignment is not None:
            ratio, x, y = self.alignment
            height, width = self.counts.shape
            found.append((0x2A, 1, struct.pack("<f6h", ratio, x, y, 0, width - 1, 0, height - 1)))
        if self.gps is not None:
            latitude, longitude, altitude = self.gps
            sides = b"S\0" if latitude < 0 else b"N\0", b"W\0" if longitude < 0 else b"E\0"
            form = (">" if self.big else "<") + "I4s2s2sxxxx2df"
            found.append((0x2B, 1, struct.pack(form, 1, b"\2\2", *sides, latitude, longitude, altitude)))
        order = ">" if self.header_big else "<"
        place = 64 + 32 * len(found)
        directory, bodies = b"", b""
        for number, (kind, subtype, body) in enumerate(found):
            start = place + len(bodies)
            directory += struct.pack(
                order + "HHIIIIIII", kind, subtype, 100, number, start, len(body), 0, 0, 0
            )
            bodies += body
        head = b"FFF\0" + bytes(16) + struct.pack(order + "III", 100, 64, len(found))
        return head.ljust(64, b"\0") + directory + bodies

    def camera_record(self) -> bytes:
        """0x20."""
        order = ">" if self.big else "<"
        record = bytearray(2476)
        struct.pack_into(order + "H", record, 0, 2)
        values = DEFAULTS | dict(self.camera)
        for name, (kind, place) in PLACES.items():
            struct.pack_into(order + kind, record, place, values[name])
        for text, place in ((b"Test T1", 0xD4), (b"SN-42", 0x104), (b"FOL18", 0x170)):
            record[place : place + len(text)] = text
        struct.pack_into(order + "IIh", record, 0x384, TAKEN_S, TAKEN_MS, BEHIND_MIN)
        return bytes(record)

    def raw_record(self) -> bytes:
        """0x01."""
        height, width = self.counts.shape
        head = struct.pack((">" if self.big else "<") + "HHH", 2, width, height).ljust(32, b"\0")
        if self.raw == "plain":
            return head + self.counts.astype(">u2" if self.big else "<u2").tobytes()
        swapped = self.raw == "png-swapped"
        return head + encoded(".png", self.counts.byteswap() if swapped else self.counts)

    def visible_record(self) -> bytes:
        """0x0e."""
        assert self.visible is not None
        height, width = self.visible.shape[:2]
        head = struct.pack((">" if self.big else "<") + "HHH", 3, width, height).ljust(32, b"\0")
        if self.visible_kind == "png":
            luma = cv2.cvtColor(self.visible, cv2.COLOR_BGR2YCrCb)
            return head + encoded(".png", luma[..., [1, 2, 0]])  # the file's red is Y, green Cb, blue Cr
        return head + encoded(".jpg", self.visible)


DEFAULTS = {
    "emissivity": 1.0,
    "distance": 0.0,
    "reflected": 293.15,
    "air": 293.15,
    "window": 293.15,
    "window_transmission": 1.0,
    "humidity": 0.5,
    "R1": 16951.797,
    "B": 1435.1,
    "F": 1.0,
    "O": -7142,
    "R2": 0.014294867,
    "a1": 0.006569,
    "a2": 0.01262,
    "b1": -0.002276,
    "b2": -0.00667,
    "X": 1.9,
    "hottest": 423.15,
    "coldest": 253.15,
    "angle": 45.0,
    "raw_low": 8556,
    "raw_high": 59303,
    "raw_median": 16804,
    "focus": 2.0,
}
PLACES = {
    "emissivity": ("f", 0x20),
    "distance": ("f", 0x24),
    "reflected": ("f", 0x28),
    "air": ("f", 0x2C),
    "window": ("f", 0x30),
    "window_transmission": ("f", 0x34),
    "humidity": ("f", 0x3C),
    "R1": ("f", 0x58),
    "B": ("f", 0x5C),
    "F": ("f", 0x60),
    "a1": ("f", 0x70),
    "a2": ("f", 0x74),
    "b1": ("f", 0x78),
    "b2": ("f", 0x7C),
    "X": ("f", 0x80),
    "hottest": ("f", 0x90),
    "coldest": ("f", 0x94),
    "angle": ("f", 0x1B4),
    "O": ("i", 0x308),
    "R2": ("f", 0x30C),
    "raw_low": ("H", 0x310),
    "raw_high": ("H", 0x312),
    "raw_median": ("H", 0x338),
    "focus": ("f", 0x45C),
}


def app1(body: bytes) -> bytes:
    """A segment."""
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def encoded(suffix: str, picture: np.ndarray) -> bytes:
    """A picture file's bytes."""
    done, data = cv2.imencode(suffix, picture, [cv2.IMWRITE_JPEG_QUALITY, 98] if suffix == ".jpg" else [])
    assert done
    return bytes(data)


def tiff(big: bool, image: Mapping[int, Any], exif: Mapping[int, Any], gps: Mapping[int, Any]) -> bytes:
    """An EXIF block: texts are ``str``, rationals lists of pairs, anything else a short."""
    order = ">" if big else "<"
    out = bytearray((b"MM" if big else b"II") + struct.pack(order + "HI", 42, 8))

    def directory(tags: Mapping[int, Any], pointers: Mapping[int, int]) -> None:
        rows = {tag: entry(value) for tag, value in tags.items()} | {
            tag: (4, 1, struct.pack(order + "I", place)) for tag, place in pointers.items()
        }
        after = len(out) + 2 + 12 * len(rows) + 4
        head, body = struct.pack(order + "H", len(rows)), b""
        for tag, (kind, count, data) in sorted(rows.items()):
            if len(data) > 4:
                place, body = struct.pack(order + "I", after + len(body)), body + data
            else:
                place = data.ljust(4, b"\0")
            head += struct.pack(order + "HHI", tag, kind, count) + place
        out.extend(head + bytes(4) + body)

    def entry(value: Any) -> tuple[int, int, bytes]:
        if isinstance(value, str):
            return 2, len(value) + 1, value.encode() + b"\0"
        if isinstance(value, list):
            flat = [part for pair in value for part in pair]
            return 5, len(value), struct.pack(f"{order}{len(flat)}I", *flat)
        return 3, 1, struct.pack(order + "H", value)

    # The image's own directory must stand first: its length is known, so that the others' places are, too.
    probe = (
        len(out)
        + 2
        + 12 * (len(image) + 2)
        + 4
        + sum(size for size in (len(entry(v)[2]) for v in image.values()) if size > 4)
    )
    kept = bytes(out)
    out.extend(bytes(probe - len(out)))
    exif_at = len(out)
    directory(exif, {})
    gps_at = len(out)
    directory(gps, {})
    others = bytes(out[exif_at:])
    out[:] = kept
    directory(image, {0x8769: exif_at, 0x8825: gps_at})
    assert len(out) == exif_at
    return bytes(out) + others


Writer = Callable[..., FlirFile]


@pytest.fixture
def flir() -> Writer:
    """Makes a :class:`FlirFile`."""
    return FlirFile


@pytest.fixture
def make_tiff() -> Callable[..., bytes]:
    """:func:`tiff`."""
    return tiff


@pytest.fixture
def scene() -> tuple[np.ndarray, np.ndarray]:
    """Counts uint16 [60,80] and a visible picture BGR uint8 [120,160,3], smooth with a warm disc."""
    y, x = np.mgrid[:60, :80]
    counts = (16000 + 8 * x + 5 * y + 900 * (np.hypot(x - 40, y - 30) < 12)).astype(np.uint16)
    v, u = np.mgrid[:120, :160]
    disc = np.hypot(u - 80, v - 60) < 20
    visible = np.dstack([60 + u // 2, 40 + v // 2, np.where(disc, 220, 80)]).astype(np.uint8)
    return counts, visible


SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "flir_radiometric"


@pytest.fixture
def sample() -> Callable[[str], Path]:
    """Path of a camera's own file, where the development data are."""

    def find(name: str) -> Path:
        path = SAMPLES / name
        if not path.is_file():
            pytest.skip(f"the development data {path} is not here")
        return path

    return find
