"""One distance out of a depth picture."""

from __future__ import annotations

import numpy as np

from rigsight.edge.frames import Image

LEAST_SHARE = 0.1


def central_distance(counts: Image, metres_per_count: float) -> tuple[float | None, float]:
    """Median distance in metres of the middle of a depth picture, and the share of its pixels that know one.

    ``counts`` uint16 [H,W], 0 where unknown. The middle is half the width and half the height. The distance
    is None where less than a tenth of it is known: that says more of the holes than of the surface.

    >>> central_distance(np.full((4, 4), 2000, np.uint16), 0.001)
    (2.0, 1.0)
    """
    height, width = counts.shape
    middle = counts[height // 4 : height - height // 4, width // 4 : width - width // 4]
    known = middle[middle > 0]
    share = known.size / max(1, middle.size)
    if share < LEAST_SHARE:
        return None, share
    return float(np.median(known)) * metres_per_count, share
