"""The engine interface, and the checks that every engine shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from rigsight.edge import codes
from rigsight.edge.bundle.spec import Tensor

Array = NDArray[Any]


class Engine(Protocol):
    """Runs one graph. Engines belong to the thread that made them."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """Run once. The arrays returned belong to the engine and hold until the next call but one.

        Raises:
            RigsightError: BND-008 for a feed that is missing or of another shape or dtype.
        """

    def close(self) -> None:
        """Give memory and devices back."""


def check_feeds(inputs: Mapping[str, Tensor], feeds: Mapping[str, Array]) -> None:
    """Raises RigsightError BND-008 for a feed that is missing or of another shape or dtype."""
    for name, tensor in inputs.items():
        feed = feeds.get(name)
        if feed is None:
            raise codes.FEED_MISMATCH(f"the input '{name}' is not fed")
        if feed.shape != tensor.shape or feed.dtype != tensor.dtype:
            raise codes.FEED_MISMATCH(
                f"the input '{name}' is {feed.dtype} {list(feed.shape)}, "
                f"the graph takes {tensor.dtype} {list(tensor.shape)}"
            )
