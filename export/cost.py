"""What one inference of a graph costs: multiply-accumulates and bytes, counted from its shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

# Engines fuse these into the operator before them: their results never reach memory.
_FUSED = frozenset(
    {
        *("Relu", "LeakyRelu", "PRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Clip", "Tanh"),
        *("Add", "Mul", "Sub", "Div", "BatchNormalization", "Cast"),
    }
)
# Views of what is in memory already.
_VIEWS = frozenset(["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Constant", "Shape"])


@dataclass(frozen=True)
class GraphCost:
    """``macs`` of convolutions and products; ``weights`` and ``activations``: numbers read and written.

    Activations that an engine keeps inside a fused operator are not counted, so that bytes are what a good
    engine moves, not what ONNX Runtime does.
    """

    macs: int
    weights: int
    activations: int

    def bytes_moved(self, width: int) -> int:
        """With numbers of ``width`` bytes: 4 for FP32, 2 for FP16, 1 for INT8."""
        return width * (self.weights + self.activations)


def graph_cost(data: bytes) -> GraphCost:
    """Count a serialised float32 graph with static shapes."""
    import onnx
    from onnx import shape_inference

    model = shape_inference.infer_shapes(onnx.load_from_string(data))
    values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    shapes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values}
    weights = {w.name: tuple(w.dims) for w in model.graph.initializer}
    macs = activations = 0
    for node in model.graph.node:
        macs += node_macs(node, {**shapes, **weights})
        if node.op_type in _VIEWS:
            continue
        written = sum(prod(shapes.get(name, ())) for name in node.output if name in shapes)
        read = sum(prod(shapes[name]) for name in node.input if name in shapes)
        activations += 0 if node.op_type in _FUSED else read + written
    return GraphCost(macs, sum(prod(shape) for shape in weights.values()), activations)


def node_macs(node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Multiply-accumulates of one node; 0 for operators that only touch every value once.

    A convolution takes C_in / groups x kernel area of them a value written; a product of matrices, the length
    of the shared side.
    """
    if node.op_type in ("Conv", "ConvTranspose"):
        kernel = shapes[node.input[1]]
        values = prod(shapes[node.output[0] if node.op_type == "Conv" else node.input[0]])
        return values * prod(kernel[1:])
    if node.op_type in ("MatMul", "Gemm"):
        left = shapes[node.input[0]]
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        return prod(shapes[node.output[0]]) * (left[0] if transposed else left[-1])
    return 0
