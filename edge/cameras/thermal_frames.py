"""What thermal cameras put into a frame beside the picture, one small class a camera.

A class says which formats and sizes to ask for, and takes a raw frame apart: the counts, their scale, and
what the camera says of itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rigsight.edge.cameras.lepton import CENTIKELVIN, LeptonFfc, parse_telemetry
from rigsight.edge.frames import CountsToKelvin, Flag, Image

Sizes = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The picture within a raw frame: uint16 [H,W], a view of it."""

    counts: Image
    scale: CountsToKelvin | None = None
    flags: frozenset[Flag] = frozenset()
    telemetry: Mapping[str, Any] = field(default_factory=dict)


class ThermalCamera(Protocol):
    """How frames of one kind of camera are read.

    Attributes:
        format: the pixel format to ask for; whatever its name, the bytes are 16-bit counts.
        sizes: raw sizes (width, height) that such cameras have, the better first.
    """

    format: str
    sizes: Sizes

    def raw_size(self, wanted: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """The raw sizes that hold a picture of ``wanted``, the better first."""

    def take_apart(self, raw: Image) -> Part | None:
        """The picture in a raw frame, uint16 [H,W]; None where it is the one before once more."""


class Boson:
    """FLIR Boson and Boson+: raw counts without a scale; over USB nothing tells of the shutter.

    Y16 of 640x512 or 320x256 (flirpy and BosonUSB read it so; BosonUSB #2 for what USB lacks). The control
    port, ``boson:`` in docs/devices.md, tells shutter and temperature.
    """

    format = "Y16"
    sizes: Sizes = ((640, 512), (320, 256))

    def raw_size(self, wanted: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """See :class:`ThermalCamera`."""
        return (wanted,)

    def take_apart(self, raw: Image) -> Part | None:
        """See :class:`ThermalCamera`."""
        return Part(raw)


class Lepton:
    """FLIR Lepton on a PureThermal board: Y16, below the picture two rows of telemetry (Lepton 2: three).

    The board's USB descriptors offer 160x120 and 160x122 (GetThermal #67). Without telemetry counts are
    taken for 0.01 K, which is what a radiometric Lepton gives as the board sets it up; with telemetry the
    camera itself says it.
    """

    format = "Y16"
    sizes: Sizes = ((160, 122), (160, 120), (80, 63), (80, 60))

    def __init__(self) -> None:
        self._counter: int | None = None

    def raw_size(self, wanted: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """See :class:`ThermalCamera`."""
        width, height = wanted
        more = {120: 122, 60: 63}.get(height)
        return ((width, more), wanted) if more else (wanted,)

    def take_apart(self, raw: Image) -> Part | None:
        """See :class:`ThermalCamera`."""
        rows = {122: 120, 63: 60}.get(raw.shape[0])
        if rows is None:
            return Part(raw, CENTIKELVIN)
        found = parse_telemetry(raw[rows:])
        if found is None:
            return Part(raw[:rows], None, frozenset(), {"telemetry": "not understood"})
        again, self._counter = found.frame_counter == self._counter, found.frame_counter
        if again:
            return None
        closed = found.ffc is LeptonFfc.IN_PROGRESS
        return Part(raw[:rows], found.scale, frozenset({Flag.SHUTTER} if closed else ()), found.words())


class InfiRay:
    """InfiRay P2 Pro, Topdon TC001 and their kin: two pictures in one frame, which claims to be YUYV.

    The upper half is the 8-bit view, the lower half uint16 little-endian, kelvin = raw / 64 (LeoDJ in the
    EEVblog forum's thread on the P2 Pro; P2Pro-Viewer; PyThermalCamera for the TC001).
    """

    format = "YUYV"
    sizes: Sizes = ((256, 384),)
    scale = CountsToKelvin(1 / 64, 0.0)

    def raw_size(self, wanted: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """See :class:`ThermalCamera`."""
        width, height = wanted
        return ((width, 2 * height),) if height < width else (wanted,)

    def take_apart(self, raw: Image) -> Part | None:
        """See :class:`ThermalCamera`."""
        return Part(raw[raw.shape[0] // 2 :], self.scale)


PROFILES: dict[str, type[Boson] | type[Lepton] | type[InfiRay]] = {
    "boson": Boson,
    "lepton": Lepton,
    "infiray": InfiRay,
}
