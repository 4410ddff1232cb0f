"""Batches of augmented sets, a pure function of (seed, epoch, step): a resumed run sees the same ones.

Every sample has a generator of its own, so that the same epoch comes out whichever processes prepare or
consume it: one, or several that each take their share of every step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from rigsight.edge.frames import Image
from rigsight.edge.saliency import vsm_tables
from rigsight.training.config import Augmentation
from rigsight.training.data.augment import Sample
from rigsight.training.data.sources import Source

PICTURES = ("rgb", "thermal")


def collate(
    samples: Sequence[Sample], inputs: Sequence[str] = ("rgb", "thermal", "tables")
) -> dict[str, Tensor]:
    """Samples as a batch, a plain dict, which Lightning moves between devices.

    Returns:
        What ``inputs`` names: ``rgb`` float [N,3,H,W], ``thermal`` float [N,1,H,W], ``edges`` float
        [N,1,H,W], each in [0, 1], ``tables`` float [N,2,256]; and ``labels`` int64 [N,H,W], 255 unlabelled.
    """
    batch: dict[str, Tensor] = {}
    if "rgb" in inputs:
        batch["rgb"] = _stacked([s.rgb.transpose(2, 0, 1) for s in samples]).float() / 255
    if "thermal" in inputs:
        batch["thermal"] = _stacked([s.thermal[None] for s in samples]).float() / 255
    if "edges" in inputs:
        from rigsight.edge.edge_prior import canny_edges

        batch["edges"] = _stacked([canny_edges(s.rgb)[None] for s in samples]).float() / 255
    if "tables" in inputs:
        batch["tables"] = _stacked([vsm_tables(s.rgb, s.thermal) for s in samples])
    batch["labels"] = _stacked([s.labels for s in samples]).long()
    return batch


def _stacked(arrays: Sequence[Image]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))


@dataclass(frozen=True)
class Share:
    """The part of every step that one process consumes: samples ``rank`` * batch and on, of ``world``."""

    rank: int = 0
    world: int = 1


class Stream(IterableDataset[dict[str, Tensor]]):
    """``steps`` batches of one epoch."""

    def __init__(
        self,
        source: Source,
        settings: Augmentation,
        inputs: Sequence[str],
        batch: int,
        seed: int,
        epoch: int,
        steps: int,
        share: Share | None = None,
    ) -> None:
        self.source, self.settings, self.inputs, self.batch = source, settings, tuple(inputs), batch
        self.seed, self.epoch, self.steps = seed, epoch, steps
        self.share = share or Share()

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        worker = get_worker_info()
        first, stride = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for step in range(first, self.steps, stride):
            start = (step * self.share.world + self.share.rank) * self.batch
            yield self.collated([self._sample(start + i) for i in range(self.batch)])

    def collated(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """One batch; networks with another truth than masks make theirs otherwise."""
        return collate(samples, self.inputs)

    def _sample(self, place: int) -> Sample:
        turn, index = divmod(place, len(self.source))
        order = self._order(turn)
        random = np.random.default_rng([self.seed, self.epoch, place])
        return self.source.sample(int(order[index]), self.settings, random)

    def _order(self, turn: int) -> Image:
        """The permutation of the source's ``turn``-th round through this epoch; the last one is kept."""
        known: tuple[int, Image] | None = getattr(self, "_known", None)
        if known is None or known[0] != turn:
            random = np.random.default_rng([self.seed, self.epoch, turn, 0])
            known = self._known = (turn, random.permutation(len(self.source)))
        return known[1]
