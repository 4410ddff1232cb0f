"""The nodes of a graph in groups that a person can name: the modules of the network."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx
    from torch import nn

MOST_GROUPS = 24
OTHERS = "outside any module"
# Gates multiply what they see by numbers near 0 or 1, attention and normalised sums amplify small errors.
FRAGILE_MODULES = frozenset(
    {
        *("Cbam", "CrossAttention", "PlaceGate", "ChannelMlp", "FusedGate", "ScaleAttention"),
        *("HIA", "Nam", "SegformerSelfAttention", "SegformerAttention", "LayerNorm"),
    }
)


@dataclass(frozen=True)
class Group:
    """Nodes of one module. ``fragile``: they stay float in INT8 unless somebody says otherwise."""

    name: str
    nodes: tuple[str, ...]
    fragile: str | None = None


def make_groups(
    nodes: Sequence[str],
    modules: Mapping[str, str],
    fragile: Mapping[str, str],
    most: int = MOST_GROUPS,
) -> tuple[Group, ...]:
    """``nodes`` by module, as deep in the tree as at most ``most`` groups allow; fragile ones apart.

    Args:
        nodes: in the order of the graph.
        modules: node -> module, :class:`rigsight.export.graph.Graph`.
        fragile: node -> why it stays float.
        most: groups, fragile ones not counted.

    >>> of = {"a": "net.down.0", "b": "net.down.1", "c": "net.head"}
    >>> [group.name for group in make_groups("abc", of, {}, most=2)]
    ['net.down', 'net.head']
    """
    sturdy = [node for node in nodes if node not in fragile]
    deepest = max((modules.get(node, "").count(".") + 1 for node in sturdy), default=1)
    depth = 1
    for candidate in range(2, deepest + 1):
        if len({_prefix(modules.get(node), candidate) for node in sturdy}) > most:
            break
        depth = candidate
    return (
        *_gathered(((_prefix(modules.get(n), depth), n) for n in sturdy), None),
        *_gathered(((fragile[n], n) for n in nodes if n in fragile), "by default"),
    )


def fragile_nodes(
    graph: bytes, nodes: Iterable[str], kinds: Mapping[str, str], inner: Collection[str] = ()
) -> dict[str, str]:
    """Those of ``nodes`` that stay float by default -> what they are.

    They are the last ones before an output, and those in ``kinds`` (:func:`fragile_kinds`). Outputs in
    ``inner`` are no end: other graphs go on with them.
    """
    import onnx

    weighted = set(nodes)
    found = {node: f"{kind} modules" for node, kind in kinds.items() if node in weighted}
    model = onnx.load_from_string(graph)
    ends = [value.name for value in model.graph.output if value.name not in inner]
    for node in layers_before(model, ends, weighted)[0]:
        found.setdefault(node, "last layers")
    return found


def fragile_kinds(network: nn.Module, modules: Mapping[str, str]) -> dict[str, str]:
    """Node -> class name of the fragile module around it; nodes of other modules are left out."""
    kinds = {name: type(module).__name__ for name, module in network.named_modules()}
    fragile = {name: kind for name, kind in kinds.items() if kind in FRAGILE_MODULES}
    found = {}
    for node, module in modules.items():
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            if (path := ".".join(parts[:end])) in fragile:
                found[node] = fragile[path]
                break
    return found


def _prefix(module: str | None, depth: int) -> str:
    return ".".join(module.split(".")[:depth]) if module else OTHERS


def _gathered(named: Iterable[tuple[str, str]], fragile: str | None) -> list[Group]:
    groups: dict[str, list[str]] = {}
    for name, node in named:
        groups.setdefault(name, []).append(node)
    return [Group(name, tuple(nodes), fragile) for name, nodes in groups.items()]


def layers_before(
    model: onnx.ModelProto, tensors: Iterable[str], weighted: Collection[str]
) -> tuple[list[str], list[str]]:
    """The last nodes in ``weighted`` before ``tensors``, and all nodes between them and ``tensors``."""
    maker = {name: node for node in model.graph.node for name in node.output}
    layers, between, waiting, seen = [], [], list(tensors), set()
    while waiting:
        node = maker.get(waiting.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        if node.name in weighted:
            layers.append(node.name)
        else:
            between.append(node.name)
            waiting.extend(node.input)
    return layers, between
