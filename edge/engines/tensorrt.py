"""TensorRT as an engine: one thread of its own holds the CUDA context and everything made in it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from rigsight.edge.cuda.open import open_cuda
from rigsight.edge.engines import codes
from rigsight.edge.engines.base import Array, check_feeds
from rigsight.edge.engines.session import Session
from rigsight.edge.tensorrt.api import load_tensorrt

_log = logging.getLogger(__name__)


class TensorRtEngine:
    """A plan of this machine. May be called from any thread, by one at a time."""

    def __init__(self, plan: bytes, where: str | None = None, *, graphs: bool = True) -> None:
        """Load a plan that :func:`rigsight.edge.tensorrt.cache.read_plan` returned, or that was just built.

        ``graphs`` False enqueues every call on its own instead of one CUDA graph a frame.

        Raises:
            RigsightError: ENG-001 without TensorRT, ENG-002 without CUDA, ENG-004 for a plan that TensorRT
                cannot load, ENG-007 where memory is short, ENG-008 where the GPU fails.
        """
        trt = load_tensorrt()
        self._thread: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix="tensorrt")
        try:
            self._session = self._thread.submit(
                lambda: Session(trt, open_cuda(), plan, where, graphs)
            ).result()
        except BaseException:
            self._thread.shutdown()
            raise
        self.inputs, self.outputs = self._session.inputs, self._session.outputs
        self.without_graph = self._session.without_graph
        self.description, self.variant = f"TensorRT {trt.__version__}", "fp32"
        if self.without_graph is not None:
            _log.info("no CUDA graph: %s", self.without_graph)

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """See :class:`rigsight.edge.engines.base.Engine`."""
        check_feeds(self.inputs, feeds)
        if self._thread is None:
            raise codes.GPU_FAILED("the engine is closed", fix="Open the bundle again.")
        return self._thread.submit(self._session.infer, feeds).result()

    def close(self) -> None:
        """Give the GPU's memory back; a second call does nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            try:
                thread.submit(self._session.close).result()
            finally:
                thread.shutdown()
