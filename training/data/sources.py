"""What trainings draw from and are judged on: rendered sets, labelled data sets, pairs without labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from rigsight.edge.agc import Bounds, PercentileAgc
from rigsight.edge.bundle.spec import Modalities, Preprocessing
from rigsight.edge.frames import UNLABELLED, UInt8, as_uint8
from rigsight.training.config import Augmentation, DatasetData
from rigsight.training.data.augment import Sample, Target, augment
from rigsight.training.data.chosen import occurring
from rigsight.training.data.dataset import Dataset, Item, Record
from rigsight.training.data.pairs import PairArrays
from rigsight.training.data.simulated import SetArrays


class Source(Protocol):
    """What a stream draws from."""

    def __len__(self) -> int: ...

    def sample(self, index: int, settings: Augmentation, random: np.random.Generator) -> Sample:
        """One augmented variant of set ``index``."""


class Judged(Protocol):
    """Labelled pictures that a network is scored on."""

    @property
    def name(self) -> str:
        """Of the scene or split."""

    @property
    def ids(self) -> Sequence[int] | None:
        """Classes that can occur; None = all."""

    def __len__(self) -> int: ...

    def plain(self, index: int, modalities: Modalities = "both") -> Sample:
        """Set ``index`` as the device sees it, a missing modality all zero."""


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


class JudgedScene:
    """The rendered sets of one scene."""

    def __init__(self, sets: SetArrays) -> None:
        self.sets, self.name = sets, sets.scene
        self.ids: Sequence[int] | None = occurring(sets.scene, sets.chosen)

    def __len__(self) -> int:
        return len(self.sets)

    def plain(self, index: int, modalities: Modalities = "both") -> Sample:
        """See :class:`Judged`."""
        low, high = self.sets.bounds[index]
        thermal = PercentileAgc.apply(np.asarray(self.sets.counts[index]), (float(low), float(high)))
        return only(modalities, np.array(self.sets.rgb[index]), thermal, np.array(self.sets.labels[index]))


class Pairs:
    """Unlabelled 8-bit pairs."""

    def __init__(self, pairs: PairArrays) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def sample(self, index: int, settings: Augmentation, random: np.random.Generator) -> Sample:
        """One augmented variant, every label 255."""
        rgb, thermal = self.pairs.rgb[index], self.pairs.thermal[index]
        return augment(rgb, thermal, None, np.full_like(thermal, UNLABELLED), settings, random)


class Records:
    """The pictures of one split, decoded once while memory for them lasts."""

    def __init__(self, dataset: Dataset, split: str, cache_mb: int) -> None:
        """Raises RigsightError DAT-… when the split is not there."""
        self.items: list[Item] = dataset.items(split)
        self._left = cache_mb * 1_000_000
        self._kept: dict[int, Record] = {}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Record:
        record = self._kept.get(index)
        if record is None:
            record = self.items[index].read()
            size = sum(a.nbytes for a in (record.rgb, record.thermal, record.labels) if a is not None)
            if size <= self._left:
                self._left -= size
                self._kept[index] = record
        return record


class Labelled:
    """The training split of a data set."""

    def __init__(
        self, records: Records, data: DatasetData, size: tuple[int, int], preprocessing: Preprocessing
    ) -> None:
        """``size`` is the network's (width, height)."""
        self.records, self.repeat = records, data.repeat
        self.target = Target(size, data.crop)
        self.agc = preprocessing

    def __len__(self) -> int:
        return len(self.records) * self.repeat

    def sample(self, index: int, settings: Augmentation, random: np.random.Generator) -> Sample:
        """One augmented variant of the crop or of the whole picture."""
        record = self.records[index % len(self.records)]
        labels = _labels_of(record)
        bounds = agc_bounds(record, self.agc)
        return augment(record.rgb, record.thermal, bounds, labels, settings, random, self.target)


class JudgedSplit:
    """A split of a data set: whole pictures, at their own size when the network learns from crops."""

    ids: Sequence[int] | None = None

    def __init__(
        self, name: str, records: Records, size: tuple[int, int] | None, preprocessing: Preprocessing
    ) -> None:
        """``size`` (width, height) to which pictures are resized, None: their own."""
        self.name, self.records, self.size, self.preprocessing = name, records, size, preprocessing

    def __len__(self) -> int:
        return len(self.records)

    def plain(self, index: int, modalities: Modalities = "both") -> Sample:
        """See :class:`Judged`."""
        record = self.records[index]
        labels = _labels_of(record)
        height, width = labels.shape
        rgb = np.zeros((height, width, 3), np.uint8) if record.rgb is None else record.rgb
        if record.thermal is None:
            thermal = np.zeros((height, width), np.uint8)
        else:
            bounds = agc_bounds(record, self.preprocessing)
            thermal = as_uint8(
                record.thermal if bounds is None else PercentileAgc.apply(record.thermal, bounds)
            )
        if self.size is not None and self.size != (width, height):
            method = cv2.INTER_AREA if self.size[0] < width else cv2.INTER_LINEAR
            rgb, thermal = (as_uint8(cv2.resize(a, self.size, interpolation=method)) for a in (rgb, thermal))
            labels = as_uint8(cv2.resize(labels, self.size, interpolation=cv2.INTER_NEAREST))
        return only(modalities, rgb, thermal, labels)


def only(modalities: Modalities, rgb: UInt8, thermal: UInt8, labels: UInt8) -> Sample:
    """A sample with one modality blanked, or none."""
    return Sample(
        rgb if modalities != "thermal_only" else np.zeros_like(rgb),
        thermal if modalities != "rgb_only" else np.zeros_like(thermal),
        labels,
    )


def agc_bounds(record: Record, preprocessing: Preprocessing) -> Bounds | None:
    """What the device's AGC takes for the single picture; None for 8-bit pictures, which had theirs."""
    if record.thermal is None or record.thermal.dtype == np.uint8:
        return None
    return PercentileAgc(preprocessing.agc).bounds(record.thermal)


def _labels_of(record: Record) -> UInt8:
    if record.labels is not None:
        return record.labels
    picture = record.rgb if record.rgb is not None else record.thermal
    assert picture is not None
    return np.full(picture.shape[:2], UNLABELLED, np.uint8)
