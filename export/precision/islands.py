"""Which nodes of a graph stay float32 in FP16, and why.

float16 ends at 65,504 and keeps eleven bits. What leaves that range, or adds up many numbers, does not
survive: values are found by a range scan over calibration pictures, sums by their length.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

from rigsight.export.precision.groups import layers_before
from rigsight.export.precision.quantise import layers_of

if TYPE_CHECKING:
    import onnx

Shapes = Mapping[str, tuple[int, ...]]
# Half of float16's largest number: other pictures may go beyond those of the calibration.
LARGEST = 32752.0
# A sum of so many numbers of one size has lost its last bits in float16 (eps 2^-10 times sqrt(4096) > 6 %).
LONGEST_SUM = 4096
NORMALISING = frozenset(
    {"LayerNormalization", "InstanceNormalization", "GroupNormalization", "Softmax", "LogSoftmax"}
)
SUMMING = frozenset({"ReduceSum", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"})


@dataclass(frozen=True)
class Island:
    """A node that stays float32. ``module`` is where it comes from, None where nothing says so."""

    node: str
    operator: str
    reason: str
    module: str | None = None

    def among(self, part: str | None) -> Island:
        """Its name among several parts; None where there is one."""
        if part is None:
            return self
        module = part if self.module is None else f"{part}.{self.module}"
        return replace(self, node=f"{part}.{self.node}", module=module)


def islands_of(
    data: bytes,
    largest: Mapping[str, float],
    modules: Mapping[str, str] | None = None,
    exact: Collection[str] = (),
) -> tuple[Island, ...]:
    """:func:`find_islands` of a serialised float32 graph with static shapes."""
    import onnx
    from onnx import shape_inference

    model = shape_inference.infer_shapes(onnx.load_from_string(data))
    values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    shapes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values}
    shapes |= {w.name: tuple(w.dims) for w in model.graph.initializer}
    return find_islands(model, shapes, largest, modules, exact)


def find_islands(
    model: onnx.ModelProto,
    shapes: Shapes,
    largest: Mapping[str, float],
    modules: Mapping[str, str] | None = None,
    exact: Collection[str] = (),
) -> tuple[Island, ...]:
    """The nodes of ``model`` that float16 cannot compute.

    Eleven bits hold a place in a picture of 640 pixels to half a pixel: places that a GridSample reads are
    computed in float32, and what is made of the last layers for the outputs in ``exact``.

    Args:
        model: the float32 graph.
        shapes: tensor -> shape, of every tensor that the rules look at.
        largest: tensor -> largest absolute value on the calibration pictures.
        modules: node -> module, for the report.
        exact: outputs in pixels, or to be compared.
    """
    places = [node.input[1] for node in model.graph.node if node.op_type == "GridSample"]
    weighted = layers_of(model)
    pixels = set(layers_before(model, (*places, *exact), weighted)[1])
    islands = []
    for node in model.graph.node:
        reason = _reason(node, shapes, largest)
        if reason is None and node.name in pixels:
            reason = "computes places in pixels"
        if reason is not None:
            islands.append(Island(node.name, node.op_type, reason, (modules or {}).get(node.name)))
    return tuple(islands)


def _reason(node: onnx.NodeProto, shapes: Shapes, largest: Mapping[str, float]) -> str | None:
    if node.op_type in NORMALISING:
        return "normalises over many values"
    length = _sum_length(node, shapes)
    if length > LONGEST_SUM:
        return f"adds {length} values"
    values = [largest[name] for name in (*node.input, *node.output) if name in largest]
    if values and max(values) > LARGEST:
        return f"reaches {max(values):.3g}"
    return None


def _sum_length(node: onnx.NodeProto, shapes: Shapes) -> int:
    """How many values one output of ``node`` adds up; 1 where it adds none.

    Convolutions are left out: engines sum their few thousand products in float32.
    """
    read = shapes.get(node.input[0], ()) if node.input else ()
    written = shapes.get(node.output[0], ()) if node.output else ()
    if not read or 0 in read:
        return 1
    if node.op_type == "MatMul":
        return read[-1]
    if node.op_type == "GlobalAveragePool":
        return prod(read[2:])
    if node.op_type in SUMMING and written and 0 not in written:
        return prod(read) // prod(written)
    return 1
