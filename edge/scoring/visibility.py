"""Does something stand out from what surrounds it? Contrast of a box on a grey picture.

A thing is compared with a frame round it: the middle of the box (60 % of its width, 80 % of its height,
because nothing fills its box) against the ring between the box and the box grown by half its size on every
side. The difference in grey levels tells whether an eye or a network can see it on a screen, the difference
in standard deviations of the ring whether it is more than the background's own texture. It *shows* when both
pass; the limits are ours: 10 of 256 levels, 1 standard deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import UInt8

MIDDLE_WIDTH, MIDDLE_HEIGHT, GROWN = 0.6, 0.8, 0.5
MIN_LEVELS, MIN_DEVIATIONS = 10.0, 1.0
MIN_SIDE = 3

Box = tuple[float, float, float, float]
"""x, y of the upper left corner, x, y of the lower right one; pixels."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """``levels``: difference of the means in grey levels; ``deviations``: the same in those of the ring."""

    levels: float
    deviations: float

    @property
    def shows(self) -> bool:
        """Is it seen?"""
        return self.levels >= MIN_LEVELS and self.deviations >= MIN_DEVIATIONS


def contrast(grey: UInt8, box: Box, others: Sequence[Box] = ()) -> Contrast | None:
    """How ``box`` stands out on a grey picture uint8 [H,W]; ``others`` are left out of the ring.

    None where the box is smaller than 3 pixels or nothing of its ring is inside the picture.

    >>> grey = np.full((40, 40), 50, np.uint8); grey[10:30, 10:20] = 90
    >>> contrast(grey, (10, 10, 20, 30)).levels
    40.0
    """
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if min(width, height) < MIN_SIDE:
        return None
    x, y = (left + right) / 2, (top + bottom) / 2
    middle = _inside(grey, x, y, width * MIDDLE_WIDTH, height * MIDDLE_HEIGHT)
    ring = _inside(grey, x, y, width * (1 + 2 * GROWN), height * (1 + 2 * GROWN))
    for a, b, c, d in (box, *others):
        ring &= ~_inside(grey, (a + c) / 2, (b + d) / 2, c - a, d - b)
    if not ring.any() or not middle.any():
        return None
    levels = abs(float(grey[middle].mean()) - float(grey[ring].mean()))
    deviation = float(grey[ring].std())
    return Contrast(levels, levels / max(deviation, 1.0))  # a step of quantisation is the least noise


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes.

    >>> overlap((0, 0, 2, 2), (1, 0, 3, 2))
    0.3333333333333333
    """
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    common = max(across, 0.0) * max(down, 0.0)
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return common / (sum(areas) - common)


def _inside(grey: UInt8, x: float, y: float, width: float, height: float) -> NDArray[np.bool_]:
    """Pixels whose centre lies in a box of that centre and size."""
    rows = np.abs(np.arange(grey.shape[0]) + 0.5 - y) <= height / 2
    columns = np.abs(np.arange(grey.shape[1]) + 0.5 - x) <= width / 2
    inside: NDArray[np.bool_] = rows[:, None] & columns[None]
    return inside
