"""Instance models on a split: COCO's mask figures at the pictures' own size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rigsight.edge.frames import UInt8, as_uint8
from rigsight.edge.instances import paste_mask
from rigsight.edge.scoring.sheet import Worst
from rigsight.training.data.dataset import Dataset
from rigsight.training.data.instances import InstanceModality, InstanceRecords
from rigsight.training.evaluation.bundles import BundleSubject
from rigsight.training.evaluation.protocols import Figures
from rigsight.training.evaluation.subject import Subject
from rigsight.training.metrics_coco import CocoMeter, CocoScores

SURE = 0.5
Pictures = Callable[[int, int], None]


def evaluate_instances(
    subject: Subject, dataset: Dataset, split: str, table: Any, worst: Worst, progress: Pictures
) -> Figures:
    """COCO's figures of a subject; ``worst`` gets every picture with its masks painted by class.

    Args:
        subject: a ``BundleSubject`` of an instance bundle, or a ``NetworkSubject`` whose network finds them.
        dataset: with COCO labels.
        split: its split.
        table: uint8 [256], the data set's class ids -> the model's.
        worst: keeps the pictures where truth and sure detections share the fewest pixels.
        progress: is told (done, total).

    Raises:
        RigsightError: DAT-… for the data, SRC-101 for thermal pictures of another depth than a bundle takes.
    """
    modality: InstanceModality = "rgb" if "rgb" in subject.cameras else "thermal"
    records = InstanceRecords(dataset, split, modality, cache_mb=0)
    finds = _by_bundle if isinstance(subject, BundleSubject) else _by_network
    meter = CocoMeter([entry.name for entry in subject.classes[1:]])
    for index in range(len(records)):
        record = records[index]
        height, width = record.picture.shape[:2]
        labels = table[record.labels].astype(np.int64)
        meter.add_truth(record.masks, labels, record.crowd)
        found = finds(subject, records, index)
        boxes = found["boxes"]
        meter.add_found(boxes, found["labels"], found["scores"], found["masks"])
        sure = found["scores"] >= SURE
        masks = [
            paste_mask(grid, box, height, width)
            for grid, box in zip(found["masks"][sure], boxes[sure], strict=True)
        ]
        truth = painted(record.masks, labels, height, width)
        mask = painted(masks, found["labels"][sure], height, width)
        union = int(((truth > 0) | (mask > 0)).sum())
        own = int(((truth == mask) & (truth > 0)).sum()) / union if union else 1.0
        item = records.items[index]
        worst.add(item.stem, own, item.read(), truth, mask)
        progress(index + 1, len(records))
    return figures(meter.scores())


def _by_bundle(subject: Any, records: InstanceRecords, index: int) -> dict[str, Any]:
    """What the bundle finds in a picture, in its own pixels: ``boxes`` [D,4], ``labels``, ``scores`` [D] and
    ``masks`` [D,M,M]."""
    picture = records[index].picture
    found = (subject(picture, None) if picture.ndim == 3 else subject(None, picture)).instances
    return {
        "boxes": np.array([each.box for each in found], np.float32).reshape(-1, 4),
        "labels": np.array([each.label for each in found], np.int64),
        "scores": np.array([each.score for each in found], np.float32),
        "masks": np.array([each.grid for each in found], np.float32),
    }


def _by_network(subject: Any, records: InstanceRecords, index: int) -> dict[str, Any]:
    """As :func:`_by_bundle`, of a ``NetworkSubject``."""
    from rigsight.training.data.instance_stream import InstanceSource  # torch
    from rigsight.training.instance_scoring import detections

    height, width = records[index].picture.shape[:2]
    source = InstanceSource(records, subject.size, subject.preprocessing)
    found = detections(subject.engine.network, source.plain(index).picture)
    scale = np.array([width / subject.size[0], height / subject.size[1]] * 2, np.float32)
    return {**found, "boxes": found["boxes"] * scale}


def painted(masks: Any, labels: Any, height: int, width: int) -> UInt8:
    """Class ids uint8 [height,width] of masks [K,height,width], best first: earlier ones lie on top."""
    image = np.zeros((height, width), np.uint8)
    for mask, label in reversed(list(zip(masks, labels, strict=True))):
        image[mask > 0] = label
    return as_uint8(image)


def figures(scores: CocoScores) -> Figures:
    """One flat list of figures, None where the truth has nothing of the kind."""
    values = scores.as_json()
    by_class: dict[str, float] = values.pop("by_class")
    values |= {f"ap {name}": value for name, value in by_class.items()}
    return {name: None if value < 0 else round(value, 5) for name, value in values.items()}
