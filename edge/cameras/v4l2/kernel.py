"""The five calls that a V4L2 device is driven by; a test can stand behind them in the kernel's place."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import select
from ctypes import Structure, c_int
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Argument = Structure | c_int
_RETRIES = 16


class Kernel(Protocol):
    """What the driver asks of Linux. All calls but :meth:`close` raise OSError."""

    def open(self, path: str) -> int:
        """A descriptor of a device, non-blocking."""

    def ioctl(self, descriptor: int, request: int, argument: Argument) -> None:
        """The request; the kernel may change ``argument``."""

    def map(self, descriptor: int, length: int, offset: int) -> Bytes:
        """A buffer of the device as uint8 [length], read-only."""

    def wait(self, descriptor: int, timeout_s: float) -> bool:
        """Whether something can be read within ``timeout_s``, or is wrong."""

    def close(self, descriptor: int) -> None:
        """Let go of it."""


class Linux:
    """The real one."""

    def open(self, path: str) -> int:
        """See :class:`Kernel`."""
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def ioctl(self, descriptor: int, request: int, argument: Argument) -> None:
        """See :class:`Kernel`. A request that a signal interrupted is made again."""
        for _ in range(_RETRIES):
            try:
                fcntl.ioctl(descriptor, request, argument, True)
                return
            except InterruptedError:
                continue
        raise OSError(errno.EINTR, os.strerror(errno.EINTR))

    def map(self, descriptor: int, length: int, offset: int) -> Bytes:
        """See :class:`Kernel`. It is unmapped with the array's last reader."""
        return np.frombuffer(
            mmap.mmap(descriptor, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset), np.uint8
        )

    def wait(self, descriptor: int, timeout_s: float) -> bool:
        """See :class:`Kernel`."""
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        return bool(poller.poll(max(0, round(timeout_s * 1000))))

    def close(self, descriptor: int) -> None:
        """See :class:`Kernel`."""
        with contextlib.suppress(OSError):
            os.close(descriptor)
