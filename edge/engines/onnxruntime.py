"""ONNX Runtime: on the CPU the reference engine, with other providers what its package offers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from rigsight.edge import codes
from rigsight.edge.bundle.spec import Tensor
from rigsight.edge.engines import codes as engine_codes
from rigsight.edge.engines.base import Array, check_feeds
from rigsight.edge.engines.providers import NAMES, Provider, session_providers

_DTYPES = set(get_args(Tensor.model_fields["dtype"].annotation))
_ORT_NAMES = {"float": "float32"}
_ONLY_FATAL = 4


def default_threads() -> int:
    """All cores but one, which stays free for the cameras; at least one."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, cores - 1)


class OnnxRuntimeEngine:
    """A graph in ONNX Runtime, its outputs written into buffers that live as long as the engine."""

    def __init__(
        self,
        model: bytes,
        threads: int | None = None,
        where: str | None = None,
        provider: Provider = "cpu",
    ) -> None:
        """Load a serialised ONNX model; ``threads`` None means :func:`default_threads`.

        Raises:
            RigsightError: BND-005 for a graph that is corrupt, unsupported, or without static shapes, ENG-009
                for a provider that is not there or does not start.
        """
        import onnxruntime as ort

        providers = session_providers(provider)

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or default_threads()
        options.inter_op_num_threads = 1
        # Threads that wait spinning take the cores of capture and alignment (and twice the energy).
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _ONLY_FATAL
        try:
            self._session = ort.InferenceSession(model, options, providers=providers)
        except Exception as error:  # its exceptions share no base class
            reason = (
                str(error).splitlines()[0].split("] : ")[-1][:160] if str(error) else type(error).__name__
            )
            raise codes.GRAPH_UNREADABLE(f"onnxruntime says: {reason}", where=where) from error
        if self._session.get_providers()[0] != NAMES[provider]:  # it falls back to the CPU without a word
            raise engine_codes.PROVIDER_MISSING(f"onnxruntime offers {provider}, but it does not start here")
        self.threads = options.intra_op_num_threads
        self.description, self.variant = f"ONNX Runtime {ort.__version__}, {provider}", "fp32"
        self.inputs = {node.name: _tensor(node, where) for node in self._session.get_inputs()}
        self.outputs = {node.name: _tensor(node, where) for node in self._session.get_outputs()}
        # Two sets of outputs in turn: masks are made of one while the network writes the other.
        self._slots = [self._output_slot(), self._output_slot()]

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """See :class:`rigsight.edge.engines.base.Engine`; feeds are read in place, without a copy."""
        check_feeds(self.inputs, feeds)
        binding, buffers = self._slots[0]
        self._slots.reverse()
        held = [np.ascontiguousarray(feeds[name]) for name in self.inputs]
        for name, array in zip(self.inputs, held, strict=True):
            binding.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        self._session.run_with_iobinding(binding)
        return buffers

    def _output_slot(self) -> tuple[Any, dict[str, Array]]:
        buffers = {name: np.empty(t.shape, t.dtype) for name, t in self.outputs.items()}
        binding = self._session.io_binding()
        for name, buffer in buffers.items():
            binding.bind_output(name, "cpu", 0, buffer.dtype, buffer.shape, buffer.ctypes.data)
        return binding, buffers

    def close(self) -> None:
        """Let the session go; the engine cannot be used afterwards."""
        del self._slots, self._session


def _tensor(node: Any, where: str | None) -> Tensor:
    """Name, dtype and static shape of a graph's input or output."""
    name = node.type.removeprefix("tensor(").removesuffix(")")
    dtype = _ORT_NAMES.get(name, name)
    if dtype not in _DTYPES or not all(isinstance(side, int) and side > 0 for side in node.shape):
        raise codes.GRAPH_UNREADABLE(f"'{node.name}' is {node.type} {node.shape}, not static", where=where)
    return Tensor(dtype=dtype, shape=tuple(node.shape))
