"""``gst:NAME`` with the pipeline's text from the profile, which travels as ``gst:NAME?pipeline=…``."""

from __future__ import annotations

from functools import partial
from time import monotonic, monotonic_ns
from urllib.parse import quote, unquote

from rigsight.edge.cameras import codes
from rigsight.edge.cameras.decode import becomes, decode
from rigsight.edge.cameras.driver import PlainDriver, Shot
from rigsight.edge.cameras.gst.library import library
from rigsight.edge.cameras.gst.pipeline import Picture, Pipeline
from rigsight.edge.frames import Flag, PixelFormat, TimeSource
from rigsight.edge.sources.uri import Uri

FIRST_PICTURE_S = 5.0
OLDEST_S = 10.0


def gst_uri(name: str, pipeline: str) -> str:
    """The URI of a pipeline's text.

    >>> gst_uri("front", "videotestsrc ! videoconvert")
    'gst:front?pipeline=videotestsrc%20%21%20videoconvert'
    """
    return f"gst:{name}?pipeline={quote(pipeline, safe='')}"


class GstDriver(PlainDriver):
    """See :class:`rigsight.edge.cameras.driver.Driver`."""

    def __init__(self, name: str, text: str, role: str) -> None:
        """``text`` is a pipeline as gst-launch-1.0 takes it. Raises CAM-008 without GStreamer."""
        self.role, self._where = role, f"gst:{name}"
        self._pipeline = Pipeline(library(), text, role, self._where)
        self._live = False
        self._first: Picture | None = None
        self._sequence, self._offset, self._stamp = -1, -1, 0

    @classmethod
    def from_uri(cls, uri: Uri, role: str) -> GstDriver:
        """Option: ``pipeline``, percent-encoded. Raises CAM-001, and CAM-008 without GStreamer."""
        uri.check(("pipeline",))
        text = unquote(uri.options.get("pipeline", ""))
        if not text.strip():
            raise codes.BAD_CAMERA_URI(
                f"there is no pipeline for '{uri.path}'",
                where=uri.text,
                fix="Give its text as 'pipeline' in the profile, beside the camera's uri.",
            )
        return cls(uri.path, text, role)

    def open(self) -> str:
        """See :class:`Driver`. Raises CAM-001 to CAM-006, CAM-008."""
        version = library().start()
        self._pipeline.open()
        deadline = monotonic() + FIRST_PICTURE_S
        while self._first is None and monotonic() < deadline:
            self._first = self._pipeline.pull(0.1)
        if self._first is None:
            return f"{version}, no picture yet"
        self._live = self._pipeline.is_live()
        how, period = self._first.how, self._first.period_ns
        rate = f" at {1e9 / period:.4g} Hz" if period else ""
        kind = "live" if self._live else "not live: stamped on arrival"
        return f"{version}: {how.format} {how.width}x{how.height}{rate}, {kind}"

    def read(self, timeout_s: float) -> Shot | None:
        """See :class:`Driver`."""
        picture, self._first = self._first or self._pipeline.pull(timeout_s), None
        if picture is None:
            return None
        how = picture.how
        kind = becomes(how.format, self.role)
        if kind is None:
            raise codes.CAMERA_FORMAT(f"{how.format} is not read for {self.role}", where=self._where)
        now = monotonic_ns()
        stamp = picture.clock_ns
        by_source = self._live and stamp is not None and now - OLDEST_S * 1e9 < stamp <= now
        captured_ns = stamp if by_source and stamp is not None else now
        shape = (how.height, how.width)
        return Shot(
            shape=(*shape, 3) if kind is PixelFormat.RGB8 else shape,
            pixel_format=kind,
            captured_ns=captured_ns,
            time_source=TimeSource.DRIVER if by_source else TimeSource.ARRIVAL,
            sequence=self._counted(picture, captured_ns),
            write=partial(decode, picture.data, how),  # type: ignore[arg-type]
            flags=frozenset() if picture.data.size >= how.size else frozenset({Flag.CORRUPT}),
        )

    def close(self) -> None:
        """See :class:`Driver`."""
        self._pipeline.close()

    def _counted(self, picture: Picture, captured_ns: int) -> int:
        """The source's own count; behind a decoder, which keeps none, the pictures that fit in between."""
        if picture.offset is not None and picture.offset > self._offset:
            step = picture.offset - self._offset if self._offset >= 0 else 1
            self._offset = picture.offset
        elif picture.offset is None and self._live and picture.period_ns and self._stamp:
            step = max(1, round((captured_ns - self._stamp) / picture.period_ns))
        else:
            step = 1
        self._stamp = captured_ns
        self._sequence += step
        return self._sequence
