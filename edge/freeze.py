"""Frozen frames: a live sensor's noise never repeats, so an exact repeat is not a new picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rigsight.edge.frames import Flag, Frame

_SAMPLES = 64


class FreezeDetector:
    """Flags a frame whose pixels equal those of the camera's previous frame.

    A thin sample (64 rows by 64 columns) is compared first, so that a moving picture costs microseconds; only
    when it agrees are all pixels compared. The previous frame is held until the next one comes.
    """

    def __init__(self) -> None:
        self._previous: dict[str, Frame] = {}

    def __call__(self, frame: Frame) -> Frame:
        """The frame, with ``Flag.FROZEN`` when it repeats the one before."""
        before = self._previous.get(frame.camera)
        frozen = before is not None and _same(before, frame)
        if frame.lease is not None:
            frame.lease.hold()
        self._previous[frame.camera] = frame
        if before is not None:
            before.release()
        return replace(frame, flags=frame.flags | {Flag.FROZEN}) if frozen else frame

    def close(self) -> None:
        """Let go of the frames kept for comparison."""
        for frame in self._previous.values():
            frame.release()
        self._previous.clear()


def _same(a: Frame, b: Frame) -> bool:
    if a.data.shape != b.data.shape or a.data.dtype != b.data.dtype:
        return False
    rows, columns = (max(1, length // _SAMPLES) for length in a.data.shape[:2])
    if not np.array_equal(a.data[::rows, ::columns], b.data[::rows, ::columns]):
        return False
    return bool(np.array_equal(a.data, b.data))
