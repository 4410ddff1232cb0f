"""Benewake TFmini and TFmini Plus: nine bytes for every measurement.

``59 59 distL distH strengthL strengthH x x sum``; from the manuals SJ-PM-TFmini-T-01 A03 and
SJ-PM-TFmini Plus-T-01 A04, which also say from which strength on a distance counts.
"""

from __future__ import annotations

import re
from typing import Literal

from rigsight.edge.protocols.crc import sum8
from rigsight.edge.protocols.ranges import Distance
from rigsight.edge.protocols.scan import BAD, WAIT, FrameScanner

Model = Literal["tfmini", "plus"]
Unit = Literal["cm", "mm"]

FRAME_BYTES = 9
HEADER = 0x59
SATURATED = 0xFFFF
LEAST_STRENGTH: dict[Model, int] = {"tfmini": 20, "plus": 100}
FARTHEST_CM = 1200
# Negative distances of newer firmware, as unsigned 16 bits.
NO_DISTANCE = {
    0xFFFF: "the signal is too weak",
    0xFFFE: "the signal saturates the sensor",
    0xFFFC: "ambient light saturates the sensor",
}


class TfminiDecoder(FrameScanner[Distance]):
    """Decodes TFmini and TFmini Plus frames; two header bytes inside a frame do no harm."""

    starts = re.compile(b"\x59")
    longest_bytes = FRAME_BYTES

    def __init__(self, model: Model = "plus", unit: Unit = "cm") -> None:
        """``unit`` is what the device was set to; it leaves the factory with cm."""
        super().__init__()
        self._model = model
        self._least = LEAST_STRENGTH[model]
        self._metres = 0.01 if unit == "cm" else 0.001
        self._farthest = FARTHEST_CM if unit == "cm" else 10 * FARTHEST_CM

    def _take(self, buffer: bytearray, at: int) -> tuple[int, list[Distance]]:
        if len(buffer) - at < 2:
            return WAIT, []
        if buffer[at + 1] != HEADER:
            return BAD, []
        if len(buffer) - at < FRAME_BYTES:
            return WAIT, []
        frame = bytes(buffer[at : at + FRAME_BYTES])
        if sum8(frame[:8]) != frame[8]:
            return BAD, []
        return FRAME_BYTES, [self._distance(frame)]

    def _distance(self, frame: bytes) -> Distance:
        raw = frame[2] | frame[3] << 8
        strength = frame[4] | frame[5] << 8
        problem = NO_DISTANCE.get(raw)
        if problem is None and strength == SATURATED:
            problem = NO_DISTANCE[0xFFFE]
        elif problem is None and strength < self._least:
            problem = f"the strength {strength} is below {self._least}"
        elif problem is None and raw == 0:
            problem = "the device reports 0"
        elif problem is None and self._model == "tfmini" and raw >= self._farthest:
            problem = "out of range"  # the first TFmini reports 12 m for everything beyond
        temperature = None
        if self._model == "plus" and (celsius := frame[6] | frame[7] << 8):  # 0: firmware before 1.3.0
            temperature = celsius / 8 - 256
        return Distance(None if problem else raw * self._metres, strength, temperature, problem)
