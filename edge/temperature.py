"""How warm a region is, and how much warmer than what lies round it; for radiometric cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from rigsight.edge.frames import UNLABELLED, Aligned, Float32, UInt8

PERCENTILES = (5.0, 50.0, 95.0)
GAP_PX, RING_PX = 2.0, 8.0


@dataclass(frozen=True, slots=True)
class RegionTemperature:
    """Temperatures of one region in kelvin.

    ``pixels`` are those that were measured; ``percentiles_k`` belong to the percentages asked for.
    ``ring_k`` is the mean of the ring round it, ``difference_k`` the region's mean minus that; both are None
    where nothing of the ring could be measured.
    """

    pixels: int
    min_k: float
    mean_k: float
    max_k: float
    percentiles_k: tuple[float, ...]
    ring_pixels: int
    ring_k: float | None
    difference_k: float | None

    def as_json(self) -> dict[str, Any]:
        """Plain values, to millikelvin."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return {name: _rounded(value) for name, value in found.items()}


def region_kelvin(
    aligned: Aligned,
    mask: UInt8,
    class_id: int,
    *,
    percentiles: Sequence[float] = PERCENTILES,
    ring_px: float = RING_PX,
    gap_px: float = GAP_PX,
    kelvin: Float32 | None = None,
) -> RegionTemperature | None:
    """The temperature of all pixels of a class.

    The ring is what lies more than ``gap_px`` (where the two mix) and at most ``gap_px + ring_px`` from the
    region, of pixels that the network gave another class. Only valid pixels count.

    Args:
        aligned: of a radiometric camera.
        mask: uint8 [H,W] class ids on its grid, 255 = unlabelled.
        class_id: which of them.
        percentiles: percentages, 0 to 100.
        ring_px: width of the ring, pixels of the grid; 0 for none.
        gap_px: pixels of the grid.
        kelvin: what ``aligned.kelvin()`` gave before, so that many classes need it only once.

    Returns:
        None where the camera is not radiometric, or no pixel of the class was measured.

    Raises:
        ValueError: the mask is not of the grid's size.
    """
    if mask.shape != aligned.valid.shape:
        raise ValueError(f"the mask is {list(mask.shape)}, the grid is {list(aligned.valid.shape)}")
    if kelvin is None:
        kelvin = aligned.kelvin()
    if kelvin is None:
        return None
    usable = (aligned.valid > 0) & np.isfinite(kelvin)
    region = mask == class_id
    inside = kelvin[region & usable]
    if inside.size == 0:
        return None
    mean = float(inside.mean(dtype=np.float64))
    ring = kelvin[_ring(region, ring_px, gap_px) & usable & (mask != UNLABELLED)]
    around = float(ring.mean(dtype=np.float64)) if ring.size else None
    return RegionTemperature(
        pixels=int(inside.size),
        min_k=float(inside.min()),
        mean_k=mean,
        max_k=float(inside.max()),
        percentiles_k=tuple(float(value) for value in np.percentile(inside, percentiles)),
        ring_pixels=int(ring.size),
        ring_k=around,
        difference_k=None if around is None else mean - around,
    )


def _ring(region: np.ndarray[Any, Any], ring_px: float, gap_px: float) -> np.ndarray[Any, Any]:
    """Whose distance to the nearest pixel of the region lies between the two, bool [H,W]."""
    outside = (~region).astype(np.uint8)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ring: np.ndarray[Any, Any] = (distance > gap_px) & (distance <= gap_px + ring_px)
    return ring


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [round(part, 3) for part in value]
    return round(value, 3) if isinstance(value, float) else value
