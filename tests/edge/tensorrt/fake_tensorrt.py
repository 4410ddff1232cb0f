"""``tensorrt`` for tests: the recorded names of a real version, and enough behaviour to go from end to end.

A name that the version lacks raises AttributeError, as on the device. What it builds is a plan that holds the
graph; running it enqueues ONNX Runtime on the fake GPU's stream, so that results are real. It refuses what
TensorRT refuses: precision flags in strongly typed networks, FP16 or Q/DQ without their flags in others, INT8
without Q/DQ, uint8 quantisation, MaxPool with indices. A plan of another GPU or version, or an altered one,
must never reach it: that is a misuse.
"""

from __future__ import annotations

import enum
import hashlib
import json
import threading
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

API = Path(__file__).parent / "api"
VERSIONS = ("10.3.0", "10.13.3", "10.16.1", "11.4.0")
MAGIC = b"fake plan\n"
NUMPY = {"UINT8": "uint8", "FLOAT": "float32", "HALF": "float16", "INT64": "int64"}
UNSUPPORTED = {"NonZero", "Unique", "RoiAlign"}
# Names that were not recorded, as tensorrt-rtx 1.7.1 has them; those of the parser's errors are in 10.3 too.
ALSO = {
    "IHostMemory": ["dtype", "nbytes"],
    "ITimingCache": ["combine", "reset", "serialize"],
    "ParserError": ["code", "desc", "file", "func", "line", "node", "node_name", "node_operator"],
}


