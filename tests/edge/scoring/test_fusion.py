"""Fusion metrics against values worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rigsight.edge.scoring.fusion import entropy, fusion_quality


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
