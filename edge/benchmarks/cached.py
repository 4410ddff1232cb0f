"""Frame sets resident in memory as a source: nothing is rendered, decoded or read while time is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2

from rigsight.edge.benchmarks.scene import PERIOD_NS
from rigsight.edge.frames import Frame, FrameSet
from rigsight.edge.sources.base import ROLES
from rigsight.edge.sources.files import FileSource


class CachedSource(FileSource):
    """The same few sets in turn. ``pooled`` copies every frame into a leased buffer, as a camera does."""

    def __init__(self, sets: list[FrameSet], count: int, pooled: bool) -> None:
        super().__init__(ROLES, live=False)
        self.count, self._pooled = count, pooled
        self._sets = sets
        # The maker takes what decoders give: BGR.
        self._decoded = [
            {
                "rgb": cv2.cvtColor(frames.frames["rgb"].data, cv2.COLOR_RGB2BGR),
                "thermal": frames.frames["thermal"].data,
            }
            for frames in (sets if pooled else [])
        ]

    def frames(self) -> Iterator[Frame]:
        """Yield ``count`` sets' frames at 30 Hz by their stamps."""
        for sequence in range(self.count or 0):
            stamp, place = sequence * PERIOD_NS, sequence % len(self._sets)
            for role, frame in self._sets[place].frames.items():
                if not self._pooled:
                    yield replace(frame, captured_ns=stamp, sequence=sequence)
                    continue
                made = self.maker.make(role, self._decoded[place][role], stamp, sequence)
                if made is not None:
                    yield made
