"""The float32 graphs of a bundle by part: one namespace for their nodes, and one engine of them all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rigsight.edge.bundle.spec import InstanceSteps
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.instances import InstanceEngine
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.export.graph import Graph
from rigsight.export.precision.groups import Group, fragile_kinds, fragile_nodes, make_groups
from rigsight.export.precision.half import to_half
from rigsight.export.precision.islands import Island, islands_of
from rigsight.export.precision.quantise import Kind, quantisable, quantise
from rigsight.export.precision.ranges import Ranges

if TYPE_CHECKING:
    from torch import nn

Graphs = Mapping[str, bytes]
"""Part -> serialised ONNX graph, all of one variant."""


@dataclass(frozen=True)
class Source:
    """One part: its float32 graph, the module that it was made of, and what becomes of its outputs.

    ``inner`` outputs are read by other graphs alone: the layers before them are no last ones. ``exact`` ones
    the host computes with, in pixels or to compare them: what makes them of the last layers stays float32.
    The rows of ``sorted_rows`` are in an order that small errors change: they are not compared row by row.
    """

    graph: Graph
    network: nn.Module
    inner: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()
    sorted_rows: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Sources:
    """All parts of one bundle, ``main`` first, and the host's ``steps`` between them, None for one graph."""

    parts: Mapping[str, Source]
    steps: InstanceSteps | None = None

    @property
    def graphs(self) -> Graphs:
        """The float32 graphs."""
        return {part: source.graph.data for part, source in self.parts.items()}

    def qualified(self, part: str, name: str) -> str:
        """A node or module of a part, as it is called among all parts."""
        return name if len(self.parts) == 1 else f"{part}.{name}" if name else part

    def groups(self) -> tuple[Group, ...]:
        """The layers of all parts in groups."""
        nodes: list[str] = []
        modules: dict[str, str] = {}
        fragile: dict[str, str] = {}
        for part, source in self.parts.items():
            own = quantisable(source.graph.data)
            kinds = fragile_kinds(source.network, source.graph.modules)
            kept = fragile_nodes(source.graph.data, own, kinds, source.inner)
            nodes += [self.qualified(part, node) for node in own]
            modules |= {
                self.qualified(part, node): self.qualified(part, source.graph.modules.get(node, ""))
                for node in own
                if node in source.graph.modules or len(self.parts) > 1
            }
            fragile |= {self.qualified(part, node): why for node, why in kept.items()}
        return make_groups(nodes, modules, fragile)

    def half(self, ranges: Mapping[str, Ranges]) -> tuple[Graphs, tuple[Island, ...]]:
        """The float16 graphs and what of them stays float32."""
        graphs, islands = {}, []
        for part, source in self.parts.items():
            own = islands_of(source.graph.data, ranges[part].largest, source.graph.modules, source.exact)
            graphs[part] = to_half(source.graph.data, {island.node for island in own})
            islands += [island.among(part if len(self.parts) > 1 else None) for island in own]
        return graphs, tuple(islands)

    def quantised(self, ranges: Mapping[str, Ranges], kind: Kind, floats: Collection[str]) -> Graphs:
        """The Q/DQ graphs; ``floats`` are names among all parts, and a part of which all stays is fp32's."""
        graphs = {}
        for part, source in self.parts.items():
            data = source.graph.data
            layers = quantisable(data)
            own = {node for node in layers if self.qualified(part, node) in floats}
            graphs[part] = data if len(own) == len(layers) else quantise(data, ranges[part], kind, own)
        return graphs

    def engine(
        self,
        graphs: Graphs,
        floats: Mapping[str, Engine] | None = None,
        threads: int | None = None,
        where: str | None = None,
    ) -> Engine:
        """ONNX Runtime on ``graphs``, with the host's steps between them where there are any.

        ``floats`` are engines of the float32 graphs: parts that are still those take them.
        """
        engines = {}
        for part, data in graphs.items():
            same = floats is not None and data is self.parts[part].graph.data
            engines[part] = floats[part] if floats and same else OnnxRuntimeEngine(data, threads, where)
        return engines["main"] if self.steps is None else InstanceEngine(engines, self.steps)


def parts_of(engine: Engine) -> Mapping[str, Engine]:
    """The engines of an engine by part; one graph is ``main``."""
    return engine.parts if isinstance(engine, InstanceEngine) else {"main": engine}
