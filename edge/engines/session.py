"""One TensorRT engine with its memory, stream and graphs, all of them the thread's that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.spec import Tensor
from rigsight.edge.cuda.base import Cuda, NoGraph
from rigsight.edge.engines import codes
from rigsight.edge.engines.base import Array
from rigsight.edge.frames import UInt8
from rigsight.edge.tensorrt.api import make_logger

_DTYPES = {"UINT8": "uint8", "FLOAT": "float32", "HALF": "float16", "INT64": "int64"}


@dataclass
class _Slot:
    """One set of outputs on the host, and the graph that fills it."""

    bytes: dict[str, UInt8] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    graph: Any = None


class Session:
    """Loads a plan and runs it: pinned host buffers, one stream, one launch a frame where graphs work."""

    def __init__(self, trt: Any, cuda: Cuda, plan: bytes, where: str | None, graphs: bool = True) -> None:
        """Load ``plan``, whose origin must have been checked: loading it runs the code in it.

        Raises:
            RigsightError: ENG-004 where TensorRT cannot load the plan or its tensors are not of the graph
                contract, ENG-007 where memory is short, ENG-008 where the GPU fails.
        """
        self._cuda = cuda
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}
        self.without_graph: str | None = None if graphs else "switched off"
        self._logger = make_logger(trt)
        with ExitStack() as stack:
            stack.callback(cuda.close)
            self._stream = cuda.stream()
            stack.callback(self._free_stream)
            stack.callback(self._forget)
            self._runtime = trt.Runtime(self._logger)
            self._engine = self._runtime.deserialize_cuda_engine(plan)
            if self._engine is None:
                raise codes.ENGINE_BROKEN(f"TensorRT says: {self._logger.last_error()}", where=where)
            self._context = self._engine.create_execution_context()
            if self._context is None:
                raise codes.GPU_MEMORY(f"TensorRT says: {self._logger.last_error()}", where=where)
            self._describe(trt, where)
            self._allocate(stack)
            self._enqueue(self._slots[0])  # what the first run sets up cannot be captured
            cuda.wait(self._stream)
            if graphs:
                self._capture(stack)
            self._resources = stack.pop_all()

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """Run once on checked feeds; the arrays hold until the next call but one."""
        for name, target in self._fed.items():
            np.copyto(target, feeds[name])
        slot = self._slots[0]
        self._slots.reverse()
        if slot.graph is None:
            self._enqueue(slot)
        else:
            self._cuda.launch(slot.graph, self._stream)
        self._cuda.wait(self._stream)
        return slot.arrays

    def close(self) -> None:
        """Give everything back, in the reverse order of taking it."""
        self._resources.close()

    def _describe(self, trt: Any, where: str | None) -> None:
        """Names, types and shapes of inputs and outputs, from the engine itself."""
        dtypes = {getattr(trt.DataType, name): dtype for name, dtype in _DTYPES.items()}
        for index in range(self._engine.num_io_tensors):
            name = self._engine.get_tensor_name(index)
            shape = tuple(self._engine.get_tensor_shape(name))
            dtype = dtypes.get(self._engine.get_tensor_dtype(name))
            if dtype is None or any(side <= 0 for side in shape):
                raise codes.ENGINE_BROKEN(f"'{name}' is {dtype} {list(shape)}, not static", where=where)
            is_input = self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
            (self.inputs if is_input else self.outputs)[name] = Tensor.model_validate(
                {"dtype": dtype, "shape": shape}
            )

    def _allocate(self, stack: ExitStack) -> None:
        self._addresses: dict[str, int] = {}
        self._pinned: dict[str, UInt8] = {}
        self._fed: dict[str, Array] = {}
        self._slots = [_Slot(), _Slot()]
        for name, tensor in {**self.inputs, **self.outputs}.items():
            size = int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize
            address = self._cuda.allocate(size)
            stack.callback(self._cuda.free, address)
            self._addresses[name] = address
            if not self._context.set_tensor_address(name, address):
                raise codes.GPU_FAILED(f"TensorRT says: {self._logger.last_error()}")
            if name in self.inputs:
                self._pinned[name] = self._cuda.pinned(size)
                self._pinned[name][:] = 0
                self._fed[name] = self._pinned[name].view(tensor.dtype).reshape(tensor.shape)
                continue
            for slot in self._slots:
                slot.bytes[name] = self._cuda.pinned(size)
                slot.arrays[name] = slot.bytes[name].view(tensor.dtype).reshape(tensor.shape)

    def _enqueue(self, slot: _Slot) -> None:
        """Copies in, network, copies out."""
        for name, source in self._pinned.items():
            self._cuda.to_device(self._addresses[name], source, self._stream)
        if not self._context.execute_async_v3(self._cuda.handle(self._stream)):
            raise codes.GPU_FAILED(f"TensorRT says: {self._logger.last_error()}")
        for name, target in slot.bytes.items():
            self._cuda.to_host(target, self._addresses[name], self._stream)

    def _capture(self, stack: ExitStack) -> None:
        """A graph for each slot, or none: then ``without_graph`` says why."""
        made = []
        try:
            for slot in self._slots:
                made.append(self._cuda.capture(self._stream, lambda slot=slot: self._enqueue(slot)))  # type: ignore[misc]
            for slot, graph in zip(self._slots, made, strict=True):
                slot.graph = graph
                stack.callback(self._cuda.free_graph, graph)
        except (NoGraph, RigsightError) as error:
            self.without_graph = str(error)
            for graph in made:
                self._cuda.free_graph(graph)

    def _free_stream(self) -> None:
        self._cuda.free_stream(self._stream)
        self._stream = None  # pycuda frees it with its object: now, in this thread

    def _forget(self) -> None:
        """Let go in the order that TensorRT wants: context, engine, runtime; then the host's buffers."""
        for name in ("_context", "_engine", "_runtime"):
            setattr(self, name, None)
        for name in ("_pinned", "_fed", "_slots"):
            setattr(self, name, {})
