"""CUDA through cuda-python: ``cuda.bindings.runtime`` of 12.x and 13.x, ``cuda.cudart`` of early 12.x.

Its functions return a tuple of a cudaError_t and their values. Everything happens in the device's primary
context, which the runtime makes current in every thread that uses it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from rigsight.edge.cuda.base import Device, NoGraph
from rigsight.edge.engines import codes
from rigsight.edge.frames import UInt8

_DEVICE = 0
_NON_BLOCKING = 1  # cudaStreamNonBlocking: the stream does not wait for the legacy default stream
_HOST_DEFAULT = 0  # cudaHostAllocDefault


class CudaPython:
    """See :class:`rigsight.edge.cuda.base.Cuda`."""

    def __init__(self, runtime: Any) -> None:
        """Open the first visible GPU. Raises RigsightError ENG-002 without a driver or a GPU."""
        self._runtime = runtime
        try:
            driver = self._call("cudaDriverGetVersion")
            count = self._call("cudaGetDeviceCount")
            if not count:
                raise RuntimeError("no GPU is visible")
            properties = self._call("cudaGetDeviceProperties", _DEVICE)
            self._call("cudaSetDevice", _DEVICE)
        except Exception as error:  # bindings also raise exceptions of their own for a library not found
            reason = getattr(error, "what", str(error))
            raise codes.CUDA_MISSING(f"cuda-python says: {reason}") from error
        name = properties.name
        self.device = Device(
            name=(name.decode() if isinstance(name, bytes) else str(name)).rstrip("\0"),
            compute_capability=f"{properties.major}.{properties.minor}",
            integrated=bool(properties.integrated),
            driver=f"CUDA {driver // 1000}.{driver % 1000 // 10}",
        )
        self.name = "cuda-python"

    def memory(self) -> tuple[int, int]:
        """See :class:`Cuda`, as all below."""
        free, total = self._call("cudaMemGetInfo")
        return int(free), int(total)

    def allocate(self, size: int) -> int:
        """Device memory."""
        return int(self._call("cudaMalloc", size))

    def free(self, address: int) -> None:
        """Give it back."""
        self._call("cudaFree", address)

    def pinned(self, size: int) -> UInt8:
        """Page-locked host memory; the array's base frees it."""
        return np.asarray(
            _HostBlock(self._runtime, int(self._call("cudaHostAlloc", size, _HOST_DEFAULT)), size)
        )

    def stream(self) -> Any:
        """A stream that does not wait for others."""
        return self._call("cudaStreamCreateWithFlags", _NON_BLOCKING)

    def handle(self, stream: Any) -> int:
        """As an integer."""
        return int(stream)

    def free_stream(self, stream: Any) -> None:
        """Give it back."""
        self._call("cudaStreamDestroy", stream)

    def to_device(self, address: int, source: UInt8, stream: Any) -> None:
        """Host to device."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call("cudaMemcpyAsync", address, source.ctypes.data, source.nbytes, kind, stream)

    def to_host(self, target: UInt8, address: int, stream: Any) -> None:
        """Device to host."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call("cudaMemcpyAsync", target.ctypes.data, address, target.nbytes, kind, stream)

    def wait(self, stream: Any) -> None:
        """Until the stream is idle."""
        self._call("cudaStreamSynchronize", stream)

    def capture(self, stream: Any, enqueue: Callable[[], None]) -> Any:
        """Record instead of run; the capture is ended whatever happens."""
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        failure: Exception | None = None
        try:
            self._call("cudaStreamBeginCapture", stream, mode)
        except Exception as error:
            raise NoGraph(_reason(error)) from error
        try:
            enqueue()
        except Exception as error:
            failure = error
        try:
            graph = self._call("cudaStreamEndCapture", stream)
        except Exception as error:
            raise NoGraph(_reason(failure or error)) from error
        try:
            if failure is not None:
                raise NoGraph(_reason(failure)) from failure
            try:
                return self._call("cudaGraphInstantiate", graph, 0)
            except Exception as error:
                raise NoGraph(_reason(error)) from error
        finally:
            self._call("cudaGraphDestroy", graph)

    def launch(self, graph: Any, stream: Any) -> None:
        """Enqueue it."""
        self._call("cudaGraphLaunch", graph, stream)

    def free_graph(self, graph: Any) -> None:
        """Give it back."""
        self._call("cudaGraphExecDestroy", graph)

    def close(self) -> None:
        """Nothing to do: the primary context is the process's."""

    def _call(self, function: str, *arguments: Any) -> Any:
        """The function's value, or a tuple of several. Raises RigsightError ENG-007 or ENG-008."""
        error, *values = getattr(self._runtime, function)(*arguments)
        names = self._runtime.cudaError_t
        if error != names.cudaSuccess:
            _, text = self._runtime.cudaGetErrorString(error)
            words = text.decode() if isinstance(text, bytes) else str(text)
            short = error == names.cudaErrorMemoryAllocation
            raise (codes.GPU_MEMORY if short else codes.GPU_FAILED)(f"{function}: {words}")
        return values[0] if len(values) == 1 else tuple(values)


class _HostBlock:
    """Page-locked memory as NumPy reads it; freed with the last array that looks at it."""

    def __init__(self, runtime: Any, address: int, size: int) -> None:
        self._free, self._address = runtime.cudaFreeHost, address
        self.__array_interface__ = {
            "shape": (size,),
            "typestr": "|u1",
            "data": (address, False),
            "version": 3,
        }

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # at the interpreter's end CUDA may already be gone
            self._free(self._address)


def _reason(error: Exception) -> str:
    return str(getattr(error, "what", None) or error)
