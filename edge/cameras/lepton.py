"""The telemetry rows of a FLIR Lepton.

Facts: Lepton Engineering Datasheet 500-0659-00-09 rev. 203, "Telemetry Data Content and Encoding" and table
3, "Status Bit Encoding". Rows A, B, C are 80 words of 16 bits each; 32-bit values have their low word first
(as flirpy, leptonic and The Cacophony Project's readers also take them).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from rigsight.edge.frames import CountsToKelvin, Image

_ROW = 80
_C = 2 * _ROW
CENTIKELVIN = CountsToKelvin(0.01, 0.0)
DECIKELVIN = CountsToKelvin(0.1, 0.0)
# Temperatures of the sensor in 0.01 K: the camera works from -10 to 80 degrees Celsius, and says so outside.
_COLDEST, _HOTTEST = 20000, 40000


class LeptonFfc(IntEnum):
    """What the flat-field correction does."""

    NEVER = 0
    IMMINENT = 1
    IN_PROGRESS = 2
    COMPLETE = 3


@dataclass(frozen=True, slots=True)
class LeptonTelemetry:
    """What a Lepton says with every picture.

    ``uptime_ms`` and ``last_ffc_ms`` are milliseconds since its start, ``frame_counter`` counts pictures (a
    repeated one is the same picture again), temperatures are kelvin. ``scale`` is None where counts are no
    temperatures (TLinear is off).
    """

    uptime_ms: int
    ffc: LeptonFfc
    ffc_desired: bool
    shutter_locked: bool
    overheating: bool
    frame_counter: int
    sensor_kelvin: float
    housing_kelvin: float
    sensor_at_ffc_kelvin: float
    last_ffc_ms: int
    scale: CountsToKelvin | None

    def words(self) -> dict[str, Any]:
        """Plain values under plain names."""
        return {
            "uptime_ms": self.uptime_ms,
            "ffc": self.ffc.name.lower(),
            "ffc_desired": self.ffc_desired,
            "shutter_locked": self.shutter_locked,
            "overheating": self.overheating,
            "frame_counter": self.frame_counter,
            "sensor_kelvin": self.sensor_kelvin,
            "housing_kelvin": self.housing_kelvin,
            "sensor_at_ffc_kelvin": self.sensor_at_ffc_kelvin,
            "last_ffc_ms": self.last_ffc_ms,
        }


def parse_telemetry(rows: Image) -> LeptonTelemetry | None:
    """Telemetry of uint16 ``rows`` [2,160] (Lepton 3) or [3,80] (Lepton 2); None where they hold none.

    Rows that hold pixels are told by a sensor's temperature that no sensor has.
    """
    words = np.asarray(rows, np.uint16).reshape(-1).tolist()
    if len(words) < 3 * _ROW or not words[0] or not _COLDEST <= words[24] <= _HOTTEST:
        return None

    def double(at: int) -> int:
        return int(words[at] | words[at + 1] << 16)

    status = double(3)
    return LeptonTelemetry(
        uptime_ms=double(1),
        ffc=LeptonFfc(status >> 4 & 3),
        ffc_desired=bool(status >> 3 & 1),
        shutter_locked=bool(status >> 15 & 1),
        overheating=bool(status >> 20 & 1),
        frame_counter=double(20),
        sensor_kelvin=words[24] / 100,
        housing_kelvin=words[26] / 100,
        sensor_at_ffc_kelvin=words[29] / 100,
        last_ffc_ms=double(30),
        scale=(CENTIKELVIN if words[_C + 49] else DECIKELVIN) if words[_C + 48] else None,
    )
