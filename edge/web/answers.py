"""What the handlers of a web server are given and give back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rigsight.edge.frames import UInt8
from rigsight.edge.web.channel import Channel

# A silent stream says something at this interval, so that both ends notice when the other has gone.
KEEP_ALIVE_S = 5.0
JPEG_QUALITY = 82
BOUNDARY = "rigsight-picture"

TEXT, JSON = "text/plain; charset=utf-8", "application/json"


@dataclass(frozen=True)
class Request:
    """A request that has passed the server's checks. ``data`` is the JSON body of a POST, else None."""

    path: str
    query: dict[str, str]
    data: Any = None


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    body: bytes
    content_type: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stream:
    """An answer that goes on until its parts end or the reader leaves."""

    parts: Iterator[bytes]
    content_type: str


Handler = Callable[[Request], "Answer | Stream"]


def text(words: str, status: int = 200) -> Answer:
    """Plain text."""
    return Answer(words.encode(), TEXT, status)


def as_json(value: Any, status: int = 200) -> Answer:
    """A value as JSON; NaN and infinity, which JSON does not have, become null."""
    return Answer(dump(value).encode(), JSON, status)


def dump(value: Any) -> str:
    """Strict JSON on one line.

    >>> dump({"a": [1.5, float("nan")]})
    '{"a":[1.5,null]}'
    """
    return json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def events(channel: Channel[Any]) -> Handler:
    """Server-Sent Events: every reader gets the newest value as JSON, then each that follows."""

    def parts() -> Iterator[bytes]:
        version = 0
        yield b"retry: 1000\n\n"
        while not channel.closed:
            found = channel.newer_than(version, KEEP_ALIVE_S)
            if found is None:
                yield b": still here\n\n"
                continue
            version, value = found
            yield f"data: {dump(value)}\n\n".encode()

    return lambda request: Stream(parts(), "text/event-stream")


class Pictures:
    """A camera's newest picture as JPEG. It is encoded when somebody looks, once for all who look."""

    def __init__(self) -> None:
        self.raw: Channel[UInt8] = Channel()
        self._encoded: tuple[int, bytes] = (0, b"")

    def put(self, picture: UInt8) -> None:
        """The newest picture, uint8 [H,W,3] RGB or [H,W] grey; it must not change afterwards."""
        self.raw.put(picture)

    def snapshot(self, request: Request) -> Answer:
        """The newest picture as JPEG; 503 while there is none."""
        found = self.raw.newer_than(0, timeout_s=0)
        if found is None:
            return text("no picture has come yet", 503)
        return Answer(self._jpeg(*found), "image/jpeg")

    def stream(self, request: Request) -> Stream:
        """MJPEG (multipart/x-mixed-replace), for players and for pages without scripts."""
        return Stream(self._parts(), f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    def _parts(self) -> Iterator[bytes]:
        version = 0
        while not self.raw.closed:
            found = self.raw.newer_than(version, KEEP_ALIVE_S) or self.raw.newer_than(0, 0)
            if found is None:
                continue
            version = found[0]
            data = self._jpeg(*found)
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            yield head.encode() + data + b"\r\n"

    def _jpeg(self, version: int, picture: UInt8) -> bytes:
        known, data = self._encoded  # replaced as a whole: two readers at worst encode the same picture
        if known != version:
            data = encode_jpeg(picture)
            self._encoded = version, data
        return data


def encode_jpeg(picture: UInt8) -> bytes:
    """A picture uint8 [H,W,3] RGB or [H,W] grey as a JPEG file."""
    import cv2

    pixels = picture[:, :, ::-1] if picture.ndim == 3 else picture
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(data.tobytes())
