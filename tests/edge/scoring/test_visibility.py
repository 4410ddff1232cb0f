"""Contrast of boxes: worked values, neighbours, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.edge.scoring.visibility import Contrast, contrast, overlap


def street() -> np.ndarray:
    """Stripes of 40 and 60, with a person of 90."""
    grey = np.full((60, 60), 40, np.uint8)
    grey[:, ::2] = 60
    grey[20:40, 24:36] = 90
    return grey


def test_contrast_is_that_of_the_middle_against_the_ring() -> None:
    found = contrast(street(), (24, 20, 36, 40))
    assert found is not None
    assert found.levels == pytest.approx(40)
    assert found.deviations == pytest.approx(4)  # stripes of 40 and 60 deviate by 10
    assert found.shows


def test_both_limits_count() -> None:
    assert not Contrast(levels=9.9, deviations=20).shows
    assert not Contrast(levels=50, deviations=0.9).shows
    assert Contrast(levels=10, deviations=1).shows


def test_a_flat_background_counts_as_one_level_of_noise() -> None:
    grey = np.full((30, 30), 5, np.uint8)
    grey[10:20, 10:20] = 8
    found = contrast(grey, (10, 10, 20, 20))
    assert found == Contrast(3.0, 3.0)
    assert not found.shows


def test_a_neighbour_does_not_belong_to_the_background() -> None:
    grey = np.full((60, 60), 50, np.uint8)
    grey[20:40, 20:30] = 90
    grey[20:40, 31:41] = 250
    alone, beside = (contrast(grey, (20, 20, 30, 40), others) for others in ((), [(31, 20, 41, 40)]))
    assert alone is not None
    assert beside is not None
    assert beside.levels == 40
    assert alone.levels != 40


def test_boxes_too_small_or_outside_tell_nothing() -> None:
    assert contrast(street(), (5, 5, 7, 30)) is None
    assert contrast(street(), (100, 100, 120, 120)) is None
    assert overlap((0, 0, 1, 1), (5, 5, 6, 6)) == 0
    assert overlap((0, 0, 4, 4), (0, 0, 4, 4)) == 1
