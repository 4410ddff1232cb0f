"""Scores: worked values, absent classes, and the classifier that looks at single pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rigsight.edge.scoring import confusion, miou
from rigsight.training.baseline import PixelClassifier
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


def test_the_pixel_classifier_tells_what_colour_and_temperature_tell() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (60, 80)).astype(np.uint8)
    rgb = np.array([[20, 20, 20], [200, 40, 40], [200, 40, 40]], np.uint8)[labels]
    thermal = np.array([40, 90, 190], np.uint8)[labels]
    labels[0] = 255
    classifier = PixelClassifier(3, balanced=False)
    classifier.add(rgb, thermal, labels)
    known = labels != 255
    assert (classifier(rgb, thermal) == labels)[known].all()
    # A colour never seen goes to the nearest coarse cell that was.
    near = np.full((1, 1, 3), 40, np.uint8)
    assert classifier(near, np.full((1, 1), 56, np.uint8)).item() == 0
    # Without temperature the two red classes are one to it.
    blind = classifier(rgb, np.full_like(thermal, 90))
    assert len(np.unique(blind[known & (labels > 0)])) == 1
