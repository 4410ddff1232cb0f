"""mrcal's .cameramodel: the text of a Python dictionary, one file a camera.

``extrinsics`` (rt_fromref, until mrcal 2) and ``rt_cam_ref`` (mrcal 3) are the same six numbers: rotation
vector and translation that map the reference frame into the camera's. ``extrinsics`` is written, which
every version reads. mrcal's OpenCV models have OpenCV's order; it has no Kannala-Brandt lens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.exchange.reading import MAX_DEPTH, MAX_VALUES, Entry, Source, digits
from rigsight.calibration.exchange.record import (
    CameraRecord,
    camera_matrix,
    image_size,
    padded,
    plain_name,
    pose_of,
    radtan,
    refuse_skew,
)
from rigsight.calibration.exchange.rotations import from_vector, vector_of

NAME = "mrcal"
REFITS = (("pinhole-radtan", 8),)
COUNTS = {"PINHOLE": 0, "OPENCV4": 4, "OPENCV5": 5, "OPENCV8": 8, "OPENCV12": 12}
MAX_BYTES = 32 << 20  # optimization_inputs, all observations of the calibration, may stand in the file

_TOKEN = re.compile(
    rb"""\s+ | \#[^\n]*                                         # blanks and comments
    | (?P<mark>[{}\[\]():,])
    | (?P<bytes>b'[^'\\\n]*' | b"[^"\\\n]*")
    | (?P<word>'[^'\\\n]*' | "[^"\\\n]*")
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<none>None|True|False)""",
    re.VERBOSE,
)
_END = {b"{": b"}", b"[": b"]", b"(": b")"}


def encode(cameras: Sequence[CameraRecord]) -> dict[str, str]:
    """File name -> text. Raises CAL-063 for a fisheye and for a skew."""
    files = {}
    for camera in cameras:
        refuse_skew(camera, NAME)
        if camera.model == "fisheye":
            raise codes.EXPORT_LOSSY(
                f"mrcal has no Kannala-Brandt fisheye, and camera '{camera.name}' is one", where=camera.where
            )
        D = padded(camera, (0, 4, 5, 8), NAME)
        model = f"OPENCV{len(D)}" if D else "PINHOLE"
        K, T = camera.K, pose_of(camera)
        width, height = image_size(camera)
        files[f"{camera.name}.cameramodel"] = "\n".join(
            [
                "{",
                f"    'lensmodel':  'LENSMODEL_{model}',",
                "",
                "    # fx, fy, cx, cy, distortion coefficients",
                f"    'intrinsics': [ {digits((K[0, 0], K[1, 1], K[0, 2], K[1, 2], *D))} ],",
                "",
                "    # rotation vector and translation from the reference frame to the camera's (rt_fromref)",
                f"    'extrinsics': [ {digits((*vector_of(T[:3, :3]), *T[:3, 3]))} ],",
                "",
                f"    'imagersize': [ {width}, {height} ]",
                "}",
                "",
            ]
        )
    return files


def decode(sources: Sequence[Source]) -> list[CameraRecord]:
    """The cameras, one of each file; poses relative to the first one's.

    Raises:
        RigsightError: CAL-060, CAL-061, CAL-062.
    """
    entries = [Entry(_Parser(source).parse(), "", source.path) for source in sources]
    poses = []
    for entry in entries:
        values = np.array(entry.need("rt_cam_ref", "extrinsics").numbers(6))
        pose = np.eye(4)
        pose[:3, :3] = from_vector(values[:3])
        pose[:3, 3] = values[3:]
        poses.append(pose)
    first = np.linalg.inv(poses[0])
    cameras = [_camera(entry, f"cam{index}") for index, entry in enumerate(entries)]
    return [
        replace(camera, pose=pose @ first, is_reference=bool((pose == np.eye(4)).all()))
        for camera, pose in zip(cameras, poses, strict=True)
    ]


def _camera(entry: Entry, fallback: str) -> CameraRecord:
    model = entry.need("lensmodel", "distortion_model").word()
    short = model.removeprefix("LENSMODEL_").removeprefix("DISTORTION_").replace("NONE", "PINHOLE")
    if short not in COUNTS:
        raise codes.EXCHANGE_UNSUPPORTED(
            f"'lensmodel' is {model[:60]}, which is no model of rigsight's",
            where=entry.path,
            fix="Run 'mrcal-convert-lensmodel LENSMODEL_OPENCV8 FILE' and read what it writes.",
        )
    fx, fy, cx, cy, *D = entry.need("intrinsics").numbers(4 + COUNTS[short])
    imager = entry.need("imagersize")
    imager.numbers(2)
    size = imager.children()
    return CameraRecord(
        name=plain_name(entry.path.stem, fallback),
        model="pinhole-radtan",
        K=camera_matrix(fx, fy, cx, cy),
        D=radtan(D, "intrinsics", entry.path),
        size=(size[0].integer(1, 65536), size[1].integer(1, 65536)),
        pose=None,
        where=entry.path,
    )


class _Parser:
    """Dictionaries, lists, tuples, strings, numbers and None; nothing else of Python, no escapes."""

    def __init__(self, source: Source) -> None:
        self.path = source.path
        self.data = source.data
        self.position = 0
        self.values = 0
        self.kind, self.token = "", b""

    def parse(self) -> Any:
        """The dictionary. Raises CAL-060."""
        self._next()
        value = self._value(0)
        if self.kind != "end" or not isinstance(value, dict):
            raise self._wrong()
        return value

    def _wrong(self) -> Exception:
        line = self.data.count(b"\n", 0, self.position) + 1
        return codes.EXCHANGE_UNREADABLE(f"not a cameramodel: line {line} is not understood", where=self.path)

    def _next(self) -> None:
        while self.position < len(self.data):
            match = _TOKEN.match(self.data, self.position)
            if match is None:
                raise self._wrong()
            self.position = match.end()
            if match.lastgroup is not None:
                self.kind, self.token = match.lastgroup, match.group()
                return
        self.kind, self.token = "end", b""

    def _value(self, depth: int) -> Any:
        kind, token = self.kind, self.token
        self.values += 1
        if self.values > MAX_VALUES:
            raise self._wrong()
        if kind == "mark" and token in _END and depth < MAX_DEPTH:
            return self._dictionary(depth) if token == b"{" else self._list(token, depth)
        if kind in ("", "end", "mark"):
            raise self._wrong()
        self._next()
        if kind == "word":
            try:
                return token[1:-1].decode()
            except UnicodeDecodeError:
                raise self._wrong() from None
        return token.decode() if kind == "number" else None

    def _dictionary(self, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        self._next()
        while self.token != b"}" or self.kind != "mark":
            if self.kind != "word":
                raise self._wrong()
            key = self._value(depth)
            if key in result or self.token != b":":
                raise self._wrong()
            self._next()
            result[key] = self._value(depth + 1)
            self._comma(b"}")
        self._next()
        return result

    def _list(self, opening: bytes, depth: int) -> list[Any]:
        result = []
        closing = _END[opening]
        self._next()
        while self.token != closing or self.kind != "mark":
            result.append(self._value(depth + 1))
            self._comma(closing)
        self._next()
        return result

    def _comma(self, closing: bytes) -> None:
        if self.kind == "mark" and self.token == b",":
            self._next()
        elif self.kind != "mark" or self.token != closing:
            raise self._wrong()
