"""What engines need of CUDA, whichever binding gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from rigsight.edge.frames import UInt8


@dataclass(frozen=True)
class Device:
    """A GPU: its name, compute capability ("8.7"), whether it shares the host's memory, its driver."""

    name: str
    compute_capability: str
    integrated: bool
    driver: str


class NoGraph(Exception):
    """Why work cannot be captured as a CUDA graph; it must be enqueued call by call."""


class Cuda(Protocol):
    """One GPU. Its memory, streams and graphs belong to the thread that opened it.

    Every method raises RigsightError ENG-007 where memory is short and ENG-008 where the GPU fails.
    """

    name: str
    device: Device

    def memory(self) -> tuple[int, int]:
        """(free, total) bytes of the GPU."""

    def allocate(self, size: int) -> int:
        """The address of ``size`` bytes on the GPU."""

    def free(self, address: int) -> None:
        """Give an allocation back."""

    def pinned(self, size: int) -> UInt8:
        """``size`` bytes of page-locked host memory, uint8 [size]; it goes back with its last view."""

    def stream(self) -> Any:
        """A new stream."""

    def handle(self, stream: Any) -> int:
        """The stream's cudaStream_t as an integer, which TensorRT takes."""

    def free_stream(self, stream: Any) -> None:
        """Give a stream back."""

    def to_device(self, address: int, source: UInt8, stream: Any) -> None:
        """Enqueue the copy of pinned ``source`` to the GPU."""

    def to_host(self, target: UInt8, address: int, stream: Any) -> None:
        """Enqueue the copy of ``target.size`` bytes into pinned ``target``."""

    def wait(self, stream: Any) -> None:
        """Wait until everything enqueued is done."""

    def capture(self, stream: Any, enqueue: Callable[[], None]) -> Any:
        """What ``enqueue`` enqueues, as one graph to :meth:`launch`. Raises NoGraph with the reason."""

    def launch(self, graph: Any, stream: Any) -> None:
        """Enqueue a graph."""

    def free_graph(self, graph: Any) -> None:
        """Give a graph back."""

    def close(self) -> None:
        """Let the GPU go."""
