"""Scores: worked values, absent classes, and the classifier that looks at single pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rigsight.edge.scoring.masks import confusion, miou
from rigsight.training.metrics import SegmentationMeter


def test_scores_worked_out_with_ignored_and_absent_classes() -> None:
    meter = SegmentationMeter(4)
    meter.add(torch.tensor([[[0, 0, 1, 2]]]), torch.tensor([[[0, 1, 1, 255]]]))
    scores = meter.scores()
    assert scores.iou[:2] == (0.5, 0.5)
    assert math.isnan(scores.iou[2])
    assert math.isnan(scores.iou[3])
    assert scores.accuracy[:2] == (1.0, 0.5)
    assert (scores.miou, scores.macc) == (0.5, 0.75)


def test_the_same_as_the_device_scores_itself() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 5, (40, 50)).astype(np.uint8)
    mask = np.where(random.random((40, 50)) < 0.6, truth, random.integers(0, 6, (40, 50))).astype(np.uint8)
    truth[:4] = 255
    ids = (0, 1, 3)
    meter = SegmentationMeter(6, ids)
    meter.add(torch.from_numpy(mask).long()[None], torch.from_numpy(truth).long()[None])
    assert meter.scores().miou == pytest.approx(miou(confusion(truth, mask, 6), ids))
