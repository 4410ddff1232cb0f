"""Pictures to calibrate and to judge with, wherever they come from.

They go through the deployed preprocessing, paired where the network takes two cameras.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.select import tiled
from rigsight.edge.frames import UInt8
from rigsight.export.precision.recorder import Feeds, Recorder

_T = TypeVar("_T")


@dataclass(frozen=True)
class Score:
    """``value`` in 0..1 of the metric named; ``worst`` uint8 [H,W,3] shows the worst cases, None without."""

    value: float
    metric: str
    worst: UInt8 | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Spread:
    """What the calibration pictures cover, for people to judge.

    ``dark`` is the share of visible pictures with a mean luma below 60 of 255; ``thermal`` the lowest and
    highest mean of a thermal picture, in the data's own units (counts, or levels of 255).
    """

    pictures: int
    dark: float | None = None
    thermal: tuple[float, float] | None = None

    def words(self) -> str:
        """One line."""
        parts = [f"{self.pictures} pictures"]
        if self.dark is not None:
            parts.append(f"{self.dark:.0%} of them dark")
        if self.thermal is not None:
            parts.append(f"mean thermal level {self.thermal[0]:.0f} to {self.thermal[1]:.0f}")
        return ", ".join(parts)


class Material(ABC):
    """Where pictures come from. ``digest`` identifies the calibration pictures, byte for byte."""

    name: str
    digest: str
    spread: Spread

    def feeds(self, bundle: Bundle, graph: Engine, most: int) -> list[Feeds]:
        """At most ``most`` inputs of the graph (tiles, where the bundle has tiles), evenly taken."""
        recorder = Recorder(graph)
        self._run(bundle, tiled(recorder, bundle))
        return evenly(recorder.feeds, most)

    @abstractmethod
    def score(self, bundle: Bundle, graph: Engine, worst: int = 0) -> Score:
        """What a robot with this graph would score on the pictures to judge with."""

    @abstractmethod
    def _run(self, bundle: Bundle, engine: Engine) -> None:
        """Put the calibration pictures through the bundle's chain with ``engine``."""


def evenly(items: Sequence[_T], most: int) -> list[_T]:
    """At most ``most`` of them, the first and the last included."""
    if len(items) <= most:
        return list(items)
    return [items[int(i)] for i in np.linspace(0, len(items) - 1, most)]
