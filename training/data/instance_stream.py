"""Pictures with instances as batches for a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rigsight.edge.agc import Bounds, PercentileAgc
from rigsight.edge.bundle.spec import Preprocessing
from rigsight.edge.frames import UInt8
from rigsight.training.config import Augmentation
from rigsight.training.data.instance_augment import InstanceSample, augment_instances, plain_instances
from rigsight.training.data.instances import InstanceRecord, InstanceRecords
from rigsight.training.data.stream import Stream

Batch = dict[str, Any]


class InstanceSource:
    """What a stream draws from: augmented for learning, plain for judging."""

    def __init__(
        self, records: InstanceRecords, size: tuple[int, int], preprocessing: Preprocessing, repeat: int = 1
    ) -> None:
        """``size`` (width, height) of all pictures; ``repeat``: times that an epoch shows each."""
        self.records, self.size, self.preprocessing, self.repeat = records, size, preprocessing, repeat

    def __len__(self) -> int:
        return len(self.records) * self.repeat

    def sample(self, index: int, settings: Augmentation, random: np.random.Generator) -> Any:
        """One augmented variant, an InstanceSample."""
        record = self.records[index % len(self.records)]
        return augment_instances(record, self._bounds(record), self.size, settings, random)

    def plain(self, index: int) -> InstanceSample:
        """The picture as the device sees it, with all its things."""
        record = self.records[index]
        return plain_instances(record, self._bounds(record), self.size)

    def _bounds(self, record: InstanceRecord) -> Bounds | None:
        if record.picture.dtype == np.uint8:
            return None
        return PercentileAgc(self.preprocessing.agc).bounds(record.picture)


class InstanceStream(Stream):
    """Batches of :func:`collate_instances`, by the same rules as :class:`Stream`."""

    def collated(self, samples: Sequence[Any]) -> Batch:
        """One batch."""
        return collate_instances(samples, self.inputs[0])


def collate_instances(samples: Sequence[InstanceSample], modality: str) -> Batch:
    """``rgb`` float [N,3,H,W] or ``thermal`` float [N,1,H,W] in [0, 1], and ``targets``: for every picture
    ``boxes`` float [K,4], ``labels`` int64 [K] and ``masks`` uint8 [K,H,W]."""
    targets = [
        {
            "boxes": torch.from_numpy(sample.boxes),
            "labels": torch.from_numpy(sample.labels),
            "masks": torch.from_numpy(sample.masks),
        }
        for sample in samples
    ]
    return {modality: torch.cat([as_input(sample.picture) for sample in samples]), "targets": targets}


def as_input(picture: UInt8) -> Tensor:
    """Grey [H,W] or RGB [H,W,3] -> float [1,C,H,W] in [0, 1]."""
    planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes))[None].float() / 255
