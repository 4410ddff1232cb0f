"""Takes down what a graph would be fed, tiles included, without running it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.engines.instances import InstanceEngine

Feeds = dict[str, Array]
_NO_DETECTION = {"boxes": (0, 4), "labels": (0,), "scores": (0,), "masks": (0, 1, 1)}


class Recorder(Engine):
    """An engine that keeps copies of its inputs and answers with zeros, or without any detection."""

    def __init__(self, engine: Engine) -> None:
        """Stands in for ``engine``, whose tensors it has."""
        self.inputs, self.outputs = engine.inputs, engine.outputs
        self.feeds: list[Feeds] = []
        self._zeros = {name: np.zeros(tensor.shape, tensor.dtype) for name, tensor in self.outputs.items()}
        if isinstance(engine, InstanceEngine):
            self._zeros = {name: np.zeros(shape, np.float32) for name, shape in _NO_DETECTION.items()}

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """See :class:`rigsight.edge.engines.base.Engine`."""
        self.feeds.append({name: np.array(feeds[name]) for name in self.inputs})
        return self._zeros

    def close(self) -> None:
        """Nothing to let go."""
