"""Decoded pixels become read-only frames in pooled buffers."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np

from rigsight.edge.frames import Frame, Image, PixelFormat, TimeSource
from rigsight.edge.pool import FramePool, read_only

POOL_CAPACITY = 48
NO_BUFFER = "no free buffer"


class SourceClosed(Exception):
    """The source was closed while somebody still read from it; it ends what ``frames()`` yields."""


class FrameMaker:
    """Copies pixels into the pool. In live pace a full pool is a counted drop, in step pace it is awaited."""

    def __init__(self, live: bool, capacity: int = POOL_CAPACITY) -> None:
        self.live, self.pool = live, FramePool(capacity)
        self.dropped: Counter[str] = Counter()

    def make(self, camera: str, pixels: Image, captured_ns: int, sequence: int) -> Frame | None:
        """A frame of BGR uint8 [H,W,3], or thermal uint8 or uint16 [H,W]; None when there was no buffer.

        Raises:
            SourceClosed: :meth:`close` was called.
            RigsightError: RUN-003 in step pace when no buffer comes back.
        """
        take = self.pool.take if self.live else self.pool.take_or_wait
        taken = take(pixels.shape, pixels.dtype)
        if self.pool.closed:
            if taken is not None:
                taken[1].release()
            raise SourceClosed
        if taken is None:
            self.dropped[f"{camera}: {NO_BUFFER}"] += 1
            return None
        picture, lease = taken
        if pixels.ndim == 3:
            cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=picture)
            pixel_format = PixelFormat.RGB8
        else:
            np.copyto(picture, pixels)
            pixel_format = PixelFormat.MONO16 if pixels.dtype == np.uint16 else PixelFormat.MONO8
        return Frame(
            camera=camera,
            data=read_only(picture),
            captured_ns=captured_ns,
            sequence=sequence,
            pixel_format=pixel_format,
            time_source=TimeSource.DRIVER,
            lease=lease,
        )

    def close(self) -> None:
        """Wake a reader that waits for a buffer."""
        self.pool.close()
