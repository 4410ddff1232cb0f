"""``video:FILE``: a video of one camera through OpenCV's FFmpeg, 16-bit grey FFV1 included."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rigsight.edge import codes
from rigsight.edge.frames import Frame
from rigsight.edge.sources.files import FileSource, is_live
from rigsight.edge.sources.pictures import quiet_opencv
from rigsight.edge.sources.uri import Uri

NS_PER_MS = 1_000_000
# FFmpeg's raw tags of one-channel pixels: AV_PIX_FMT_GRAY16LE and GRAY8.
_GREY = (int.from_bytes(b"Y1\x00\x10", "little"), int.from_bytes(b"Y800", "little"))


class VideoSource(FileSource):
    """One camera: ``thermal`` for 16-bit grey, else ``rgb``, unless told otherwise.

    Stamps are the container's. OpenCV silently turns 16-bit grey into 8-bit BGR; here conversion is switched
    off for one-channel videos, so that counts arrive as written.
    """

    def __init__(self, path: str | Path, role: str | None = None, live: bool = False) -> None:
        """Raises SRC-002 for a missing file, SRC-005 when it cannot be opened."""
        self.path = Path(path)
        if not self.path.is_file():
            raise codes.SOURCE_MISSING("there is no such video", where=path, fix="Check the path.")
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # its complaints become our one line
        with quiet_opencv():
            self._capture: Any = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise codes.VIDEO_UNREADABLE("it cannot be opened; it may be cut off", where=path)
        pixels = int(self._capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) & 0xFFFFFFFF
        self._grey = pixels in _GREY
        if self._grey:
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        super().__init__((role or ("thermal" if pixels == _GREY[0] else "rgb"),), live)
        frames, fps = (self._capture.get(p) for p in (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS))
        self.count = int(frames) if frames > 0 else None
        self._period_ms = 1000 / fps if 0 < fps < 1e4 else 100.0

    @classmethod
    def from_uri(cls, uri: Uri, role: str | None) -> VideoSource:
        """Option: ``pace``. Raises SRC-001."""
        uri.check(("pace",))
        return cls(uri.path, role, is_live(uri))

    def frames(self) -> Iterator[Frame]:
        """Yield every picture. Raises SRC-005 when the video ends before its container says, SRC-006."""
        sequence, stamp_ms, previous_ns = 0, -self._period_ms, -1
        while True:
            read, pixels = self._capture.read()
            if not read:
                break
            stamp_ms = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            if round(stamp_ms * NS_PER_MS) <= previous_ns:  # containers without times
                stamp_ms = previous_ns / NS_PER_MS + self._period_ms
            previous_ns = round(stamp_ms * NS_PER_MS)
            frame = self.maker.make(self.cameras[0], self._of_camera(pixels), previous_ns, sequence)
            if frame is not None:
                yield frame
            sequence += 1
        self._check_whole(sequence, stamp_ms)

    def _of_camera(self, pixels: Any) -> Any:
        if self.cameras[0] == "rgb":
            if pixels.dtype != np.uint8:
                raise codes.PICTURE_KIND(
                    "a 16-bit grey video as RGB", where=self.path, fix="Give it as --thermal."
                )
            return cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR) if pixels.ndim == 2 else pixels
        if pixels.ndim == 2:
            return pixels
        grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        spread = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)
        if spread.mean() > 4:  # codecs leave a little colour in grey pictures
            raise codes.PICTURE_KIND("a colourised thermal video", where=self.path)
        return grey

    def _check_whole(self, frames: int, last_ms: float) -> None:
        """By time, not by count: with a variable rate the container's count is only an estimate."""
        expected_ms = (self.count or 0) * self._period_ms
        missing_ms = expected_ms - (last_ms + self._period_ms)
        if frames == 0 or (self.count and missing_ms > max(2.5 * self._period_ms, 0.02 * expected_ms)):
            raise codes.VIDEO_UNREADABLE(
                f"it ends after {frames} of {self.count or 'an unknown number of'} frames", where=self.path
            )
