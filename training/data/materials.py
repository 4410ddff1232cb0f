"""All data of a training of masks: what to learn from, what to be judged on, classes and licence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.training.config import DatasetData, PairsData, SimulatedData, TrainConfig
from rigsight.training.data.chosen import classes_of
from rigsight.training.data.dataset import open_dataset
from rigsight.training.data.pairs import load_pairs
from rigsight.training.data.simulated import SetArrays, load_sets
from rigsight.training.data.sources import (
    Judged,
    JudgedScene,
    JudgedSplit,
    Labelled,
    Pairs,
    Records,
    Simulated,
    Source,
)
from rigsight.training.progress import Progress

SAMPLED = 400  # pictures whose pixels tell the classes' shares


@dataclass(frozen=True)
class Materials:
    """``shares`` float64 [C] of the classes among the labelled training pixels, None without labels.

    ``tests`` reads (or renders) the test sets when they are wanted; ``baseline`` is the score of a classifier
    without a network on one of them, None where there is none.
    """

    train: Source
    validation: Sequence[Judged]
    tests: Callable[[Progress], Sequence[Judged]]
    baseline: Callable[[Judged], float | None]
    classes: tuple[ClassEntry, ...]
    shares: NDArray[np.float64] | None
    description: str


def gather(config: TrainConfig, progress: Progress) -> Materials:
    """The materials of ``config.data``.

    Raises:
        RigsightError: DAT-… for data sets and pairs, TRN-302 when rendering fails.
    """
    if isinstance(config.data, SimulatedData):
        return _simulated(config, config.data, progress)
    if isinstance(config.data, PairsData):
        return _pairs(config, config.data)
    return _labelled(config, config.data)


def _simulated(config: TrainConfig, data: SimulatedData, progress: Progress) -> Materials:
    classes = classes_of(data.classes)
    scenes = [load_sets(config, data, scene, "train", progress) for scene in data.scenes]
    validation = [load_sets(config, data, scene, "val", progress) for scene in data.scenes]

    def tests(progress: Progress) -> list[Judged]:
        return [JudgedScene(load_sets(config, data, scene, "test", progress)) for scene in data.scenes]

    def baseline(judged: Judged) -> float | None:
        from rigsight.training.evaluation.simulated import baseline_miou

        known = next(sets for sets in scenes if sets.scene == judged.name)
        return baseline_miou(JudgedScene(known), judged, len(classes))

    return Materials(
        train=Simulated(scenes),
        validation=[JudgedScene(sets) for sets in validation],
        tests=tests,
        baseline=baseline,
        classes=classes,
        shares=_shares_of_scenes(scenes, len(classes)),
        description="simulated rig (rigsight.edge.simulation), Apache-2.0",
    )


def _pairs(config: TrainConfig, data: PairsData) -> Materials:
    size = (config.width, config.height)
    folders = ", ".join(f"{Path(f.rgb).parent.name}/{Path(f.rgb).name}" for f in data.folders)
    classes = int(config.model.options.get("classes") or 9)  # type: ignore[arg-type]
    return Materials(
        train=Pairs(load_pairs(data.folders, size, data.validation_every, validation=False)),
        validation=(),
        tests=lambda progress: (),
        baseline=lambda judged: None,
        classes=tuple(ClassEntry(name=f"class {i}", color=(i, i, i)) for i in range(classes)),
        shares=None,
        description=f"aligned pairs: {folders}; licence of the data set",
    )


def _labelled(config: TrainConfig, data: DatasetData) -> Materials:
    dataset = open_dataset(data.path)
    size = (config.width, config.height)
    judged_size = None if data.crop else size
    records = Records(dataset, data.train, data.cache_mb)

    def judged(split: str | None) -> list[Judged]:
        if split is None:
            return []
        return [JudgedSplit(split, Records(dataset, split, data.cache_mb), judged_size, config.preprocessing)]

    classes = tuple(ClassEntry(name=c.name, color=c.color) for c in dataset.spec.classes)
    return Materials(
        train=Labelled(records, data, size, config.preprocessing),
        validation=judged(data.val),
        tests=lambda progress: judged(data.test),
        baseline=lambda judged: None,
        classes=classes,
        shares=_shares_of_records(records, len(classes)),
        description=f"{dataset.spec.name} ({dataset.spec.source}), {dataset.spec.licence}",
    )


def _shares_of_scenes(scenes: Sequence[SetArrays], classes: int) -> NDArray[np.float64]:
    counts = np.zeros(256)
    for sets in scenes:
        for i in range(0, len(sets), 4):
            counts += np.bincount(sets.labels[i].ravel(), minlength=256) / len(sets)
    known: NDArray[np.float64] = counts[:classes]
    return known / max(float(known.sum()), 1.0)


def _shares_of_records(records: Records, classes: int) -> NDArray[np.float64] | None:
    counts = np.zeros(256)
    for index in range(0, len(records), max(1, len(records) // SAMPLED)):
        labels = records[index].labels
        if labels is not None:
            counts += np.bincount(labels.ravel(), minlength=256)
    known = counts[:classes].sum()
    return counts[:classes] / known if known else None
