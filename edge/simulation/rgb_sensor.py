"""The colour camera's sensor: blur, exposure, shot and read noise, gamma."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.edge.frames import Float32, UInt8
from rigsight.edge.simulation.splits import Draw

BANK_MARGIN = 96
WANTED_MEAN = 0.36
WHITE = np.float32(255 * 1.2)


class RgbSensor:
    """Linear radiance to 8-bit RGB. Exposure follows the picture's mean as far as the gain goes."""

    def __init__(self, draw: Draw, width: int, height: int) -> None:
        self.blur_px = draw.uniform(0.6, 0.8)
        self.read_noise = draw.uniform(0.002, 0.004)
        self.shot_noise = draw.uniform(0.0003, 0.0008)
        self.max_gain = draw.uniform(7.0, 11.0)
        self.balance = np.array([draw.uniform(0.93, 1.07), 1.0, draw.uniform(0.93, 1.07)], dtype=np.float32)
        shape = (3, height + BANK_MARGIN, width + BANK_MARGIN)
        self._bank = draw.rng.standard_normal(shape, dtype=np.float32)

    def __call__(self, radiance: Float32, rng: np.random.Generator) -> UInt8:
        """Expose linear radiance float32 [3,H,W] (white paper in sunshine is about 1); uint8 [H,W,3]."""
        height, width = radiance.shape[1:]
        # Highlights (lamps, windows) count for little, as in the metering of real cameras.
        mean = float(np.minimum(radiance[:, ::5, ::5], 1.0).mean())
        gain = float(np.clip(WANTED_MEAN / max(mean, 1e-6), 0.5, self.max_gain))
        top, left = rng.integers(0, BANK_MARGIN, 2)
        channels = []
        for k in range(3):
            linear = cv2.GaussianBlur(radiance[k], (3, 3), self.blur_px)
            # Noise in units of radiance: the gain lifts it together with the signal.
            sigma = np.sqrt(np.float32(self.read_noise**2) + np.float32(self.shot_noise) * linear)
            linear += sigma * self._bank[k, top : top + height, left : left + width]
            linear *= np.float32(gain * self.balance[k])
            np.maximum(linear, 0, out=linear)
            # A soft shoulder keeps headlights from burning out; the square root is the display's gamma.
            linear *= (1 + np.float32(0.1) * linear) / (1 + linear)
            np.sqrt(linear, out=linear)
            linear *= WHITE
            channels.append(np.minimum(linear, 255).astype(np.uint8))
        return np.dstack(channels)
