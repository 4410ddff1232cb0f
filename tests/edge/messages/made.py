"""A frame set, an aligned pair and a prediction as a pipeline makes them."""

from __future__ import annotations

import numpy as np

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import Aligned, CountsToKelvin, Frame, FrameSet, PixelFormat, Prediction
from rigsight.edge.instances import Instance

HEIGHT, WIDTH = 12, 16
CLASSES = (ClassEntry(name="background", color=(0, 0, 0)), ClassEntry(name="crack", color=(250, 10, 20)))
K = np.array([[500.0, 0, 8], [0, 501, 6], [0, 0, 1]])


def frames(rgb_epoch_ns: int | None = None) -> FrameSet:
    chance = np.random.default_rng(0)
    rgb = chance.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    counts = chance.integers(20000, 30000, (6, 8), np.uint16)
    return FrameSet(
        4,
        1_000,
        {
            "thermal": Frame(
                "thermal", counts, 3_000, 9, PixelFormat.MONO16, counts_to_kelvin=CountsToKelvin(0.01, 0.0)
            ),
            "rgb": Frame("rgb", rgb, 1_000, 8, PixelFormat.RGB8, epoch_ns=rgb_epoch_ns),
        },
        skew_ns={"rgb": 0, "thermal": 2_000},
    )


def prediction(full: bool = True, instances: tuple[Instance, ...] | None = None) -> Prediction:
    chance = np.random.default_rng(1)
    rgb = chance.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    grey = rgb[:, :, 0].copy()
    counts = np.full((HEIGHT, WIDTH), 29315, np.uint16)
    aligned = Aligned(frames(), rgb, grey, np.full_like(grey, 255), K, np.eye(3), None, lambda: counts)
    mask = chance.integers(0, 2, grey.shape, np.uint8)
    mask[:2] = 255
    confidence = chance.integers(0, 256, grey.shape, np.uint8) if full else None
    return Prediction(aligned, mask, confidence, fused=rgb if full else None, instances=instances)
