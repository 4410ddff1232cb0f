"""Train, val and test draw from disjoint pools: what test shows, train has never shown.

Every continuous quantity (colour, temperature, focal length, sun height, …) is cut into the teeth of a comb;
each split owns its teeth, so that all splits span the same range and no two share a value. Noise textures
and all other random streams are seeded by the split as well.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Scene = Literal["street", "facade", "pipe"]
Split = Literal["train", "val", "test"]

SCENES: tuple[Scene, ...] = get_args(Scene)
SPLITS: tuple[Split, ...] = get_args(Split)

TEETH = 48
# Of every four teeth two belong to train, one to val, one to test.
_OWNERS: tuple[Split, ...] = ("train", "val", "train", "test")
TEXTURES_PER_SPLIT = 24


class Pools:
    """The random draws of one (scene, seed, split)."""

    def __init__(self, scene: Scene, seed: int, split: Split) -> None:
        self.split = split
        self._key = (SPLITS.index(split), SCENES.index(scene), seed)
        self._teeth = [i for i in range(TEETH) if _OWNERS[i % 4] == split]

    def stream(self, *place: int) -> Draw:
        """An independent stream of draws for a place such as (kind, cell); negative numbers are allowed."""
        return Draw(np.random.default_rng([*self._key, *(2 * abs(n) + (n < 0) for n in place)]), self._teeth)

    def texture_seed(self, draw: Draw) -> int:
        """Seed of one of this split's noise textures."""
        return self._key[0] * TEXTURES_PER_SPLIT + int(draw.rng.integers(TEXTURES_PER_SPLIT))


class Draw:
    """Random numbers of one stream. ``rng`` is for noise that needs no pool."""

    def __init__(self, rng: np.random.Generator, teeth: list[int]) -> None:
        self.rng = rng
        self._teeth = teeth

    def uniform(self, low: float, high: float) -> float:
        """A value of [low, high) from this split's teeth."""
        place = self.rng.random() * len(self._teeth)
        tooth = int(place)
        return low + (high - low) * (self._teeth[tooth] + place - tooth) / TEETH

    def colour(self, value: tuple[float, float], saturation: float) -> NDArray[np.float32]:
        """A linear RGB albedo float32 [3]: mean in ``value``, hue free, ``saturation`` 0 (grey) to 1."""
        hue = self.uniform(0.0, 2 * np.pi)
        mean = self.uniform(*value)
        tint = 1 + saturation * np.cos(hue - np.array([0.0, 2.0944, 4.1888]))
        return np.clip(mean * tint, 0.01, 0.95).astype(np.float32)

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return bool(self.rng.random() < probability)
