"""``sim:street|facade|pipe``: the simulated rig as a source, with the faults that real cameras have."""

from __future__ import annotations

import heapq
import re
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from rigsight.calibration.rig import Rig
from rigsight.edge import codes
from rigsight.edge.frames import CountsToKelvin, Frame, Image, PixelFormat, TimeSource
from rigsight.edge.simulation.rig import PERIOD_NS, SimulatedRig, SimulatedSet, Truth
from rigsight.edge.simulation.splits import SCENES, SPLITS, Scene, Split
from rigsight.edge.sources.base import PACES, ROLES
from rigsight.edge.sources.uri import Uri

OPTIONS = (
    "seed", "split", "pairs", "width", "height", "jitter", "drop", "freeze", "late", "die", "pace",
)  # fmt: skip
TRUTHS_KEPT = 256
# A late frame comes a period late, and after the punctual frames of the next instant.
LATE_NS = PERIOD_NS * 5 // 4
_DEATH = re.compile(r"(rgb|thermal)@(\d{1,9})-(\d{1,9})")


@dataclass(frozen=True)
class Faults:
    """What goes wrong. Probabilities are for each frame of each camera.

    ``jitter_s`` is the largest delay of a stamp; ``dead`` holds (role, first, last) with both ends included.
    """

    jitter_s: float = 0.0
    drop: float = 0.0
    freeze: float = 0.0
    late: float = 0.0
    dead: tuple[tuple[str, int, int], ...] = ()


class SimSource:
    """Frames of a :class:`SimulatedRig` at 10 Hz in order of arrival. See ``edge/sources/base.py``."""

    aligned = realtime = False
    sensor = True

    def __init__(
        self,
        simulated: SimulatedRig,
        pairs: int,
        faults: Faults | None = None,
        cameras: tuple[str, ...] = ROLES,
        live: bool = False,
    ) -> None:
        self.simulated, self.faults = simulated, faults or Faults()
        self.cameras = cameras
        self.count: int | None = pairs
        self.live = live
        self.rig: Rig | None = simulated.rig
        self._pairs = pairs
        self._dropped: Counter[str] = Counter()
        self._truths: OrderedDict[int, Truth] = OrderedDict()

    @classmethod
    def from_uri(cls, uri: Uri, role: str | None = None) -> SimSource:
        """Make the source of ``sim:scene?…``. Raises RigsightError SRC-001."""
        uri.check(OPTIONS)
        if uri.path not in SCENES:
            raise codes.BAD_URI(
                f"there is no simulated scene '{uri.path}'",
                where=uri.text,
                fix=f"Scenes: {', '.join(SCENES)}.",
            )
        scene: Scene = next(name for name in get_args(Scene) if name == uri.path)
        split: Split = uri.choice("split", SPLITS, "test")  # type: ignore[assignment]
        simulated = SimulatedRig(
            scene,
            uri.integer("seed", 0),
            split,
            uri.integer("width", 320, low=32),
            uri.integer("height", 240, low=32),
        )
        faults = Faults(
            jitter_s=uri.seconds("jitter", 0.0),
            drop=uri.number("drop", 0.0, high=1.0),
            freeze=uri.number("freeze", 0.0, high=1.0),
            late=uri.number("late", 0.0, high=1.0),
            dead=_deaths(uri),
        )
        if faults.jitter_s * 1e9 >= PERIOD_NS:
            raise uri.bad("jitter", "shorter than the period of 100ms")
        cameras = ROLES if role is None else (role,)
        live = uri.choice("pace", PACES, "step") == "live"
        return cls(simulated, uri.integer("pairs", 200, low=1), faults, cameras, live)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames; lost ones leave gaps in ``sequence``."""
        arrivals: list[tuple[int, int, Frame]] = []
        previous: dict[str, Image] = {}
        number = 0
        for index in range(self._pairs):
            for frame, arrival in self._frames_of(index, previous):
                heapq.heappush(arrivals, (arrival, number, frame))
                number += 1
            while arrivals and arrivals[0][0] < (index + 1) * PERIOD_NS:
                yield heapq.heappop(arrivals)[2]
        while arrivals:
            yield heapq.heappop(arrivals)[2]

    def _frames_of(self, index: int, previous: dict[str, Image]) -> Iterator[tuple[Frame, int]]:
        """The frames of an instant that leave their camera, each with its time of arrival."""
        rendered: SimulatedSet | None = None
        for role in self.cameras:
            draws = np.random.default_rng([self.simulated.seed, index, ROLES.index(role)]).random(4)
            if any(role == who and first <= index <= last for who, first, last in self.faults.dead):
                self._dropped["dead"] += 1
                continue
            if draws[0] < self.faults.drop:
                self._dropped["lost"] += 1
                continue
            if draws[1] < self.faults.freeze and role in previous:
                picture = previous[role]
            else:
                if rendered is None:
                    rendered = self._render(index)
                picture = rendered.rgb if role == "rgb" else rendered.thermal
                picture.flags.writeable = False
            previous[role] = picture
            captured = index * PERIOD_NS + int(draws[2] * self.faults.jitter_s * 1e9)
            delay = LATE_NS if draws[3] < self.faults.late else 0
            yield self._frame(role, picture, index, captured), captured + delay

    def _frame(self, role: str, picture: Image, index: int, captured_ns: int) -> Frame:
        thermal = role == "thermal"
        conversion: CountsToKelvin | None = self.simulated.counts_to_kelvin if thermal else None
        return Frame(
            camera=role,
            data=picture,
            captured_ns=captured_ns,
            sequence=index,
            pixel_format=PixelFormat.MONO16 if thermal else PixelFormat.RGB8,
            # A triggered rig stamps exactly; jitter is what a driver's stamp has.
            time_source=TimeSource.DRIVER if self.faults.jitter_s else TimeSource.TRIGGER,
            counts_to_kelvin=conversion,
        )

    def _render(self, index: int) -> SimulatedSet:
        rendered = self.simulated.render(index)
        self._truths[index] = rendered.truth
        if len(self._truths) > TRUTHS_KEPT:
            self._truths.popitem(last=False)
        return rendered

    def name(self, sequence: int) -> str | None:
        """Six digits."""
        return f"{sequence:06d}"

    def truth(self, sequence: int) -> Any | None:
        """The :class:`Truth` of an instant; rendered again where it is no longer kept."""
        if sequence not in self._truths:
            self._render(sequence)
        return self._truths[sequence]

    def dropped(self) -> dict[str, int]:
        """Frames lost on the way (``lost``) or not taken by a dead camera (``dead``)."""
        return dict(self._dropped)

    def close(self) -> None:
        """Nothing to let go of."""


def _deaths(uri: Uri) -> tuple[tuple[str, int, int], ...]:
    text = uri.options.get("die")
    if text is None:
        return ()
    matches = [_DEATH.fullmatch(part) for part in text.split(",")]
    deaths = [(m[1], int(m[2]), int(m[3])) for m in matches if m]
    if len(deaths) < len(matches) or any(first > last for _, first, last in deaths):
        raise uri.bad("die", "camera@first-last such as thermal@50-80")
    return tuple(deaths)
