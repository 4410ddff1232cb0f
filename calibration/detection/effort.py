"""The time a detector may take."""

from __future__ import annotations

import time

# A step that is under way ends after it: 0.85 keeps pictures of 1280 x 960 within a second.
DEADLINE_S = 0.85


class Clock:
    """Runs from its making; loops of the detectors ask it whether to go on.

    It counts the processor time of its thread, so that what is found does not depend on what else runs.

    >>> Clock(60.0).expired, Clock(0.0).expired
    (False, True)
    """

    def __init__(self, deadline_s: float) -> None:
        self._end = time.thread_time() + deadline_s

    @property
    def left_s(self) -> float:
        """Seconds left, 0 when there are none."""
        return max(self._end - time.thread_time(), 0.0)

    @property
    def expired(self) -> bool:
        """Whether the time is over."""
        return time.thread_time() >= self._end
