"""A bounded pool of frame buffers, leased to frames and given back by their last holder.

Memory stays flat however long a run lasts, and a reader that keeps frames cannot make it grow: when every
buffer is held the source counts a drop instead.
"""

from __future__ import annotations

import math
import threading
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from rigsight.edge import codes
from rigsight.edge.frames import Image

STEP_TIMEOUT_S = 20.0


class SlotOwner(Protocol):
    """Whose buffers are leased."""

    def give_back(self, slot: int) -> None:
        """Nobody holds the slot any more."""


class BufferLease:
    """One leased buffer and its count of holders; starts with one. Safe to share between threads."""

    __slots__ = ("_holders", "_lock", "_owner", "_slot")

    def __init__(self, owner: SlotOwner, slot: int) -> None:
        self._owner, self._slot, self._holders = owner, slot, 1
        self._lock = threading.Lock()

    def hold(self) -> None:
        """Add one holder. Raises RuntimeError when the buffer has already gone back."""
        with self._lock:
            if self._holders == 0:
                raise RuntimeError("the frame was released before it was held")
            self._holders += 1

    def release(self) -> None:
        """Let go. Raises RuntimeError when there is no holder left to let go."""
        with self._lock:
            if self._holders == 0:
                raise RuntimeError("the frame was released more often than it was held")
            self._holders -= 1
            last = self._holders == 0
        if last:
            self._owner.give_back(self._slot)


class FramePool:
    """At most ``capacity`` buffers, each as large as the largest picture it has carried.

    >>> pool = FramePool(capacity=1)
    >>> picture, lease = pool.take((2, 3), np.uint16)
    >>> pool.take((2, 3), np.uint16) is None
    True
    >>> lease.release()
    >>> pool.free
    1
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._buffers: list[Image] = [np.empty(0, np.uint8) for _ in range(capacity)]
        self._free = list(range(capacity))
        self._returned = threading.Condition()
        self.closed = False

    @property
    def free(self) -> int:
        """Buffers that nobody holds."""
        with self._returned:
            return len(self._free)

    def take(
        self, shape: tuple[int, ...], dtype: DTypeLike, wait_s: float = 0.0
    ) -> tuple[Image, BufferLease] | None:
        """A writable picture of that shape and type and its lease; None when all are held for ``wait_s``.

        The contents are whatever the last frame left there. Hand :func:`read_only` of it to others.
        """
        with self._returned:
            if not self._returned.wait_for(lambda: self._free or self.closed, wait_s) or not self._free:
                return None
            slot = self._free.pop()
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if self._buffers[slot].size < size:
            self._buffers[slot] = np.empty(size, np.uint8)
        picture = self._buffers[slot][:size].view(dtype).reshape(shape)
        return picture, BufferLease(self, slot)

    def take_or_wait(self, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[Image, BufferLease] | None:
        """For ``pace=step``, where nothing is dropped: wait until a buffer comes back.

        None only when the pool was closed meanwhile. Raises RUN-003 when none comes back for 20 seconds:
        then somebody keeps frames without releasing them.
        """
        taken = self.take(shape, dtype, STEP_TIMEOUT_S)
        if taken is None and not self.closed:
            raise codes.BUFFERS_HELD(
                f"none of {self.capacity} buffers came back within {STEP_TIMEOUT_S:.0f} s"
            )
        return taken

    def close(self) -> None:
        """Wake whoever waits; frames that are still held stay valid."""
        with self._returned:
            self.closed = True
            self._returned.notify_all()

    def give_back(self, slot: int) -> None:
        """The buffer is free again; called by its lease."""
        with self._returned:
            self._free.append(slot)
            self._returned.notify()


def read_only(picture: Image) -> Image:
    """A view of the same pixels that cannot be written through."""
    view = picture.view()
    view.flags.writeable = False
    return view
