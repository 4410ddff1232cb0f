"""``--rgb URI --thermal URI``: two one-camera sources as one, in the order of their stamps."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

from rigsight.calibration.rig import Rig
from rigsight.edge import codes
from rigsight.edge.devices.instruments import Readings
from rigsight.edge.frames import Frame
from rigsight.edge.sources.base import KnowsReadings, Source


class MergedSource:
    """See :class:`rigsight.edge.sources.base.Source`. Names and truth are those of the first source."""

    aligned = realtime = False
    rig: Rig | None = None

    def __init__(self, first: Source, second: Source) -> None:
        """Raises SRC-001 when both stand for one camera or their paces differ."""
        shared = set(first.cameras) & set(second.cameras)
        if shared:
            raise codes.BAD_URI(
                f"both sources are the camera '{min(shared)}'", fix="Give one as the other role."
            )
        if first.live != second.live:
            raise codes.BAD_URI(
                "one source is stepped, the other live",
                fix="Give both the same pace: ?pace=step or ?pace=live.",
            )
        self._sources = (first, second)
        self.cameras = first.cameras + second.cameras
        self.live = first.live
        self.sensor = first.sensor and second.sensor
        counts = [source.count for source in self._sources if source.count is not None]
        self.count = max(counts) if len(counts) == 2 else None

    def frames(self) -> Iterator[Frame]:
        """Yield the frames of both, earliest stamp first."""
        return heapq.merge(*(s.frames() for s in self._sources), key=lambda frame: frame.captured_ns)

    def name(self, sequence: int) -> str | None:
        """File stem in the first source."""
        return self._sources[0].name(sequence)

    def truth(self, sequence: int) -> Any | None:
        """Truth of the first source."""
        return self._sources[0].truth(sequence)

    def readings(self, sequence: int) -> Readings | None:
        """What the first source that knows something knows."""
        known = (s.readings(sequence) for s in self._sources if isinstance(s, KnowsReadings))
        return next((readings for readings in known if readings is not None), None)

    def dropped(self) -> dict[str, int]:
        """Drops of both."""
        return {**self._sources[0].dropped(), **self._sources[1].dropped()}

    def close(self) -> None:
        """Close both."""
        for source in self._sources:
            source.close()
