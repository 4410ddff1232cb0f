"""Scores by threshold against a loop over levels, and worked values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rigsight.edge.frames import UInt8
from rigsight.edge.scoring.thresholds import ThresholdCounts


def pictures(number: int = 3) -> list[tuple[UInt8, UInt8]]:
    """Probabilities that know something of the truth, with an unlabelled corner."""
    rng = np.random.default_rng(4)
    result = []
    for _ in range(number):
        truth = (rng.random((23, 31)) < 0.1).astype(np.uint8)
        probability = np.clip(rng.normal(90 + 80 * truth, 50), 0, 255).astype(np.uint8)
        truth[:5, :7] = 255
        result.append((probability, truth))
    return result


def near(points: np.ndarray, radius: float) -> np.ndarray:
    """Pixels within the radius of any of the points: every distance, one by one."""
    ys, xs = np.nonzero(points)
    y, x = np.mgrid[: points.shape[0], : points.shape[1]]
    if not len(ys):
        return np.zeros(points.shape, bool)
    squares = (y[..., None] - ys) ** 2 + (x[..., None] - xs) ** 2
    return squares.min(axis=2) <= radius * radius


def by_hand(pairs: list[tuple[UInt8, UInt8]], level: int, radius: float) -> tuple[float, float, float, float]:
    """F1, precision, recall and IoU at one level, straight from their definitions."""
    right = predicted = found = positives = hit = 0
    for probability, truth in pairs:
        mask = (probability >= level) & (truth != 255)
        true = truth == 1
        right += int((mask & near(true, radius)).sum())
        found += int((true & near(mask, radius)).sum())
        predicted, positives, hit = predicted + mask.sum(), positives + true.sum(), hit + (mask & true).sum()
    p, r = (right / predicted if predicted else 1.0), found / positives
    return 2 * p * r / (p + r) if p + r else 0.0, p, r, hit / (predicted + positives - hit)


@pytest.mark.parametrize("radius", [0, 1, 2, 2.5])
def test_every_level_agrees_with_the_loop(radius: float) -> None:
    pairs = pictures()
    counts = ThresholdCounts(radius)
    for probability, truth in pairs:
        counts.add(probability, truth)
    expected = np.array([by_hand(pairs, level, radius) for level in range(0, 256, 5)])
    points = [counts.at(level) for level in range(0, 256, 5)]
    measured = [(p.f1, p.precision, p.recall, counts.iou(p.threshold)) for p in points]
    np.testing.assert_allclose(measured, expected)
    every = [by_hand(pairs, level, radius) for level in range(256)]
    best = counts.ods()
    assert best.f1 == pytest.approx(max(f1 for f1, *_ in every))
    assert every[best.threshold][0] == pytest.approx(best.f1)
    # the sum over rising recall, from the surest level down
    area, before = 0.0, 0.0
    for _, precision, recall, _ in reversed(every):
        area += (recall - before) * precision
        before = recall
    assert counts.auprc() == pytest.approx(area)
    each = [max(by_hand([pair], level, radius)[0] for level in range(256)) for pair in pairs]
    assert counts.ois() == pytest.approx(np.mean(each))
    assert counts.ois() >= best.f1 - 0.02


def test_a_perfect_mask_scores_one_at_a_level_in_the_middle() -> None:
    truth = np.uint8([[0, 1, 1, 0], [255, 0, 1, 0]])
    counts = ThresholdCounts()
    counts.add(np.where(truth == 1, 255, 0).astype(np.uint8), truth)
    best = counts.ods()
    assert (best.f1, best.precision, best.recall) == (1, 1, 1)
    assert best.threshold == 128
    assert (counts.ois(), counts.auprc(), counts.iou(128)) == (1, 1, 1)


def test_tolerance_of_a_line_that_is_off_by_two() -> None:
    truth, probability = np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8)
    truth[:, 3] = 1
    probability[:, 5] = 200
    scores = []
    for radius in (0, 1, 2):
        counts = ThresholdCounts(radius)
        counts.add(probability, truth)
        scores.append((counts.f1(128), counts.iou(128)))
    assert scores == [(0, 0), (0, 0), (1, 0)]


def test_pictures_without_truth_count_their_false_alarms_and_nothing_per_picture() -> None:
    counts = ThresholdCounts()
    counts.add(np.uint8([[255, 0]]), np.uint8([[1, 0]]))
    counts.add(np.uint8([[255, 0]]), np.uint8([[0, 0]]))
    assert counts.images == 2
    assert counts.ods().precision == 0.5
    assert counts.ois() == 1
    empty = ThresholdCounts()
    empty.add(np.uint8([[255, 0]]), np.uint8([[0, 0]]))
    assert math.isnan(empty.ods().f1)
    assert math.isnan(empty.auprc())
    assert math.isnan(empty.ois())


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="truth is"):
        ThresholdCounts().add(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))
    with pytest.raises(ValueError, match="other values"):
        ThresholdCounts().add(np.zeros((1, 2), np.uint8), np.uint8([[0, 2]]))
    with pytest.raises(ValueError, match="tolerance"):
        ThresholdCounts(-1)
