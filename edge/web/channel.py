"""The newest value of something, for any number of readers: none of them slows its writer down."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Channel(Generic[T]):
    """Latest wins: a reader that is slow misses values and never sees an old one twice.

    >>> channel = Channel[str]()
    >>> channel.put("a"); channel.put("b")
    >>> channel.newer_than(0, timeout_s=0)
    (2, 'b')
    >>> channel.newer_than(2, timeout_s=0) is None
    True
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._value: T | None = None
        self._version = 0
        self._closed = False

    def put(self, value: T) -> None:
        """Replace the value and wake every reader."""
        with self._changed:
            self._value = value
            self._version += 1
            self._changed.notify_all()

    def newer_than(self, version: int, timeout_s: float) -> tuple[int, T] | None:
        """(version, value) once it is newer than ``version``; None after the timeout or when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self._closed, timeout_s)
            if self._version <= version or self._value is None:
                return None
            return self._version, self._value

    @property
    def closed(self) -> bool:
        """No more values will come."""
        return self._closed

    def close(self) -> None:
        """Wake every reader for the last time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
