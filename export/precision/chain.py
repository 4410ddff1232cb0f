"""What every graph of a bundle is fed when pictures go through the real chain, host steps included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.engines.instances import InstanceEngine
from rigsight.export import codes
from rigsight.export.precision.recorder import Feeds


class Tap(Engine):
    """An engine that runs, and keeps copies of what it was fed since somebody last looked."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.inputs, self.outputs = engine, engine.inputs, engine.outputs
        self.heard: list[Feeds] = []

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """See :class:`rigsight.edge.engines.base.Engine`."""
        self.heard.append({name: np.array(feeds[name]) for name in self.inputs})
        return self.engine.infer(feeds)

    def close(self) -> None:
        """The engine's own."""
        self.engine.close()


def part_feeds(engine: Engine, part: str, pictures: Sequence[Feeds]) -> Iterator[Feeds]:
    """What ``part`` of a float32 engine is fed for each of ``pictures`` (inputs of ``main``), one at a time.

    A picture without detections feeds the masks nothing; of one with many the best are taken. Regions that
    only fill up a fixed number are replaced by real ones: ranges are those of what the robot sees.

    Raises:
        RigsightError: EXP-101 where no picture feeds it anything.
    """
    if part == "main" or not isinstance(engine, InstanceEngine):
        yield from pictures
        return
    tap = Tap(engine.parts[part])
    tapped = InstanceEngine({**engine.parts, part: tap}, engine.steps)
    fed = False
    for picture in pictures:
        tap.heard.clear()
        tapped.infer(picture)
        for feeds in tap.heard[:1]:
            if feeds["regions"].any():
                fed = True
                yield _filled(feeds)
    if not fed:
        raise codes.CALIBRATION_SET(
            f"the network finds nothing in the calibration pictures: '{part}' is never run",
            fix="Train it for longer, or choose pictures with things in them, with --calibrate.",
        )


def _filled(feeds: Feeds) -> Feeds:
    """Real regions, again and again, where zeros fill up; every row keeps its class."""
    regions = feeds["regions"]
    rows = np.resize(np.flatnonzero(regions.any(axis=1)), len(regions))
    count = len(regions)
    return {name: value[rows] if value.shape[0] == count else value for name, value in feeds.items()}
