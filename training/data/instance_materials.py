"""All data of a training of instances: COCO data sets, or the simulated street."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.training.config import DatasetData, PairsData, SimulatedData, TrainConfig
from rigsight.training.data.dataset import Dataset, open_dataset
from rigsight.training.data.instance_stream import InstanceSource
from rigsight.training.data.instances import InstanceModality, InstanceRecords
from rigsight.training.data.simulated_instances import SPLIT, instance_dataset
from rigsight.training.progress import Progress


@dataclass(frozen=True)
class JudgedInstances:
    """Pictures that a network is scored on."""

    name: str
    source: InstanceSource


@dataclass(frozen=True)
class InstanceMaterials:
    """All data of a training; ``tests`` reads or renders when it is called."""

    train: InstanceSource
    validation: Sequence[JudgedInstances]
    tests: Callable[[Progress], Sequence[JudgedInstances]]
    classes: tuple[ClassEntry, ...]
    description: str


def gather_instances(
    config: TrainConfig, modality: InstanceModality, progress: Progress
) -> InstanceMaterials:
    """The materials of ``config.data``. Raises RigsightError DAT-… and TRN-302."""
    size, data = (config.width, config.height), config.data
    assert not isinstance(data, PairsData)  # the configuration refuses them

    def source(dataset: Dataset, split: str, repeat: int = 1) -> InstanceSource:
        cache = data.cache_mb if isinstance(data, DatasetData) else 2048
        records = InstanceRecords(dataset, split, modality, cache)
        return InstanceSource(records, size, config.preprocessing, repeat)

    if isinstance(data, SimulatedData):
        rendered = instance_dataset(config, data, "train", progress)
        val = source(instance_dataset(config, data, "val", progress), SPLIT)

        def tests(progress: Progress) -> list[JudgedInstances]:
            made = instance_dataset(config, data, "test", progress)
            return [JudgedInstances("street", source(made, SPLIT))]

        train, validation = source(rendered, SPLIT), [JudgedInstances("street", val)]
        return InstanceMaterials(train, validation, tests, *_described(rendered))
    dataset = open_dataset(data.path)

    def judged(split: str | None) -> list[JudgedInstances]:
        return [] if split is None else [JudgedInstances(split, source(dataset, split))]

    return InstanceMaterials(
        source(dataset, data.train, data.repeat),
        judged(data.val),
        lambda progress: judged(data.test),
        *_described(dataset),
    )


def _described(dataset: Dataset) -> tuple[tuple[ClassEntry, ...], str]:
    spec = dataset.spec
    classes = tuple(ClassEntry(name=c.name, color=c.color) for c in spec.classes)
    return classes, f"{spec.name} ({spec.source}), {spec.licence}"
