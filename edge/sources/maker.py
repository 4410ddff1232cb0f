"""Decoded pixels become read-only frames in pooled buffers."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np

from rigsight.edge.frames import Frame, Image, PixelFormat, TimeSource
from rigsight.edge.pool import FramePool, read_only

POOL_CAPACITY = 32  # a camera: those that wait for a partner, and one or two a stage and queue
NO_BUFFER = "no free buffer"


class SourceClosed(Exception):
    """The source was closed while somebody still read from it; it ends what ``frames()`` yields."""


class FrameMaker:
    """Copies pixels into pooled buffers, a pool for each camera.

    In live pace a camera without a free buffer is a counted drop, in step pace it is waited for.
    """

    def __init__(self, live: bool, cameras: tuple[str, ...], capacity: int = POOL_CAPACITY) -> None:
        self.live = live
        self.pools = {camera: FramePool(capacity) for camera in cameras}
        self.dropped: Counter[str] = Counter()

    def make(self, camera: str, pixels: Image, captured_ns: int, sequence: int) -> Frame | None:
        """A frame of BGR uint8 [H,W,3], or thermal uint8 or uint16 [H,W]; None when there was no buffer.

        Raises:
            SourceClosed: :meth:`close` was called.
            RigsightError: RUN-003 in step pace when no buffer comes back.
        """
        pool = self.pools[camera]
        take = pool.take if self.live else pool.take_or_wait
        taken = take(pixels.shape, pixels.dtype)
        if pool.closed:
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
        for pool in self.pools.values():
            pool.close()
