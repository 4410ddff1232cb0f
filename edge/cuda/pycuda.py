"""CUDA through pycuda, which has no graphs: every call is enqueued on its own.

The device's primary context is pushed in the thread that opens it, and popped by :meth:`Pycuda.close`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rigsight.base.errors import ErrorCode
from rigsight.edge.cuda.base import Device, NoGraph
from rigsight.edge.engines import codes
from rigsight.edge.frames import UInt8

_DEVICE = 0


class Pycuda:
    """See :class:`rigsight.edge.cuda.base.Cuda`."""

    def __init__(self, driver: Any) -> None:
        """Open the first visible GPU with ``pycuda.driver``. Raises RigsightError ENG-002 without one."""
        self._driver = driver
        try:
            driver.init()
            device = driver.Device(_DEVICE)
            major, minor = device.compute_capability()
            version = driver.get_driver_version()
            self._context = device.retain_primary_context()
            self._context.push()
        except Exception as error:
            raise codes.CUDA_MISSING(f"pycuda says: {_reason(error)}") from error
        self.device = Device(
            name=device.name(),
            compute_capability=f"{major}.{minor}",
            integrated=bool(device.get_attribute(driver.device_attribute.INTEGRATED)),
            driver=f"CUDA {version // 1000}.{version % 1000 // 10}",
        )
        self.name = "pycuda"
        self._allocations: dict[int, Any] = {}

    def memory(self) -> tuple[int, int]:
        """See :class:`Cuda`, as all below."""
        free, total = self._do(self._driver.mem_get_info)
        return int(free), int(total)

    def allocate(self, size: int) -> int:
        """Device memory; pycuda frees it with its object, so that is kept here."""
        allocation = self._do(self._driver.mem_alloc, size)
        self._allocations[int(allocation)] = allocation
        return int(allocation)

    def free(self, address: int) -> None:
        """Give it back."""
        self._do(self._allocations.pop(address).free)

    def pinned(self, size: int) -> UInt8:
        """Page-locked host memory; pycuda ties it to the array."""
        array: UInt8 = self._do(self._driver.pagelocked_empty, size, np.uint8)
        return array

    def stream(self) -> Any:
        """A stream."""
        return self._do(self._driver.Stream)

    def handle(self, stream: Any) -> int:
        """As an integer."""
        return int(stream.handle)

    def free_stream(self, stream: Any) -> None:
        """Pycuda frees it with its object."""

    def to_device(self, address: int, source: UInt8, stream: Any) -> None:
        """Host to device."""
        self._do(self._driver.memcpy_htod_async, address, source, stream)

    def to_host(self, target: UInt8, address: int, stream: Any) -> None:
        """Device to host."""
        self._do(self._driver.memcpy_dtoh_async, target, address, stream)

    def wait(self, stream: Any) -> None:
        """Until the stream is idle."""
        self._do(stream.synchronize)

    def capture(self, stream: Any, enqueue: Callable[[], None]) -> Any:
        """Not with pycuda."""
        raise NoGraph("pycuda has no CUDA graphs (cuda-python has)")

    def launch(self, graph: Any, stream: Any) -> None:
        """Never reached: there is no graph."""
        raise NotImplementedError

    def free_graph(self, graph: Any) -> None:
        """Never reached."""
        raise NotImplementedError

    def close(self) -> None:
        """Pop the context from this thread and let it go."""
        self._context.pop()
        self._context.detach()

    def _do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:  # pycuda's classes share only RuntimeError, and MemoryError is not of them
            short = isinstance(error, (MemoryError, self._driver.MemoryError))
            code: ErrorCode = codes.GPU_MEMORY if short else codes.GPU_FAILED
            raise code(f"pycuda says: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
