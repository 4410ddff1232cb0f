"""Finding frames in a stream of bytes that may hold anything."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

E = TypeVar("E")

WAIT = 0
BAD = -1


class Decoder(Protocol[E]):
    """What every protocol offers. Any bytes are allowed; nothing is raised."""

    @property
    def frames(self) -> int:
        """Frames accepted so far."""

    @property
    def discarded_bytes(self) -> int:
        """Bytes that belonged to no accepted frame."""

    @property
    def pending_bytes(self) -> int:
        """Bytes kept for a frame that is not complete; never more than one frame."""

    def feed(self, data: bytes) -> list[E]:
        """Take the next bytes of the stream, in pieces of any size; returns what they complete, in order."""


class FrameScanner(ABC, Generic[E]):
    """Frames that begin with a known byte.

    A byte that looks like a beginning and is none costs nothing: only itself is discarded and the bytes after
    it are looked at again. So no frame is lost to garbage before it, unless the garbage and the frame's
    head together pass the checksum by chance.
    """

    starts: re.Pattern[bytes]
    longest_bytes: int

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.frames = 0
        self.discarded_bytes = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes kept for a frame that is not complete: at most ``longest_bytes``."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[E]:
        """Take the next bytes; returns the events of the frames that they complete."""
        buffer = self._buffer
        buffer += data
        events: list[E] = []
        at = 0
        while True:
            found = self.starts.search(buffer, at)
            start = len(buffer) if found is None else found.start()
            self.discarded_bytes += start - at
            at = start
            if found is None:
                break
            length, taken = self._take(buffer, at)
            if length == WAIT and len(buffer) - at < self.longest_bytes:
                break
            if length <= 0:
                self.discarded_bytes += 1
                at += 1
                continue
            self.frames += 1
            events += taken
            at += length
        del buffer[:at]
        return events

    @abstractmethod
    def _take(self, buffer: bytearray, at: int) -> tuple[int, list[E]]:
        """The frame that begins at ``at``: its length in bytes and its events.

        ``(WAIT, [])`` when more bytes must come first, ``(BAD, [])`` when no frame begins here.
        """
