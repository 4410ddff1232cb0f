"""A range finder on a pseudo-terminal, which can be made to talk nonsense."""

from __future__ import annotations

import os
import struct
import threading
import time
import tty

import numpy as np

PERIOD_S = 0.01
DISTANCE_CM = 640


class PtyRangeFinder:
    """A TFmini that says 6.4 m a hundred times a second; ``path`` is its port."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        os.set_blocking(self._master, False)
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._noise: np.random.Generator | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def garbage(self, chance: np.random.Generator, seconds: float) -> None:
        """Random bytes in place of measurements."""
        self._noise = chance
        time.sleep(seconds)
        self._noise = None

    def close(self) -> None:
        """Stop talking."""
        self._over.set()
        self._thread.join()
        for end in (self._master, self._slave):
            os.close(end)

    def _talk(self) -> None:
        body = b"YY" + struct.pack("<HHH", DISTANCE_CM, 500, 2248)
        frame = body + bytes((sum(body) & 0xFF,))
        while not self._over.wait(PERIOD_S):
            noise = self._noise
            data = frame if noise is None else noise.bytes(int(noise.integers(1, 40)))
            try:
                os.write(self._master, data)
            except BlockingIOError:  # nobody reads
                continue
