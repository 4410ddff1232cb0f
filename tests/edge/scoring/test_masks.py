"""Confusion, IoU, mIoU and mAcc against values worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rigsight.edge.scoring.masks import MaskMeter, accuracy, confusion, iou, macc, miou


def test_confusion_ignores_unlabelled_truth_and_counts_an_unlabelled_mask_as_a_miss() -> None:
    truth = np.uint8([[0, 0, 1, 1], [2, 2, 255, 255]])
    mask = np.uint8([[0, 1, 1, 255], [2, 0, 0, 255]])
    np.testing.assert_array_equal(confusion(truth, mask, 3), [[1, 1, 0, 0], [0, 1, 0, 1], [1, 0, 1, 0]])


def test_iou_of_worked_values() -> None:
    matrix = confusion(
        np.uint8([[0, 0, 1, 1], [2, 2, 255, 255]]), np.uint8([[0, 1, 1, 255], [2, 0, 0, 255]]), 3
    )
    # class 0: hit 1, truth 2, predicted 2 -> 1/3; class 1: hit 1, truth 2, predicted 2 -> 1/3; class 2: 1/2
    np.testing.assert_allclose(iou(matrix), [1 / 3, 1 / 3, 1 / 2])
    assert miou(matrix) == pytest.approx(7 / 18)
    assert miou(matrix, [0, 2]) == pytest.approx(5 / 12)


def test_an_absent_class_is_nan_and_left_out_of_the_mean() -> None:
    matrix = confusion(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), 3)
    assert iou(matrix)[0] == 1
    assert np.isnan(iou(matrix)[1:]).all()
    assert miou(matrix) == 1
    assert math.isnan(miou(np.zeros((3, 4), np.int64)))


def test_confusion_adds_up_over_pictures() -> None:
    rng = np.random.default_rng(0)
    truth = rng.choice(np.uint8([0, 1, 2, 255]), (2, 30, 40))
    mask = rng.choice(np.uint8([0, 1, 2, 255]), (2, 30, 40))
    parts = confusion(truth[0], mask[0], 3) + confusion(truth[1], mask[1], 3)
    np.testing.assert_array_equal(parts, confusion(truth, mask, 3))
    assert parts.sum() == (truth != 255).sum()


def test_ids_and_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="classes"):
        confusion(np.uint8([[3]]), np.uint8([[0]]), 3)
    with pytest.raises(ValueError, match="classes"):
        confusion(np.uint8([[0]]), np.uint8([[3]]), 3)
    with pytest.raises(ValueError, match="truth is"):
        confusion(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 3)


def test_accuracy_is_told_of_classes_in_the_truth_only() -> None:
    meter = MaskMeter(4)
    meter.add(np.uint8([[0, 0, 1, 2]]), np.uint8([[0, 1, 1, 255]]))
    meter.add(np.uint8([[255]]), np.uint8([[1]]))  # a pixel left without a class is a miss
    scores = meter.scores()
    assert scores.iou[:2] == (0.5, pytest.approx(1 / 3))
    assert np.isnan(scores.iou[2:]).all()
    assert scores.accuracy[:2] == (1.0, pytest.approx(1 / 3))
    assert np.isnan(scores.accuracy[2:]).all()
    assert scores.miou == pytest.approx(5 / 12)
    assert scores.macc == pytest.approx(2 / 3)
    np.testing.assert_array_equal(scores.accuracy, accuracy(meter.matrix))


def test_means_over_the_classes_that_can_occur() -> None:
    meter = MaskMeter(3, ids=(0, 2))
    meter.add(np.uint8([[0, 1, 2, 1]]), np.uint8([[0, 0, 2, 2]]))
    assert meter.scores().miou == pytest.approx(0.5)
    assert meter.scores().macc == macc(meter.matrix, (0, 2)) == pytest.approx(0.5)
    assert miou(meter.matrix) == pytest.approx(1 / 3)
