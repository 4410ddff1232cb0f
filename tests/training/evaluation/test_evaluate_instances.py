"""rigsight evaluate of instance models: figures at the pictures' own size, whatever the network was fed."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.spec import ClassEntry, Preprocessing
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance
from rigsight.training.data.coco import encode
from rigsight.training.data.dataset import Dataset, open_dataset
from rigsight.training.evaluation.dataset import Settings, evaluate
from rigsight.training.evaluation.instances import painted
from rigsight.training.evaluation.networks import NetworkSubject

CLASSES = tuple(ClassEntry(name=n, color=(9 * i, 0, 0)) for i, n in enumerate(("background", "human", "car")))
DATASET = """
version: 1
name: infrared
modalities: {thermal: "{stem}.png"}
labels: {kind: coco, pattern: instances.json}
classes:
  - {name: background, color: [0, 0, 0]}
  - {name: NAME, color: [255, 0, 0]}
  - {name: human, color: [0, 0, 255]}
splits:
  test: {stems: [a, b]}
licence: CC0
source: a test
"""


class BrightBoxes(nn.Module):
    """Finds the one bright box of a picture and calls it a car (2): an exact detector for these pictures."""

    task, inputs = "instance", ("thermal",)

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, thermal: Tensor) -> dict[str, Tensor]:
        rows, columns = torch.where(thermal[0, 0] > 0.5)
        box = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()
        return {
            "boxes": torch.stack([box, torch.zeros(4)])[None],
            "labels": torch.tensor([[2, 0]]),
            "scores": torch.tensor([[0.9, 0.0]]),
            "masks": torch.ones(1, 2, 28, 28),
        }


def dataset(folder: Path, car: str = "car") -> Dataset:
    """Two pictures of 120 x 80 with a bright car in each, and a human that nobody sees in the second."""
    images, annotations = [], []
    for number, stem in enumerate("ab"):
        picture, mask = np.full((80, 120), 20, np.uint8), np.zeros((80, 120), np.uint8)
        mask[20 + 10 * number : 60, 30:90] = 1
        picture[mask > 0] = 220
        cv2.imwrite(str(folder / f"{stem}.png"), picture)
        images.append({"id": number, "file_name": f"{stem}.png", "width": 120, "height": 80})
        annotations.append({"id": number, "image_id": number, "category_id": 1, "segmentation": encode(mask)})
    hidden = np.zeros((80, 120), np.uint8)
    hidden[2:12, 2:8] = 1
    annotations.append({"id": 9, "image_id": 1, "category_id": 2, "segmentation": encode(hidden)})
    categories = [{"id": 1, "name": car}, {"id": 2, "name": "human"}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(coco))
    (folder / "dataset.yaml").write_text(DATASET.replace("NAME", car))
    return open_dataset(folder)


def subject() -> NetworkSubject:
    """Judged through pictures of half the size."""
    meta = CheckpointMeta(
        model="bnsa_mask_rcnn",
        task="instance",
        classes=CLASSES,
        width=60,
        height=40,
        preprocessing=Preprocessing(thermal_input="camera8"),
        training=TrainingProvenance(command="", tool_version=""),
    )
    return NetworkSubject(BrightBoxes(), meta, "a test")


def test_figures_are_of_the_pictures_own_size_and_the_models_ids(tmp_path: Path) -> None:
    report = evaluate(subject(), dataset(tmp_path), "test", Settings(worst=1))
    figures = report.figures["both"]
    assert figures["ap car"] == pytest.approx(1.0)
    assert figures["ap human"] == 0.0
    assert figures["ap"] == pytest.approx(0.5)
    assert figures["ap_medium"] == pytest.approx(1.0)  # 60 x 40 pixels; at the network's size they are small
    assert figures["ap_large"] is None
    assert report.sheet is not None


def test_other_classes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(RigsightError, match="lorry"):
        evaluate(subject(), dataset(tmp_path, "lorry"), "test")


def test_the_best_detection_lies_on_top() -> None:
    masks = np.ones((2, 3, 4), np.uint8)
    masks[0, :, 2:] = 0
    assert painted(masks, [1, 2], 3, 4)[0].tolist() == [1, 1, 2, 2]
