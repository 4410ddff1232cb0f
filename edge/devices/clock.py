"""A device's own clock on the rig's clock."""

from __future__ import annotations

from collections import deque

NS_PER_S = 1_000_000_000
RESTART_NS = NS_PER_S
DRIFT = 20e-6


class ClockOffset:
    """Rig time = device time + the least difference between arrival and device time of the last seconds.

    Transport only ever delays, so the message that was delayed least tells most (the minimum filter of clock
    synchronisation, as in Cristian, "Probabilistic clock synchronization", 1989). What even that one was
    delayed by remains as a constant. A clock that jumps back by more than a second has started anew.
    """

    def __init__(self, window_s: float = 30.0) -> None:
        self._window_ns = int(window_s * NS_PER_S)
        self._least: deque[tuple[int, int]] = deque()  # (device time, offset), offsets rising
        self._last_ns: int | None = None
        self._count, self._most, self._mean = 0, 200, 0.0

    @property
    def uncertainty_ns(self) -> int | None:
        """One standard deviation of the offset in nanoseconds, None before the second message.

        Of n delays with a mean excess m over their least, the least itself is m / n too long (exact for
        exponential delays); what a crystal may drift (20 ppm) since the least delay was seen comes on top.
        The constant part of the transport's delay is not in it: no one-way message can tell it.
        """
        if self._count < 2 or self._last_ns is None:
            return None
        excess = max(0.0, self._mean - self._least[0][1])
        drift = DRIFT * (self._last_ns - self._least[0][0])
        return round(excess / min(self._count, self._most) + drift)

    @property
    def offset_ns(self) -> int | None:
        """Rig time minus device time in nanoseconds, None before the first message."""
        return self._least[0][1] if self._least else None

    def rig_ns(self, device_ns: int, arrival_ns: int) -> int:
        """Take a message into account; returns its device time on the rig's clock."""
        if self._last_ns is not None and device_ns < self._last_ns - RESTART_NS:
            self._least.clear()
            self._last_ns = None
            self._count = 0
        newest = device_ns if self._last_ns is None else max(device_ns, self._last_ns)
        self._last_ns = newest
        offset = arrival_ns - device_ns
        self._count += 1
        # A mean over about the last 200 messages: exact at first, exponential later.
        self._mean += (offset - self._mean) / min(self._count, self._most)
        while self._least and self._least[-1][1] >= offset:
            self._least.pop()
        self._least.append((newest, offset))
        while self._least[0][0] < newest - self._window_ns:
            self._least.popleft()
        return device_ns + self._least[0][1]
