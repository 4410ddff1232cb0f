"""The device's own confusion matrix agrees with torchmetrics'."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassConfusionMatrix, MulticlassJaccardIndex

from rigsight.edge.scoring.masks import MaskMeter


def test_confusion_and_miou_are_those_of_torchmetrics() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 5, (40, 50)).astype(np.uint8)
    mask = np.where(random.random((40, 50)) < 0.6, truth, random.integers(0, 5, (40, 50))).astype(np.uint8)
    truth[:4] = 255
    meter = MaskMeter(5)
    meter.add(mask, truth)
    both = torch.from_numpy(mask).long(), torch.from_numpy(truth).long()
    matrix = MulticlassConfusionMatrix(5, ignore_index=255)(*both)
    np.testing.assert_array_equal(meter.matrix[:, :5], matrix.numpy())
    index = MulticlassJaccardIndex(5, ignore_index=255, average="macro")(*both)
    assert meter.scores().miou == pytest.approx(float(index))
