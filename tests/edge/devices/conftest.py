"""Serial ports without hardware: pseudo-terminals behind a path that survives replugging."""

from __future__ import annotations

import os
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

PATIENCE_S = 10.0


class Plug:
    """A device's end of a serial cable. ``path`` is a link, as those under /dev/serial/by-id are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.thrown_away = False
        self._lock = threading.Lock()
        self._ends: tuple[int, int] | None = None
        self.plug_in()

    def plug_in(self) -> None:
        with self._lock:
            self._ends = master, slave = os.openpty()
            os.set_blocking(master, False)
            tty.setraw(slave)
            self.path.symlink_to(os.ttyname(slave))

    def unplug(self) -> None:
        with self._lock:
            self.path.unlink(missing_ok=True)
            for end in self._ends or ():
                os.close(end)
            self._ends = None

    def send(self, data: bytes) -> None:
        """Into the void when unplugged."""
        while data:
            with self._lock:
                if self._ends is None:
                    return
                try:
                    data = data[os.write(self._ends[0], data) :]
                except BlockingIOError:
                    time.sleep(0.001)

    def received(self) -> bytes:
        """What the other side wrote; empty when nothing comes for a moment, or when unplugged."""
        for _ in range(20):
            with self._lock, suppress(OSError):
                if self._ends is not None:
                    return os.read(self._ends[0], 4096)
            time.sleep(0.001)
        return b""


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Plug]:
    made = Plug(tmp_path / "usb-Device_0001-if00")
    yield made
    made.thrown_away = True
    made.unplug()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits for a condition, with much patience and no claim about time."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "it never came"
            time.sleep(0.002)

    return wait
