"""Is the board held still? Motion between the two exposures would go straight into the calibration."""

from __future__ import annotations

from collections import deque

import numpy as np

from rigsight.calibration.detection.detection import Detection

HOLD_NS = 500_000_000
FEWEST = 3  # pictures in that time
# Largest drift over the time, as a part of the picture's width: 0.8 px of 640. A board that moves so slowly
# moves by less than 0.03 px between exposures that are 15 ms apart.
LARGEST_DRIFT = 0.8 / 640
LEAST_PX = 0.4  # what noise alone may show


class Stillness:
    """Follows the board in one camera."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, Detection]] = deque()

    def add(self, detection: Detection | None, stamp_ns: int) -> None:
        """Take what a picture showed; time that runs backwards, or a lost board, starts afresh."""
        if detection is None or (self._seen and stamp_ns <= self._seen[-1][0]):
            self._seen.clear()
        if detection is not None:
            self._seen.append((stamp_ns, detection))
        while len(self._seen) > 1 and self._seen[1][0] <= stamp_ns - HOLD_NS:
            self._seen.popleft()

    @property
    def drift_px(self) -> float:
        """Largest median shift of the points against now, over the last half second; infinity if unknown."""
        if not self._seen or self._seen[-1][0] - self._seen[0][0] < HOLD_NS or len(self._seen) < FEWEST:
            return float("inf")
        now = self._seen[-1][1]
        return max(_shift(now, then) for _, then in self._seen)

    @property
    def held(self) -> float:
        """How much of half a second the board has been held still, 0 to 1."""
        if not self._seen:
            return 0.0
        stamp, now = self._seen[-1]
        limit = max(LARGEST_DRIFT * now.size[0], LEAST_PX)
        since = stamp
        for then_ns, then in reversed(self._seen):
            if _shift(now, then) > limit:
                break
            since = then_ns
        enough = 1.0 if len(self._seen) >= FEWEST else 0.5
        return min((stamp - since) / HOLD_NS, enough)

    @property
    def still(self) -> bool:
        """Held for half a second."""
        return self.held >= 1


def _shift(now: Detection, then: Detection) -> float:
    _, first, second = np.intersect1d(now.ids, then.ids, return_indices=True)
    if not len(first):
        return float("inf")
    return float(np.median(np.linalg.norm(now.points[first] - then.points[second], axis=1)))
