"""Region F1 against the definition, patch by patch."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rigsight.edge.frames import UInt8
from rigsight.edge.scoring.region import RegionCounts


def by_hand(probability: UInt8, truth: UInt8, level: int) -> tuple[int, int, int]:
    """True positive, false positive and false negative patches."""
    found = alarms = missed = 0
    for top in range(0, truth.shape[0], 32):
        for left in range(0, truth.shape[1], 32):
            true = truth[top : top + 32, left : left + 32]
            judged = true != 255
            mask = (probability[top : top + 32, left : left + 32] >= level) & judged
            cracks = true == 1
            if not judged.any():
                continue
            if cracks.sum() >= 0.05 * judged.sum():
                hit = (cracks & mask).sum() >= 0.5 * cracks.sum()
                found, missed = found + int(hit), missed + int(not hit)
            else:
                alarms += int(mask.sum() >= 0.05 * judged.sum())
    return found, alarms, missed


def test_every_level_agrees_with_the_definition() -> None:
    rng = np.random.default_rng(1)
    truth = np.zeros((70, 130), np.uint8)
    truth[10:13, 5:125] = 1
    truth[40:70, 60:61] = 1  # too thin for its patches
    truth[66:, 100:104] = 1
    truth[32:64, 96:128] = 255
    truth[:8, :3] = 255
    probability = np.clip(rng.normal(60 + 90 * (truth == 1), 60), 0, 255).astype(np.uint8)
    counts = RegionCounts()
    counts.add(probability, truth)
    scores = []
    for level in range(256):
        found, alarms, missed = by_hand(probability, truth, level)
        assert counts.cracked == found + missed
        f1 = 2 * found / (2 * found + alarms + missed)
        assert counts.at(level).f1 == pytest.approx(f1)
        scores.append(f1)
    assert counts.best().f1 == pytest.approx(max(scores))
    assert len(set(scores)) > 5


def test_the_shares_are_52_of_1024_pixels_and_half_of_the_crack() -> None:
    truth = np.zeros((32, 64), np.uint8)
    truth[0, :32] = 1
    truth[1, :19] = 1  # 51 pixels: not cracked
    probability = np.where(truth == 1, 200, 0).astype(np.uint8)
    counts = RegionCounts()
    counts.add(probability, truth)
    assert counts.cracked == 0
    assert math.isnan(counts.at(128).f1)
    truth[1, 19] = 1  # the 52nd
    probability[0, :26] = 0  # 25 of 52 remain
    counts = RegionCounts()
    counts.add(probability, truth)
    assert (counts.cracked, counts.at(128).recall) == (1, 0)
    probability[1, 19] = 200  # 26: half
    probability[:, 32:][:2, :26] = 130  # 52 false pixels in the other patch
    counts = RegionCounts()
    counts.add(probability, truth)
    assert (counts.at(128).recall, counts.at(128).precision) == (1, 0.5)
    assert (counts.at(140).recall, counts.at(140).precision) == (1, 1)
    assert counts.best().f1 == 1


def test_patches_that_the_border_cuts_count_by_the_pixels_they_have() -> None:
    truth = np.zeros((32, 36), np.uint8)
    truth[0, 32:] = 1  # 4 of 128
    truth[1, 32:35] = 1  # 7 of 128: 5.5 %
    counts = RegionCounts()
    counts.add(truth * np.uint8(255), truth)
    assert counts.cracked == 1
    with pytest.raises(ValueError, match="truth is"):
        counts.add(truth, truth.T.copy())
