"""The thermal camera's sensor: blur, fixed-pattern noise, temporal noise (NETD) and drift, 16-bit counts."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import CountsToKelvin, Float32
from rigsight.edge.simulation.splits import Draw

BANK_MARGIN = 96
KELVIN_PER_COUNT = 0.04
MAX_COUNT = (1 << 14) - 1


class ThermalSensor:
    """Kelvin to counts: counts = (kelvin - offset) / gain, within 14 bit."""

    def __init__(self, draw: Draw, width: int, height: int) -> None:
        self.counts_to_kelvin = CountsToKelvin(KELVIN_PER_COUNT, draw.uniform(-20.0, 20.0))
        self.blur_px = draw.uniform(0.55, 0.8)
        self.netd_k = draw.uniform(0.04, 0.07)
        self.drift_k = draw.uniform(0.2, 0.6)
        self.drift_period = draw.uniform(300.0, 900.0)
        self.phase = draw.uniform(0.0, 2 * np.pi)
        rng = draw.rng
        columns = rng.standard_normal((1, width)) * 0.03
        pixels = rng.standard_normal((height, width)) * 0.04
        v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        # Narcissus: the cold detector sees itself, a faint bowl over the picture.
        bowl = draw.uniform(-0.25, 0.25) * (u * u + v * v)
        self.fixed_pattern: Float32 = (columns + pixels + bowl).astype(np.float32)
        self._bank = rng.standard_normal((height + BANK_MARGIN, width + BANK_MARGIN), dtype=np.float32)

    def drift(self, index: int) -> float:
        """Offset error at a time step, kelvin."""
        return float(self.drift_k * np.sin(2 * np.pi * index / self.drift_period + self.phase))

    def __call__(self, kelvin: Float32, index: int, rng: np.random.Generator) -> NDArray[np.uint16]:
        """Counts uint16 [H,W] of apparent temperature float32 [H,W], kelvin."""
        height, width = kelvin.shape
        top, left = rng.integers(0, BANK_MARGIN, 2)
        noise = self._bank[top : top + height, left : left + width]
        seen = np.asarray(cv2.GaussianBlur(kelvin, (5, 5), self.blur_px), dtype=np.float32)
        seen += self.fixed_pattern + np.float32(self.netd_k) * noise
        seen += np.float32(self.drift(index) - self.counts_to_kelvin.offset)
        seen *= np.float32(1 / self.counts_to_kelvin.gain)
        return np.clip(np.rint(seen), 0, MAX_COUNT).astype(np.uint16)
