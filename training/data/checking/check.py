"""Reads all of a data set, and says what is wrong with it and what is in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.training import codes
from rigsight.training.data.checking.leaks import Fingerprint, find_leaks, fingerprint
from rigsight.training.data.checking.report import CheckReport, Fault, SplitCounts
from rigsight.training.data.checking.truth import CocoTruth
from rigsight.training.data.dataset import Dataset, Item, Record
from rigsight.training.data.pictures import mask_form


def check_dataset(
    dataset: Dataset, leaks: bool = True, tick: Callable[[], None] | None = None
) -> CheckReport:
    """Read every picture and every label.

    Args:
        dataset: what to check.
        leaks: also look for equal pictures in different splits.
        tick: called after every stem.
    """
    faults: list[Fault] = []
    prints: list[Fingerprint] = []
    splits: dict[str, SplitCounts] = {}
    truth = CocoTruth(dataset) if dataset.spec.labels.kind == "coco" else None
    for split in dataset.spec.splits:
        splits[split] = counts = _no_counts(len(dataset.spec.classes))
        for item in dataset.items(split):
            try:
                record = item.read()
                _count(counts, item, record, dataset, truth)
                if leaks:
                    picture = record.thermal if record.rgb is None else record.rgb
                    assert picture is not None
                    prints.append(fingerprint(split, item.stem, picture))
            except RigsightError as error:
                if truth is not None and error.code in _OF_THE_FILE:
                    raise  # the same for every stem
                place = f" [{error.where}]" if error.where and error.where != item.stem else ""
                faults.append(Fault(split, item.stem, error.code, f"{error.code}: {error.what}{place}"))
            if tick is not None:
                tick()
    names = tuple(entry.name for entry in dataset.spec.classes)
    return CheckReport(
        dataset.spec.name, dataset.spec.licence, names, splits, faults, find_leaks(prints), leaks
    )


_OF_THE_FILE = {
    code.code
    for code in (
        codes.COCO_UNREADABLE,
        codes.COCO_CATEGORY,
        codes.COCO_SEGMENTATION,
        codes.COCO_REFERENCE,
    )
}


def _no_counts(classes: int) -> SplitCounts:
    return SplitCounts(np.zeros(classes, np.int64), np.zeros(classes, np.int64))


def _count(
    counts: SplitCounts, item: Item, record: Record, dataset: Dataset, truth: CocoTruth | None
) -> None:
    picture = record.thermal if record.rgb is None else record.rgb
    assert picture is not None
    height, width = picture.shape[:2]
    labels = record.labels
    if truth is not None:
        labels, instances = truth.labels(item, width, height)
        counts.instances += instances
    counts.pictures += 1
    counts.sizes[width, height] += 1
    if labels is not None:
        counts.add_labels(labels)
    if dataset.spec.labels.kind == "masks" and item.label_path is not None:
        form = mask_form(item.label_path)
        if form is not None:
            counts.forms[form] += 1
