"""``video:FILE``: RGB, thermal, fused and mask side by side."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2

from rigsight.base.files import cannot_write, make_folder
from rigsight.edge import codes
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import Prediction
from rigsight.edge.render import side_by_side
from rigsight.edge.sources.pictures import quiet_opencv
from rigsight.edge.sources.uri import Uri

CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "MJPG", ".webm": "VP80"}


class VideoSink:
    """The file carries a temporary name until it is closed, so that the final name always plays."""

    def __init__(self, path: str | Path, classes: Sequence[ClassEntry], fps: float = 10.0) -> None:
        """Raises RUN-004 for a suffix without codec, IO-001 where nothing can be written."""
        self.path, self._classes, self._fps = Path(path), classes, fps
        if self.path.suffix.lower() not in CODECS:
            raise codes.VIDEO_UNWRITABLE(f"the suffix '{self.path.suffix}' names no video", where=self.path)
        make_folder(self.path.parent)
        if self.path.is_dir():
            raise cannot_write(IsADirectoryError(0, "it is a folder"), self.path)
        try:
            handle, name = tempfile.mkstemp(
                prefix=".part-", suffix=self.path.suffix.lower(), dir=self.path.parent
            )
        except OSError as error:
            raise cannot_write(error, self.path) from error
        os.close(handle)
        self._temporary = Path(name)
        self._writer: Any = None
        self._size = (0, 0)

    @classmethod
    def from_uri(cls, uri: Uri, classes: Sequence[ClassEntry]) -> VideoSink:
        """Option ``fps`` (of playing; 10). Raises SRC-001."""
        uri.check(("fps",))
        return cls(uri.path, classes, uri.number("fps", 10.0, low=0.1, high=1000))

    def write(self, prediction: Prediction) -> None:
        """Append one picture. Raises RUN-004."""
        picture = cv2.cvtColor(side_by_side(prediction, self._classes), cv2.COLOR_RGB2BGR)
        if self._writer is None:
            self._size = (picture.shape[1], picture.shape[0])
            self._open(self._size)
        elif self._size != picture.shape[1::-1]:  # photos of another size; the encoder would drop them
            picture = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(picture)

    def close(self) -> None:
        """Finish the file and give it its final name; without a picture there is no file. Raises IO-001."""
        writer, self._writer = self._writer, None
        if writer is None:
            self._temporary.unlink(missing_ok=True)
            return
        writer.release()
        try:
            if self._temporary.stat().st_size == 0:
                raise OSError(0, "the encoder wrote nothing; is the disk full?")
            self._temporary.chmod(0o644)
            os.replace(self._temporary, self.path)
        except OSError as error:
            self._temporary.unlink(missing_ok=True)
            raise cannot_write(error, self.path) from error

    def _open(self, size: tuple[int, int]) -> None:
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        codec = cv2.VideoWriter.fourcc(*CODECS[self.path.suffix.lower()])
        with quiet_opencv(), _no_stderr():
            self._writer = cv2.VideoWriter(str(self._temporary), cv2.CAP_FFMPEG, codec, self._fps, size)
        if not self._writer.isOpened():
            raise codes.VIDEO_UNWRITABLE("this OpenCV has no encoder for it", where=self.path)


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """Drop what OpenCV prints past its own log: a harmless remark about the codec tag of every WebM file."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
