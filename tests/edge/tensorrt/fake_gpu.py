"""A GPU for tests, behind the recorded names of cuda-python and of pycuda.

It computes nothing itself, but keeps books: what is freed twice, used after it was freed or from another
thread than the one that made it, copied with another size than was allocated, copied from pageable memory, or
not given back at the end, is a misuse. Copies and launches happen when the stream is waited for and not
before, so that results which were not waited for are garbage.
"""

from __future__ import annotations

import ctypes
import enum
import gc
import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

API = Path(__file__).parent / "api"
CUDA_VERSIONS = ("12.9.10", "13.5.0")
Operation = Callable[[], None]


class Misuse(AssertionError):
    """What would crash, leak or give garbage on a real GPU."""


class Stream:
    """Work in order; while capturing it is recorded and not done."""

    def __init__(self, owner: int) -> None:
        self.owner, self.queue, self.captured = owner, [], None
        self.broken = False


class Gpu:
    """The device: memory by address, streams and graphs by handle, and what was done wrong."""

    def __init__(
        self,
        name: str = "Orin",
        compute_capability: tuple[int, int] = (8, 7),
        integrated: bool = True,
        free: int = 6 << 30,
        driver: int = 12060,
    ) -> None:
        self.name, self.compute_capability, self.integrated = name, compute_capability, integrated
        self.total, self.free_bytes, self.driver = 8 << 30, free, driver
        self.count = 1
        self.fail: dict[str, str] = {}  # function of the runtime -> name of the error it returns
        self.device: dict[int, tuple[bytearray, int]] = {}
        self.host: dict[int, tuple[Any, int]] = {}
        self.streams: dict[int, Stream] = {}
        self.graphs: dict[int, tuple[list[Operation], int]] = {}
        self.misuses: list[str] = []
        self.launches = self.executions = self.captures = 0
        self._next = 0x7000_0000_0000

    # what tests ask at the end

    def assert_clean(self) -> None:
        """No misuse, and everything given back."""
        gc.collect()
        assert self.misuses == [], self.misuses
        left = {"device": self.device, "host": self.host, "streams": self.streams, "graphs": self.graphs}
        kept = {kind: len(held) for kind, held in left.items() if held}
        assert not kept, f"not given back: {kept}"

    # memory

    def allocate(self, size: int) -> int:
        address = self._handle()
        self.device[address] = (bytearray(b"\xcd" * size), threading.get_ident())
        return address

    def free(self, address: int) -> None:
        self._owned(self.device, address, "device memory")
        if any(stream.queue for stream in self.streams.values()):
            raise self.misuse("memory is freed while work is pending")
        del self.device[address]

    def allocate_host(self, size: int) -> int:
        block = (ctypes.c_uint8 * size).from_buffer(bytearray(b"\xab" * size))
        address = ctypes.addressof(block)
        self.host[address] = (block, threading.get_ident())
        return address

    def free_host(self, address: int) -> None:
        if address not in self.host:
            raise self.misuse("pinned memory is freed twice")
        del self.host[address]  # from any thread: with the last array that looks at it

    # streams and graphs

    def stream(self) -> int:
        handle = self._handle()
        self.streams[handle] = Stream(threading.get_ident())
        return handle

    def free_stream(self, handle: int) -> None:
        if self.stream_of(handle).queue:
            raise self.misuse("a stream is freed while work is pending")
        del self.streams[handle]

    def stream_of(self, handle: Any) -> Stream:
        stream = self.streams.get(int(handle))
        if stream is None:
            raise self.misuse(f"the stream {handle} is not there")
        if stream.owner != threading.get_ident():
            raise self.misuse("a stream is used from another thread than its own")
        return stream

    def enqueue(self, handle: Any, operation: Operation) -> None:
        stream = self.stream_of(handle)
        (stream.queue if stream.captured is None else stream.captured).append(operation)

    def copy(self, target: int, source: int, size: int, to_device: bool, handle: Any) -> None:
        device, host = (target, source) if to_device else (source, target)

        def check() -> tuple[bytearray, int]:
            memory = self._owned(self.device, device, "device memory")
            if len(memory) != size:
                raise self.misuse(f"{size} bytes are copied, {len(memory)} are allocated")
            self._pinned(host, size)
            return memory, host

        check()

        def run() -> None:
            memory, place = check()
            if to_device:
                memory[:] = ctypes.string_at(place, size)
            else:
                ctypes.memmove(place, bytes(memory), size)

        self.enqueue(handle, run)

    def wait(self, handle: Any) -> None:
        stream = self.stream_of(handle)
        if stream.captured is not None:
            stream.broken = True
            raise self.misuse("a stream is waited for while it captures")
        pending, stream.queue = stream.queue, []
        for operation in pending:
            operation()

    def begin_capture(self, handle: Any) -> None:
        stream = self.stream_of(handle)
        if stream.captured is not None:
            raise self.misuse("a capture begins within a capture")
        stream.captured, stream.broken = [], False

    def end_capture(self, handle: Any) -> list[Operation] | None:
        """The recorded work, or None where something in it cannot be captured."""
        stream = self.stream_of(handle)
        if stream.captured is None:
            raise self.misuse("a capture ends that was not begun")
        recorded, stream.captured = stream.captured, None
        return None if stream.broken else recorded

    def graph(self, operations: list[Operation]) -> int:
        handle = self._handle()
        self.graphs[handle] = (operations, threading.get_ident())
        return handle

    def launch(self, graph: int, handle: Any) -> None:
        for operation in self._owned(self.graphs, graph, "a graph"):
            self.enqueue(handle, operation)
        self.launches += 1

    def free_graph(self, graph: int) -> None:
        self._owned(self.graphs, graph, "a graph")
        del self.graphs[graph]

    # books

    def misuse(self, what: str) -> Misuse:
        self.misuses.append(what)
        return Misuse(what)

    def memory_of(self, address: int) -> bytearray:
        """Device memory as a kernel sees it."""
        return self._owned(self.device, address, "device memory")

    def _owned(self, held: dict[int, tuple[Any, int]], address: int, what: str) -> Any:
        if address not in held:
            raise self.misuse(f"{what} at {address:#x} is freed, or was never there")
        found, owner = held[address]
        if owner != threading.get_ident():
            raise self.misuse(f"{what} is used from another thread than its own")
        return found

    def _pinned(self, address: int, size: int) -> None:
        for begin, (block, _) in self.host.items():
            if begin <= address and address + size <= begin + len(block):
                return
        raise self.misuse("a copy reads or writes host memory that is not pinned")

    def _handle(self) -> int:
        self._next += 0x1000
        return self._next


