"""Procedural textures: tileable value noise, looked up by surface coordinates."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from rigsight.edge.frames import Float32

SIZE = 512


@lru_cache(maxsize=64)
def noise(seed: int, roughness: float = 0.6) -> Float32:
    """Tileable value noise float32 [512,512], mean 0, standard deviation 1.

    Octaves of 4 to 256 periods; each octave's amplitude is ``roughness`` times the one before.
    """
    rng = np.random.default_rng([7919, seed])
    total = np.zeros((SIZE, SIZE), np.float32)
    amplitude = 1.0
    for periods in (4, 8, 16, 32, 64, 128, 256):
        grid = rng.standard_normal((periods, periods)).astype(np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        scale = SIZE // periods
        fine = cv2.resize(wrapped, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        inner = 2 * scale
        total += amplitude * fine[inner : inner + SIZE, inner : inner + SIZE]
        amplitude *= roughness
    total -= total.mean()
    total /= total.std()
    return total


def sample(texture: Float32, u: Float32, v: Float32) -> Float32:
    """The texture at texel coordinates u, v float32 [H,W], repeated without end."""
    u = u - SIZE * np.floor(u * np.float32(1 / SIZE))
    v = v - SIZE * np.floor(v * np.float32(1 / SIZE))
    found = cv2.remap(texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(found, dtype=np.float32)


def hash01(a: np.ndarray, b: np.ndarray, seed: int) -> Float32:
    """A number in [0, 1) for every pair of whole numbers, float32 of their shape."""
    mixed = a.astype(np.int64) * 73856093 ^ b.astype(np.int64) * 19349663 ^ (seed * 83492791)
    mixed = (mixed ^ (mixed >> 13)) * 1274126177
    return ((mixed ^ (mixed >> 16)) & 0xFFFF).astype(np.float32) / np.float32(65536)


def smooth(values: np.ndarray, low: float, high: float) -> Float32:
    """A smooth step from 0 at ``low`` to 1 at ``high``."""
    x = np.clip((values - low) * np.float32(1 / (high - low)), 0, 1)
    return np.asarray(x * x * (3 - 2 * x), dtype=np.float32)
