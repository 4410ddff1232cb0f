"""A sink that sees every mask: how old it is, what it lacks, and whether its pictures are whole."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from time import monotonic_ns

from rigsight.edge.cameras.card import number_of
from rigsight.edge.frames import Prediction

KEPT = 4096


@dataclass(frozen=True)
class Seen:
    """One mask: the capture of its set and its own completion, monotonic nanoseconds."""

    captured_ns: int
    done_ns: int
    degraded: str | None
    flagged: bool

    @property
    def age_ms(self) -> float:
        """From capture to mask."""
        return (self.done_ns - self.captured_ns) / 1e6


class Watcher:
    """See the module. ``slow_until_ns`` makes it a slow sink until then, ``slow_s`` a mask."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seen: deque[Seen] = deque(maxlen=KEPT)
        self.masks = self.torn = self.checked = 0
        self.slow_until_ns, self.slow_s = 0, 0.0

    def write(self, prediction: Prediction) -> None:
        """Look at one prediction."""
        source = prediction.aligned.source
        if monotonic_ns() < self.slow_until_ns:
            time.sleep(self.slow_s)
        for frame in source.frames.values():
            self.checked += 1
            self.torn += number_of(frame.data) is None
        seen = Seen(
            source.captured_ns,
            source.captured_ns + prediction.stage_ns["age"],
            prediction.degraded,
            any(frame.flags for frame in source.frames.values()),
        )
        with self._changed:
            self.masks += 1
            self._seen.append(seen)
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing to let go of."""

    def recent(self, count: int) -> list[Seen]:
        """The last masks, oldest first."""
        with self._changed:
            return list(self._seen)[-count:]

    def healthy_after(self, since_ns: int, run: int, timeout_s: float) -> Seen | None:
        """The first of ``run`` whole and unflagged masks in a row of pictures taken after ``since_ns``; None
        where there is none in time."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                row: list[Seen] = []
                for seen in self._seen:
                    if seen.captured_ns < since_ns:
                        continue
                    row = [*row, seen] if seen.degraded is None and not seen.flagged else []
                    if len(row) == run:
                        return row[0]
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)

    def ages_after(self, since_ns: int, count: int, timeout_s: float) -> list[float]:
        """Ages in ms of the first ``count`` masks of pictures taken after ``since_ns``."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                found = [seen.age_ms for seen in self._seen if seen.captured_ns >= since_ns]
                left = deadline - time.monotonic()
                if len(found) >= count or left <= 0:
                    return found[:count]
                self._changed.wait(left)
