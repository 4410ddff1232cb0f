"""Batches of augmented sets, a pure function of (seed, part, step): a resumed run sees the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from rigsight.edge.saliency import vsm_tables
from rigsight.training.config import Augmentation
from rigsight.training.data.augment import Sample, augment
from rigsight.training.data.pairs import PairArrays
from rigsight.training.data.simulated import SetArrays


@dataclass(frozen=True)
class Batch:
    """The network's inputs and the truth, on one device.

    ``rgb`` float [N,3,H,W] and ``thermal`` float [N,1,H,W] in [0, 1]; ``tables`` float [N,2,256];
    ``labels`` int64 [N,H,W], 255 unlabelled.
    """

    rgb: Tensor
    thermal: Tensor
    tables: Tensor
    labels: Tensor


def collate(samples: Sequence[Sample]) -> dict[str, Tensor]:
    """Samples as the fields of a Batch (a plain dict, which Lightning moves between devices)."""
    rgb = torch.from_numpy(np.stack([s.rgb for s in samples])).permute(0, 3, 1, 2)
    thermal = torch.from_numpy(np.stack([s.thermal for s in samples])).unsqueeze(1)
    return {
        "rgb": rgb.float() / 255,
        "thermal": thermal.float() / 255,
        "tables": torch.from_numpy(np.stack([vsm_tables(s.rgb, s.thermal) for s in samples])),
        "labels": torch.from_numpy(np.stack([s.labels for s in samples])).long(),
    }


class Sets(Protocol):
    """What a stream draws from."""

    def __len__(self) -> int: ...

    def sample(self, index: int, settings: Augmentation, random: np.random.Generator) -> Sample:
        """One augmented variant of set ``index``."""


class Simulated:
    """All scenes as one collection in which every scene is drawn equally often."""

    def __init__(self, scenes: Sequence[SetArrays]) -> None:
        self.scenes = scenes

    def __len__(self) -> int:
        return len(self.scenes) * max(len(arrays) for arrays in self.scenes)

    def sample(self, index: int, settings: Augmentation, random: np.random.Generator) -> Sample:
        """One augmented variant; scenes take turns."""
        arrays = self.scenes[index % len(self.scenes)]
        i = (index // len(self.scenes)) % len(arrays)
        low, high = arrays.bounds[i]
        return augment(
            arrays.rgb[i], arrays.counts[i], (float(low), float(high)), arrays.labels[i], settings, random
        )


class Pairs:
    """Unlabelled 8-bit pairs."""

    def __init__(self, pairs: PairArrays) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def sample(self, index: int, settings: Augmentation, random: np.random.Generator) -> Sample:
        """One augmented variant, every label 255."""
        rgb, thermal = self.pairs.rgb[index], self.pairs.thermal[index]
        return augment(rgb, thermal, None, np.full_like(thermal, 255), settings, random)


class Stream(IterableDataset[dict[str, Tensor]]):
    """``steps`` batches of one part of the schedule."""

    def __init__(
        self, sets: Sets, settings: Augmentation, batch: int, seed: int, part: int, steps: int
    ) -> None:
        self.sets, self.settings, self.batch = sets, settings, batch
        self.seed, self.part, self.steps = seed, part, steps

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        random = np.random.default_rng([self.seed, self.part])
        order = random.permutation(len(self.sets))
        place = 0
        for _ in range(self.steps):
            samples = []
            for _ in range(self.batch):
                if place == len(order):
                    order, place = random.permutation(len(self.sets)), 0
                samples.append(self.sets.sample(int(order[place]), self.settings, random))
                place += 1
            yield collate(samples)
