"""Temperatures of regions that are known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rigsight.edge.frames import Aligned, CountsToKelvin, Frame, FrameSet, PixelFormat, Radiometry
from rigsight.edge.radiometry.planck import Conditions, PlanckConstants, to_kelvin
from rigsight.edge.temperature import region_kelvin

LINEAR = CountsToKelvin(0.01, 0.0)
PLANCK = to_kelvin(PlanckConstants(21106.77, 1501.0, 1.0, -7340.0, 0.012545258), Conditions(emissivity=0.9))


def aligned_of(counts: np.ndarray, scale: Radiometry | None = LINEAR) -> Aligned:
    frame = Frame("thermal", counts, 0, 0, PixelFormat.MONO16, counts_to_kelvin=scale)
    height, width = counts.shape
    return Aligned(
        source=FrameSet(0, 0, {"thermal": frame}),
        rgb=np.zeros((height, width, 3), np.uint8),
        thermal=np.zeros((height, width), np.uint8),
        valid=np.full((height, width), 255, np.uint8),
        K=np.eye(3),
        T_native_grid=np.eye(3),
        agc_bounds=None,
        warp_counts=lambda: counts,
    )


def test_a_warm_square_on_a_cold_ground() -> None:
    counts = np.full((60, 80), 29000, np.uint16)
    counts[20:30, 30:40] = 31000
    mask = (counts == 31000).astype(np.uint8)
    found = region_kelvin(aligned_of(counts), mask, 1)
    assert found is not None
    assert (found.pixels, found.min_k, found.mean_k, found.max_k) == pytest.approx((100, 310, 310, 310))
    assert found.ring_k == pytest.approx(290.0)
    assert found.difference_k == pytest.approx(20.0)
    # Area of a square's ring with round corners: 4 s w + pi ((g+w)^2 - g^2), counted in pixels.
    assert found.ring_pixels == pytest.approx(4 * 10 * 8 + math.pi * (100 - 4), rel=0.1)


def test_percentiles_of_a_ramp() -> None:
    counts = np.zeros((10, 101), np.uint16)
    counts[:] = 30000 + 10 * np.arange(101)
    found = region_kelvin(aligned_of(counts), np.ones((10, 101), np.uint8), 1, percentiles=(0, 10, 50, 100))
    assert found is not None
    assert found.percentiles_k == pytest.approx((300.0, 301.0, 305.0, 310.0), abs=1e-3)
    assert found.mean_k == pytest.approx(305.0, abs=1e-3)
    assert (found.ring_k, found.difference_k, found.ring_pixels) == (None, None, 0)


def test_planck_cameras_average_temperatures_not_counts() -> None:
    counts = np.zeros((20, 40), np.uint16)
    counts[:, :20], counts[:, 20:] = round(PLANCK.counts(280.0)), round(PLANCK.counts(360.0))
    found = region_kelvin(aligned_of(counts, PLANCK), np.ones((20, 40), np.uint8), 1)
    assert found is not None
    assert found.mean_k == pytest.approx(320.0, abs=0.01)
    assert float(PLANCK(counts.mean())) > 320.5, "counts are no straight line in kelvin"


def test_only_what_was_measured_counts() -> None:
    counts = np.full((40, 40), 29000, np.uint16)
    counts[10:20, 10:20] = 31000
    mask = np.zeros((40, 40), np.uint8)
    mask[10:20, 10:20] = 1
    aligned = aligned_of(counts)
    counts[10:12, 10:20], counts[22:26, :] = 60000, 1
    aligned.valid[10:12, 10:20] = 0  # outside of the picture
    mask[22:26, :] = 255  # the network did not say
    found = region_kelvin(aligned, mask, 1)
    assert found is not None
    assert (found.pixels, found.max_k) == (80, pytest.approx(310.0))
    assert found.difference_k == pytest.approx(20.0)


def test_the_gap_keeps_mixed_pixels_out() -> None:
    counts = np.full((60, 60), 29000, np.uint16)
    counts[18:42, 18:42] = 30000  # half of each
    counts[20:40, 20:40] = 31000
    mask = (counts == 31000).astype(np.uint8)
    sharp = region_kelvin(aligned_of(counts), mask, 1, gap_px=3.0)
    mixed = region_kelvin(aligned_of(counts), mask, 1, gap_px=0.0)
    assert sharp is not None
    assert mixed is not None
    assert sharp.difference_k == pytest.approx(20.0)
    assert mixed.difference_k is not None
    assert mixed.difference_k < 18.5


def test_nothing_to_measure() -> None:
    counts = np.full((8, 8), 30000, np.uint16)
    mask = np.zeros((8, 8), np.uint8)
    assert region_kelvin(aligned_of(counts), mask, 1) is None
    assert region_kelvin(aligned_of(counts, None), mask, 0) is None
    unknown = region_kelvin(aligned_of(np.zeros((8, 8), np.uint16), PLANCK), mask, 0)
    assert unknown is None, "too little radiation for any temperature"
    with pytest.raises(ValueError, match="grid"):
        region_kelvin(aligned_of(counts), np.zeros((4, 4), np.uint8), 0)