def cuda_python(gpu: Gpu, version: str) -> Any:
    """``cuda.bindings.runtime`` of a recorded version: its names, its numbers of arguments, its tuples."""
    recorded = json.loads((API / f"cuda-{version}.json").read_text())
    enums = {
        name: enum.Enum(name, {member: number for number, member in enumerate(recorded[name])})
        for name in ("cudaError_t", "cudaMemcpyKind", "cudaStreamCaptureMode")
    }
    errors: Any = enums["cudaError_t"]
    kinds: Any = enums["cudaMemcpyKind"]
    known = set(recorded["cudaDeviceProp"])
    facts = {
        "name": gpu.name.encode() + b"\0" * 8,
        "major": gpu.compute_capability[0],
        "minor": gpu.compute_capability[1],
        "integrated": int(gpu.integrated),
    }
    assert set(facts) <= known

    def copy(target: int, source: int, size: int, kind: Any, stream: Any) -> None:
        assert isinstance(kind, kinds)
        gpu.copy(target, source, size, kind is kinds.cudaMemcpyHostToDevice, stream)

    def capture(stream: Any, mode: Any) -> None:
        assert isinstance(mode, enums["cudaStreamCaptureMode"])
        gpu.captures += 1
        gpu.begin_capture(stream)

    def end(stream: Any) -> Any:
        found = gpu.end_capture(stream)
        return errors.cudaErrorStreamCaptureInvalidated if found is None else SimpleNamespace(work=found)

    def instantiate(graph: Any, flags: int) -> int:
        assert flags == 0
        if not graph.work:
            raise gpu.misuse("a graph without work")
        return gpu.graph(graph.work)

    functions: dict[str, Callable[..., Any]] = {
        "cudaDriverGetVersion": lambda: gpu.driver,
        "cudaGetDeviceCount": lambda: gpu.count,
        "cudaGetDeviceProperties": lambda device: SimpleNamespace(**facts),
        "cudaSetDevice": lambda device: None,
        "cudaMemGetInfo": lambda: (gpu.free_bytes, gpu.total),
        "cudaMalloc": gpu.allocate,
        "cudaFree": gpu.free,
        "cudaHostAlloc": lambda size, flags: gpu.allocate_host(size),
        "cudaFreeHost": gpu.free_host,
        "cudaStreamCreateWithFlags": lambda flags: gpu.stream(),
        "cudaStreamDestroy": gpu.free_stream,
        "cudaStreamSynchronize": gpu.wait,
        "cudaMemcpyAsync": copy,
        "cudaStreamBeginCapture": capture,
        "cudaStreamEndCapture": end,
        "cudaGraphInstantiate": instantiate,
        "cudaGraphDestroy": lambda graph: None,
        "cudaGraphLaunch": gpu.launch,
        "cudaGraphExecDestroy": gpu.free_graph,
    }
    no_value = {name for name in functions if name.startswith(("cudaFree", "cudaSet", "cudaMemcpy"))} | {
        "cudaStreamDestroy", "cudaStreamSynchronize", "cudaStreamBeginCapture",
        "cudaGraphDestroy", "cudaGraphLaunch", "cudaGraphExecDestroy",
    }  # fmt: skip

    class Runtime:
        def __getattr__(self, name: str) -> Any:
            if name in enums:
                return enums[name]
            if name not in recorded["module"]:
                raise AttributeError(f"module 'cuda.bindings.runtime' has no attribute '{name}'")
            if name == "cudaGetErrorString":
                return lambda error: (errors.cudaSuccess, error.name.removeprefix("cudaError").encode())

            def call(*arguments: Any) -> tuple[Any, ...]:
                assert len(arguments) == recorded["arguments"][name], f"{name} takes other arguments"
                if name in gpu.fail:
                    if name == "cudaStreamEndCapture":  # also one that fails is ended
                        gpu.end_capture(*arguments)
                    return (errors[gpu.fail[name]], *([] if name in no_value else [None]))
                value = functions[name](*arguments)
                if isinstance(value, errors):
                    return (value, None)
                if name in no_value:
                    return (errors.cudaSuccess,)
                return (errors.cudaSuccess, *(value if isinstance(value, tuple) else (value,)))

            return call

    return Runtime()