def make(version: str, gpu: Any, read: Any, **faults: Any) -> Any:
    """The module ``tensorrt`` of ``version`` on ``gpu``; ``read`` is that of ``onnx_facts``.

    Faults: ``short_of_memory_down_to`` (a level that still fails), ``refuse_plans``, ``no_context``,
    ``no_capture``, ``drift`` (wrong results), ``build_error`` (what the builder says), ``without`` (names
    taken away, "ParserError.node_operator").
    """
    recorded: dict[str, Any] = json.loads((API / f"tensorrt-{version}.json").read_text()) | {
        name: list(names) for name, names in ALSO.items()
    }
    for name in faults.get("without", ()):
        owner, attribute = name.split(".")
        recorded[owner].remove(attribute)
    typed_only = "FP16" not in recorded["BuilderFlag"]
    module = ModuleType("tensorrt")
    made: dict[str, Any] = {}

    def guarded(kind: type) -> type:
        """``kind`` with the recorded attributes alone."""
        name = kind.__name__.lstrip("_")
        allowed = set(recorded[name])

        def check(attribute: str) -> None:
            if not attribute.startswith("_") and attribute not in allowed:
                raise AttributeError(f"'{name}' object has no attribute '{attribute}'")

        def get(self: Any, attribute: str) -> Any:
            check(attribute)
            return super(guard, self).__getattribute__(attribute)

        def set_(self: Any, attribute: str, value: Any) -> None:
            check(attribute)
            super(guard, self).__setattr__(attribute, value)

        guard: Any = type(name, (kind,), {"__getattribute__": get, "__setattr__": set_})
        made[name] = guard
        return guard

    def enumeration(name: str) -> Any:
        made[name] = enum.Enum(  # type: ignore[misc]
            name, {member: number for number, member in enumerate(recorded[name])}, type=_Member
        )
        return made[name]

    for name, members in recorded.items():
        if name in ("module", "ITensor", "ILayer") or members is None or name.startswith("I"):
            continue
        if name in recorded["module"] and name not in ("Builder", "Runtime", "OnnxParser", "ParserError"):
            enumeration(name)
    flags, pools, dtypes = made["BuilderFlag"], made["MemoryPoolType"], made["DataType"]
    creation = made["NetworkDefinitionCreationFlag"]

    class Severity(enum.IntEnum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    class ILogger:
        def __init__(self) -> None:
            self._ready = True

        def log(self, severity: Any, message: str) -> None:
            raise NotImplementedError

    ILogger.Severity = Severity  # type: ignore[attr-defined]

    class IProgressMonitor:
        def __init__(self) -> None:
            self._ready = True

    class TensorIOMode(enum.Enum):
        NONE, INPUT, OUTPUT = range(3)

    def need_logger(logger: Any) -> Any:
        if not isinstance(logger, ILogger) or not getattr(logger, "_ready", False):
            raise TypeError("a logger must be an ILogger whose __init__ was called")
        return logger

    class _IHostMemory(bytes):
        @property
        def nbytes(self) -> int:
            return len(self)

    host_memory = guarded(_IHostMemory)

    class _ITimingCache:
        def __init__(self, data: bytes) -> None:
            self._data = data

        def serialize(self) -> Any:
            return host_memory(self._data or f"timings of {version}".encode())

    timing_cache = guarded(_ITimingCache)

    class _ParserError:
        def __init__(self, node: int, operator: str, name: str, words: str) -> None:
            self._facts = (node, operator, name, words)

        def node(self) -> int:
            return self._facts[0]

        def node_operator(self) -> str:
            return self._facts[1]

        def node_name(self) -> str:
            return self._facts[2]

        def desc(self) -> str:
            return self._facts[3]

    parser_error = guarded(_ParserError)

    class _INetworkDefinition:
        def __init__(self, builder: Any, typed: bool) -> None:
            self._builder, self._typed = builder, typed
            self._facts = self._graph = None

    network_definition = guarded(_INetworkDefinition)

    class _IBuilderConfig:
        def __init__(self, builder: Any) -> None:
            self._builder, self._flags, self._workspace = builder, {flags.TF32}, None
            self._cache = None
            self.builder_optimization_level = 3
            self.progress_monitor = None

        def set_memory_pool_limit(self, pool: Any, size: int) -> None:
            assert pool is pools.WORKSPACE
            if not 0 < size <= gpu.total:
                raise gpu.misuse(f"a workspace of {size} bytes")
            self._workspace = size

        def set_flag(self, flag: Any) -> None:
            assert isinstance(flag, flags)
            self._flags.add(flag)

        def clear_flag(self, flag: Any) -> None:
            assert isinstance(flag, flags)
            self._flags.discard(flag)

        def create_timing_cache(self, data: bytes) -> Any:
            assert isinstance(data, bytes)
            return timing_cache(data)

        def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
            assert isinstance(cache, timing_cache)
            assert ignore_mismatch is False
            if cache._data not in (b"", f"timings of {version}".encode()):
                return False
            self._cache = cache
            return True

        def get_timing_cache(self) -> Any:
            return self._cache

    config_type = guarded(_IBuilderConfig)

    class _Builder:
        def __init__(self, logger: Any) -> None:
            self._logger, self._owner = need_logger(logger), threading.get_ident()

        def create_network(self, bits: int = 0) -> Any:
            known = {1 << int(flag): flag.name for flag in creation}
            names = {name for bit, name in known.items() if bits & bit}
            if bits & ~sum(known):
                raise gpu.misuse(f"unknown network flags {bits:#x}")
            return network_definition(self, typed_only or "STRONGLY_TYPED" in names)

        def create_builder_config(self) -> Any:
            return config_type(self)

        def build_serialized_network(self, network: Any, config: Any) -> Any:
            if threading.get_ident() != self._owner:
                raise gpu.misuse("a build runs in another thread than its builder")
            assert network._builder is self
            assert config._builder is self
            if network._facts is None:
                raise gpu.misuse("an empty network is built")
            if config._workspace is None or config._cache is None:
                raise gpu.misuse("a build without workspace limit or timing cache")
            if config.builder_optimization_level not in range(6):
                raise gpu.misuse("an optimization level outside 0..5")
            reason = faults.get("build_error") or self._objection(network, config)
            if reason is not None:
                self._logger.log(Severity.ERROR, f"Error Code 4: API Usage Error ({reason})")
                return None
            if config.progress_monitor is not None and not self._progress(config.progress_monitor):
                return None
            if config.builder_optimization_level >= faults.get("short_of_memory_down_to", 99):
                self._logger.log(Severity.ERROR, "Error Code 2: OutOfMemory (Requested size was 4294967296)")
                return None
            head = {"version": version, "gpu": gpu.name, "level": config.builder_optimization_level}
            head["flags"] = sorted(flag.name for flag in config._flags)
            head["typed"] = network._typed
            body = json.dumps(head).encode() + b"\n" + network._graph
            return host_memory(MAGIC + hashlib.sha256(body).digest() + body)

        def _objection(self, network: Any, config: Any) -> str | None:
            precision = {flag.name for flag in config._flags} & {"FP16", "BF16", "INT8", "FP8"}
            facts = network._facts
            if network._typed:
                return "precision flags in a strongly typed network" if precision else None
            if "HALF" in facts.weights and "FP16" not in precision:
                return "FP16 tensors without the flag FP16"
            if facts.quantised != ("INT8" in precision):
                return "Q/DQ and the flag INT8 go together; there is no calibrator"
            return None

        def _progress(self, monitor: Any) -> bool:
            assert isinstance(monitor, IProgressMonitor)
            assert monitor._ready
            monitor.phase_start("Building engine", None, 2)
            monitor.phase_start("Timing graph nodes", "Building engine", 3)
            fine = not {monitor.step_complete("Timing graph nodes", step) for step in range(3)} - {True}
            monitor.phase_finish("Timing graph nodes")
            monitor.phase_finish("Building engine")
            return fine

    class _OnnxParser:
        def __init__(self, network: Any, logger: Any) -> None:
            need_logger(logger)
            assert isinstance(network, network_definition)
            self._network, self._errors = network, []

        def parse(self, graph: bytes) -> bool:
            assert isinstance(graph, bytes)
            if self._network._facts is not None:
                raise gpu.misuse("a network is parsed twice")
            try:
                facts = read(graph)
            except ValueError:
                words = "Assertion failed: model->ParseFromCodedStream: Failed to parse the ONNX model."
                self._errors.append(parser_error(-1, "", "", words))
                return False
            for index, (operator, name, outputs) in enumerate(facts.nodes):
                indices = operator == "MaxPool" and outputs > 1
                if operator in UNSUPPORTED or indices:
                    words = f"In node {index} with name: {name} and operator: {operator}: INVALID_NODE"
                    self._errors.append(parser_error(index, operator, name, words))
            if self._errors:
                return False
            self._network._facts, self._network._graph = facts, graph
            return True

        @property
        def num_errors(self) -> int:
            return len(self._errors)

        def get_error(self, index: int) -> Any:
            return self._errors[index]

    class _IExecutionContext:
        def __init__(self, engine: Any) -> None:
            self._engine, self._addresses, self._ran = weakref.ref(engine), {}, False

        def set_tensor_address(self, name: str, address: int) -> bool:
            engine = self._alive()
            dtype, shape = {**engine._facts.inputs, **engine._facts.outputs}[name]
            if len(gpu.memory_of(address)) < int(np.prod(shape)) * np.dtype(NUMPY[dtype]).itemsize:
                raise gpu.misuse(f"the memory for '{name}' is too small")
            self._addresses[name] = address
            return True

        def execute_async_v3(self, stream_handle: int) -> bool:
            engine = self._alive()
            assert isinstance(stream_handle, int)
            if set(self._addresses) != {*engine._facts.inputs, *engine._facts.outputs}:
                raise gpu.misuse("the network runs before all addresses are set")
            stream = gpu.stream_of(stream_handle)
            if stream.captured is not None:
                if not self._ran:
                    raise gpu.misuse("the first run of a context is captured")
                if faults.get("no_capture"):
                    stream.broken = True
                    engine._logger.log(Severity.ERROR, "Error Code 1: operation not permitted in capture")
                    return False
            self._ran = True
            gpu.enqueue(stream_handle, self._run)
            return True

        def _run(self) -> None:
            engine = self._alive()
            gpu.executions += 1
            feeds = {
                name: np.frombuffer(bytes(gpu.memory_of(self._addresses[name])), NUMPY[dtype]).reshape(shape)
                for name, (dtype, shape) in engine._facts.inputs.items()
            }
            names = list(engine._facts.outputs)
            for name, value in zip(names, engine._session.run(names, feeds), strict=True):
                if faults.get("drift"):
                    value = np.roll(value, 7, axis=-1)
                gpu.memory_of(self._addresses[name])[:] = np.ascontiguousarray(value).tobytes()

        def _alive(self) -> Any:
            engine = self._engine()
            if engine is None or engine._runtime() is None:
                raise gpu.misuse("a context is used whose engine or runtime is gone")
            return engine

    context_type = guarded(_IExecutionContext)

    class _ICudaEngine:
        def __init__(self, runtime: Any, plan: bytes) -> None:
            import onnxruntime

            self._runtime, self._logger = weakref.ref(runtime), runtime._logger
            graph = plan[plan.index(b"\n", len(MAGIC) + 32) + 1 :]
            self._facts = read(graph)
            self._session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
            self._tensors = [*self._facts.inputs, *self._facts.outputs]

        @property
        def num_io_tensors(self) -> int:
            return len(self._tensors)

        def get_tensor_name(self, index: int) -> str:
            return self._tensors[index]

        def get_tensor_mode(self, name: str) -> Any:
            return TensorIOMode.INPUT if name in self._facts.inputs else TensorIOMode.OUTPUT

        def get_tensor_dtype(self, name: str) -> Any:
            return dtypes[{**self._facts.inputs, **self._facts.outputs}[name][0]]

        def get_tensor_shape(self, name: str) -> Any:
            return list({**self._facts.inputs, **self._facts.outputs}[name][1])

        def create_execution_context(self) -> Any:
            if faults.get("no_context"):
                self._logger.log(Severity.ERROR, "Error Code 2: OutOfMemory (no memory for the context)")
                return None
            return context_type(self)

    engine_type = guarded(_ICudaEngine)

    class _Runtime:
        def __init__(self, logger: Any) -> None:
            self._logger = need_logger(logger)

        def deserialize_cuda_engine(self, plan: bytes) -> Any:
            digest, body = plan[len(MAGIC) :][:32], plan[len(MAGIC) + 32 :]
            if not plan.startswith(MAGIC) or hashlib.sha256(body).digest() != digest:
                raise gpu.misuse("a plan is loaded that is truncated or altered")
            head = json.loads(body[: body.index(b"\n")])
            if (head["version"], head["gpu"]) != (version, gpu.name):
                raise gpu.misuse("a plan is loaded that was built for another GPU or TensorRT")
            if faults.get("refuse_plans"):
                self._logger.log(Severity.ERROR, "Error Code 1: Serialization (Version tag does not match)")
                return None
            return engine_type(self, plan)

    for kind in (_Builder, _OnnxParser, _Runtime):
        guarded(kind)
    public = {"ILogger": ILogger, "IProgressMonitor": IProgressMonitor, "TensorIOMode": TensorIOMode}
    for name in recorded["module"]:
        module.__dict__[name] = public.get(name) or made.get(name) or _absent(name)
    module.__version__ = version
    return module


class _Member(enum.Enum):
    def __int__(self) -> int:
        return int(self.value)


def _absent(name: str) -> Any:
    """A recorded name without behaviour: it is there, and that is all."""
    return type(name, (), {"__init__": lambda self, *a: (_ for _ in ()).throw(NotImplementedError(name))})
