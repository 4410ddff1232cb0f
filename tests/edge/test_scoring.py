"""Scores against values worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rigsight.edge.scoring import confusion, entropy, fusion_quality, iou, miou


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


def test_entropy_of_known_histograms() -> None:
    assert entropy(np.full((4, 4), 9, np.uint8)) == 0
    assert entropy(np.arange(256, dtype=np.uint8).reshape(16, 16)) == pytest.approx(8)
    assert entropy(np.uint8([[0, 0, 0, 1]])) == pytest.approx(0.8112781)


def test_fusion_quality_of_worked_values() -> None:
    visible = np.uint8([[0, 10], [0, 10]])
    thermal = np.uint8([[0, 0], [20, 20]])
    fused = np.uint8([[0, 10], [20, 30]])  # the sum: F - T = V and F - V = T, so SCD is exactly 2
    quality = fusion_quality(fused, visible, thermal)
    assert quality.scd == pytest.approx(2)
    assert quality.en == pytest.approx(2)
    assert quality.sd == pytest.approx(math.sqrt(125))
    assert quality.sf == pytest.approx(math.sqrt(10**2 + 20**2))


def test_a_flat_fused_picture_scores_nothing() -> None:
    flat = np.full((5, 6), 100, np.uint8)
    quality = fusion_quality(flat, flat, flat)
    assert (quality.en, quality.sd, quality.sf, quality.scd) == (0, 0, 0, 0)
    with pytest.raises(ValueError, match="one size"):
        fusion_quality(flat, flat, flat[:4])
