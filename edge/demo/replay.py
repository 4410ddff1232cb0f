"""A source that replays pictures from memory, and a sink that keeps predictions there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rigsight.calibration.rig import Rig
from rigsight.edge.frames import CountsToKelvin, Frame, Image, PixelFormat, Prediction, TimeSource, UInt8


@dataclass(frozen=True, slots=True)
class Rendered:
    """One rendered set: ``rgb`` uint8 [H,W,3], ``thermal`` uint16 [H,W], ``labels`` uint8 [H,W] on the
    native RGB picture, ``illumination`` 1 by day and 0 at night."""

    rgb: UInt8
    thermal: Image
    labels: UInt8
    illumination: float
    captured_ns: int


class ReplaySource:
    """Rendered sets as a source of frames; ``first`` is the number of its first set in the whole run."""

    cameras: tuple[str, ...] = ("rgb", "thermal")
    aligned = live = realtime = False
    sensor = True
    rig: Rig | None = None

    def __init__(self, sets: Sequence[Rendered], radiometry: CountsToKelvin, first: int = 0) -> None:
        self._sets, self._radiometry, self._first = sets, radiometry, first
        self.count: int | None = len(sets)

    def frames(self) -> Iterator[Frame]:
        """Both frames of every set, RGB first."""
        for sequence, each in enumerate(self._sets):
            stamp = each.captured_ns
            yield Frame("rgb", each.rgb, stamp, sequence, PixelFormat.RGB8, TimeSource.TRIGGER)
            yield Frame(
                "thermal",
                each.thermal,
                stamp,
                sequence,
                PixelFormat.MONO16,
                TimeSource.TRIGGER,
                counts_to_kelvin=self._radiometry,
            )

    def name(self, sequence: int) -> str | None:
        """The set's number in the whole run."""
        return f"{self._first + sequence:04d}"

    def truth(self, sequence: int) -> Rendered | None:
        """The set itself."""
        return self._sets[sequence]

    def dropped(self) -> dict[str, int]:
        """Memory loses nothing."""
        return {}

    def close(self) -> None:
        """Nothing to close."""


class KeepingSink:
    """Keeps copies of all predictions."""

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []

    def write(self, prediction: Prediction) -> None:
        """Keep one."""
        aligned = prediction.aligned
        kept = replace(aligned, rgb=aligned.rgb.copy(), thermal=aligned.thermal.copy())
        self.predictions.append(replace(prediction, aligned=kept))

    def close(self) -> None:
        """Nothing to close."""
