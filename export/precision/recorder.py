"""Takes down what a graph would be fed, tiles included, without running it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rigsight.edge.engines.base import Array, Engine

Feeds = dict[str, Array]


class Recorder(Engine):
    """An engine that keeps copies of its inputs and answers with zeros."""

    def __init__(self, engine: Engine) -> None:
        """Stands in for ``engine``, whose tensors it has."""
        self.inputs, self.outputs = engine.inputs, engine.outputs
        self.feeds: list[Feeds] = []
        self._zeros = {name: np.zeros(tensor.shape, tensor.dtype) for name, tensor in self.outputs.items()}

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """See :class:`rigsight.edge.engines.base.Engine`."""
        self.feeds.append({name: np.array(feeds[name]) for name in self.inputs})
        return self._zeros

    def close(self) -> None:
        """Nothing to let go."""
