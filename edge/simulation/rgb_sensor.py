"""The colour camera's sensor: blur, exposure, shot and read noise, gamma."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.edge.frames import Float32, UInt8
from rigsight.edge.simulation.splits import Draw

BANK_MARGIN = 96
WANTED_MEAN = 0.30


class RgbSensor:
    """Linear radiance to 8-bit RGB. Exposure follows the picture's mean as far as the gain goes."""

    def __init__(self, draw: Draw, width: int, height: int) -> None:
        self.blur_px = draw.uniform(0.45, 0.65)
        self.read_noise = draw.uniform(0.002, 0.004)
        self.shot_noise = draw.uniform(0.0003, 0.0008)
        self.max_gain = draw.uniform(7.0, 11.0)
        self.balance = np.array([draw.uniform(0.93, 1.07), 1.0, draw.uniform(0.93, 1.07)], dtype=np.float32)
        shape = (height + BANK_MARGIN, width + BANK_MARGIN, 3)
        self._bank = draw.rng.standard_normal(shape, dtype=np.float32)

    def __call__(self, radiance: Float32, rng: np.random.Generator) -> UInt8:
        """Expose linear radiance float32 [H,W,3] (white paper in sunshine is about 1)."""
        height, width = radiance.shape[:2]
        # Highlights (lamps, windows) count for little, as in the metering of real cameras.
        mean = float(np.minimum(radiance[::5, ::5], 1.0).mean())
        gain = float(np.clip(WANTED_MEAN / max(mean, 1e-6), 0.5, self.max_gain))
        blurred = cv2.GaussianBlur(radiance, (3, 3), self.blur_px)
        top, left = rng.integers(0, BANK_MARGIN, 2)
        noise = self._bank[top : top + height, left : left + width]
        # Noise in units of radiance: the gain lifts it together with the signal.
        sigma = np.sqrt(self.read_noise**2 + self.shot_noise * blurred)
        linear = (blurred + sigma * noise) * (gain * self.balance)
        linear = np.clip(linear, 0, None)
        # A soft shoulder keeps headlights from burning out.
        linear = linear * (1 + linear * 0.1) / (1 + linear)
        np.sqrt(linear, out=linear)
        result: UInt8 = np.clip(linear * (255 * 1.18), 0, 255).astype(np.uint8)
        return result