def pycuda_driver(gpu: Gpu) -> Any:
    """``pycuda.driver`` of 2026.1, as far as its source declares what is used here; it has no graphs."""

    class Error(Exception):
        pass

    class OutOfMemory(Error):
        pass

    class Context:
        current: dict[int, list[Any]] = {}

        def push(self) -> None:
            Context.current.setdefault(threading.get_ident(), []).append(self)

        @staticmethod
        def pop() -> None:
            if not Context.current.get(threading.get_ident()):
                raise gpu.misuse("a context is popped that is not current in this thread")
            Context.current[threading.get_ident()].pop()

        def detach(self) -> None:
            if any(self in stack for stack in Context.current.values()):
                raise gpu.misuse("a context is detached while it is current")

    def current(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if not Context.current.get(threading.get_ident()):
                raise gpu.misuse("no context is current in this thread")
            return function(*arguments)

        return call

    class Device:
        def __init__(self, number: int) -> None:
            if not gpu.count:
                raise Error("cuInit failed: no CUDA-capable device is detected")

        def name(self) -> str:
            return gpu.name

        def compute_capability(self) -> tuple[int, int]:
            return gpu.compute_capability

        def get_attribute(self, attribute: str) -> int:
            assert attribute == "INTEGRATED"
            return int(gpu.integrated)

        def retain_primary_context(self) -> Context:
            return Context()

    class Allocation:
        def __init__(self, size: int) -> None:
            if "mem_alloc" in gpu.fail:
                raise OutOfMemory("cuMemAlloc failed: out of memory")
            self._address = gpu.allocate(size)

        def __int__(self) -> int:
            return self._address

        def free(self) -> None:
            gpu.free(self._address)

    class PyStream:
        def __init__(self) -> None:
            self.handle = gpu.stream()

        def synchronize(self) -> None:
            gpu.wait(self.handle)

        def __del__(self) -> None:
            gpu.free_stream(self.handle)

    class Block:
        def __init__(self, size: int) -> None:
            self._address = gpu.allocate_host(size)
            place = (self._address, False)
            self.__array_interface__ = {"shape": (size,), "typestr": "|u1", "data": place, "version": 3}

        def __del__(self) -> None:
            gpu.free_host(self._address)

    def htod(target: int, source: Any, stream: Any) -> None:
        gpu.copy(target, source.ctypes.data, source.nbytes, True, stream.handle)

    def dtoh(target: Any, source: int, stream: Any) -> None:
        gpu.copy(target.ctypes.data, source, target.nbytes, False, stream.handle)

    return SimpleNamespace(
        init=lambda: None,
        Device=Device,
        device_attribute=SimpleNamespace(INTEGRATED="INTEGRATED"),
        get_driver_version=lambda: gpu.driver,
        mem_get_info=current(lambda: (gpu.free_bytes, gpu.total)),
        mem_alloc=current(Allocation),
        pagelocked_empty=current(lambda size, dtype: np.asarray(Block(size * np.dtype(dtype).itemsize))),
        Stream=current(PyStream),
        memcpy_htod_async=current(htod),
        memcpy_dtoh_async=current(dtoh),
        Error=Error,
        MemoryError=OutOfMemory,
    )
