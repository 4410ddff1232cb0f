"""ONNX graph -> TensorRT plan, with the memory that is free, and less ambition where that is short."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from rigsight.edge import codes as bundle_codes
from rigsight.edge.engines import codes
from rigsight.edge.tensorrt.api import Recipe, creation_flags, make_logger

LEVELS = (3, 1, 0)  # builder_optimization_level: TensorRT's own default, then with fewer and smaller tactics
Progress = Callable[[str, int, int | None], None]
"""Hears (phase, steps done, steps in all or None)."""


@dataclass(frozen=True)
class Built:
    """A plan; ``level`` is the builder_optimization_level it took, ``timings`` the timing cache after it."""

    plan: bytes
    level: int
    seconds: float
    timings: bytes
    notes: tuple[str, ...]


def build_plan(
    trt: Any,
    graph: bytes,
    recipe: Recipe,
    workspace_bytes: int,
    *,
    reference: bool = False,
    timings: bytes = b"",
    where: str | None = None,
    levels: tuple[int, ...] = LEVELS,
    progress: Progress = lambda phase, done, total: None,
    cancelled: threading.Event | None = None,
    adjust: Callable[[Any], None] = lambda config: None,
) -> Built:
    """Build ``graph``, a serialised ONNX model with static shapes.

    ``reference`` keeps TF32 out, so that float32 is float32. ``adjust`` may change the builder's config.

    Raises:
        RigsightError: BND-005 where the graph cannot be parsed, ENG-006 for what TensorRT refuses, ENG-007
            where memory is short at every level.
        KeyboardInterrupt: ``cancelled`` was set.
    """
    start, notes = perf_counter(), []
    logger = make_logger(trt)
    builder = trt.Builder(logger)
    network = builder.create_network(creation_flags(trt, recipe))
    _parse(trt, network, logger, graph, where)
    stop = cancelled or threading.Event()
    for level in levels:
        config = builder.create_builder_config()
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace_bytes)
        config.builder_optimization_level = level
        for flag in recipe.flags:
            config.set_flag(getattr(trt.BuilderFlag, flag))
        if reference:
            config.clear_flag(trt.BuilderFlag.TF32)
        if hasattr(trt, "IProgressMonitor") and hasattr(config, "progress_monitor"):
            config.progress_monitor = _monitor(trt, progress, stop)
        usable = _use_timings(config, timings)
        if timings and not usable:
            notes.append("the timing cache does not fit and is begun anew")
        adjust(config)
        logger.said.clear()
        try:
            serialised = builder.build_serialized_network(network, config)
        except MemoryError:
            serialised = None
            logger.said.append(("error", "out of memory"))
        if stop.is_set():
            raise KeyboardInterrupt
        if serialised is not None:
            made = bytes(serialised)
            return Built(made, level, perf_counter() - start, _timings_of(config), tuple(notes))
        if not logger.memory_was_short():
            raise codes.GRAPH_REFUSED(logger.last_error(), where=where)
        notes.append(f"memory was short at optimization level {level}")
    raise codes.GPU_MEMORY(
        f"the build fails at the lowest optimization level with {workspace_bytes >> 20} MiB of workspace "
        f"({logger.last_error()})",
        where=where,
    )


def _parse(trt: Any, network: Any, logger: Any, graph: bytes, where: str | None) -> None:
    parser = trt.OnnxParser(network, logger)
    if parser.parse(graph):
        return
    if not parser.num_errors:
        raise bundle_codes.GRAPH_UNREADABLE(f"TensorRT says: {logger.last_error()}", where=where)
    error = parser.get_error(0)
    description = " ".join(str(error.desc()).split())[:200]
    if error.node() < 0:
        raise bundle_codes.GRAPH_UNREADABLE(f"TensorRT says: {description}", where=where)
    # These two came late; without them the description names the operator.
    operator, node = (str(getattr(error, name, str)()) for name in ("node_operator", "node_name"))
    what = f"the operator {operator} (node '{node}')" if operator else f"node {error.node()}"
    reason = f": {description}" if " " in description else ""  # it may be the bare word "false"
    raise codes.GRAPH_REFUSED(f"{what} is not supported{reason}", where=where)


def _use_timings(config: Any, timings: bytes) -> bool:
    """Give the build a timing cache: ``timings``, or an empty one where they do not fit."""
    for data in (timings, b"") if timings else (b"",):
        cache = config.create_timing_cache(data)
        if cache is not None and config.set_timing_cache(cache, False):
            return data == timings
    return False


def _timings_of(config: Any) -> bytes:
    cache = config.get_timing_cache()
    serialised = None if cache is None else cache.serialize()
    return b"" if serialised is None else bytes(serialised)


def _monitor(trt: Any, progress: Progress, stop: threading.Event) -> Any:
    """TensorRT's progress as ``progress`` hears it; a step answers False once ``stop`` is set."""

    class _Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.totals: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self.totals[phase_name] = num_steps
            self._tell(phase_name, 0, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            self._tell(phase_name, step + 1, self.totals.get(phase_name))
            return not stop.is_set()

        def phase_finish(self, phase_name: str) -> None:
            total = self.totals.pop(phase_name, None)
            if total is not None:
                self._tell(phase_name, total, total)

        def _tell(self, phase_name: str, done: int, total: int | None) -> None:
            with contextlib.suppress(Exception):  # it must not travel through TensorRT's own code
                progress(phase_name, done, total)

    return _Monitor()
