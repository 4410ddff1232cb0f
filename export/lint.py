"""What TensorRT's parser takes, checked on the exported graph, with the offender named.

The list is that of the ONNX parser of TensorRT 10 and 11, without operators that depend on data for their
output's shape and without those that only plugins provide.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from rigsight.export import codes

if TYPE_CHECKING:
    import onnx

OPSETS = (17, 18)

# Elementwise, reductions, convolutions and layers, shapes and indices, quantisation.
_NAMES = """
    Abs Acos Add And Asin Atan Ceil Clip Cos Div Elu Equal Erf Exp Floor Greater GreaterOrEqual HardSigmoid
    HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mod Mul Neg Not Or PRelu Pow
    Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Sqrt Sub Sum Tan Tanh Where Xor
    ArgMax ArgMin CumSum ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare LogSoftmax Softmax TopK
    AveragePool BatchNormalization Conv ConvTranspose Einsum Gemm GlobalAveragePool GlobalMaxPool
    GroupNormalization InstanceNormalization LRN LayerNormalization MatMul MaxPool
    Cast Concat Constant ConstantOfShape DepthToSpace Expand Flatten Gather GatherElements GatherND GridSample
    Pad Reshape Resize ScatterElements ScatterND Shape Slice SpaceToDepth Split Squeeze Tile Transpose Trilu
    Unsqueeze
    DequantizeLinear QuantizeLinear
"""
ALLOWED = frozenset(_NAMES.split())


def lint(model: onnx.ModelProto) -> None:
    """Check the graph contract and TensorRT's operators.

    Raises:
        RigsightError: EXP-003 naming the operator and the module it comes from.
    """
    _check_opset(model)
    _check_edges(model)
    checks: tuple[Callable[[onnx.NodeProto], str | None], ...] = (_operator, _pooling, _resize, _double)
    for node in model.graph.node:
        for check in checks:
            problem = check(node)
            if problem:
                raise codes.GRAPH_LINT(problem, where=origin(node))
    _check_uint8(model)


def origin(node: onnx.NodeProto) -> str:
    """The module a node comes from, as in ``model.named_modules()``, else the node's name."""
    module = module_of(node)
    return f"node {node.name or node.op_type}" if module is None else f"module {module}, node {node.name}"


def module_of(node: onnx.NodeProto) -> str | None:
    """The innermost module that made a node, as in ``model.named_modules()``; None where no note says so."""
    for entry in node.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            scopes = [str(scope) for scope in ast.literal_eval(entry.value) if scope]
            if len(scopes) > 1:
                return scopes[-2]
    return None


def _check_opset(model: onnx.ModelProto) -> None:
    versions = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    if versions.get("ai.onnx") not in OPSETS:
        raise codes.GRAPH_LINT(f"opset {versions.get('ai.onnx')} is not 17 or 18")
    if model.functions:
        raise codes.GRAPH_LINT(f"it defines the local function '{model.functions[0].name}'")


def _check_edges(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if not dims or any(dim.dim_value <= 0 for dim in dims):
            raise codes.GRAPH_LINT(f"the shape of '{value.name}' is dynamic")


def _operator(node: onnx.NodeProto) -> str | None:
    if node.domain not in ("", "ai.onnx"):
        return f"the operator {node.domain}.{node.op_type} is not one of ONNX"
    return None if node.op_type in ALLOWED else f"the operator {node.op_type} is not supported"


def _pooling(node: onnx.NodeProto) -> str | None:
    if node.op_type == "MaxPool" and len([name for name in node.output if name]) > 1:
        return "MaxPool with indices is not supported"
    return None


def _resize(node: onnx.NodeProto) -> str | None:
    modes = {a.name: a.s.decode() for a in node.attribute if node.op_type == "Resize" and a.s}
    if modes.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        return "Resize with crop is not supported"
    return None


def _double(node: onnx.NodeProto) -> str | None:
    from onnx import TensorProto

    if node.op_type == "Cast" and any(a.name == "to" and a.i == TensorProto.DOUBLE for a in node.attribute):
        return "a cast to float64 is not supported"
    return None


def _check_uint8(model: onnx.ModelProto) -> None:
    """Only a Cast may read a uint8 input or make a uint8 tensor, and that only as an output."""
    from onnx import TensorProto

    def names(values: object) -> set[str]:
        return {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.UINT8}  # type: ignore[attr-defined]

    inputs, outputs = names(model.graph.input), names(model.graph.output)
    for node in model.graph.node:
        read = inputs & set(node.input)
        if read and node.op_type != "Cast":
            raise codes.GRAPH_LINT(f"{node.op_type} reads the uint8 input '{min(read)}'", where=origin(node))
        made = outputs & set(node.output)
        if made and node.op_type != "Cast":
            raise codes.GRAPH_LINT(f"{node.op_type} makes the uint8 output '{min(made)}'", where=origin(node))
        to_uint8 = any(a.name == "to" and a.i == TensorProto.UINT8 for a in node.attribute)
        if node.op_type == "Cast" and to_uint8 and not made:
            raise codes.GRAPH_LINT("a uint8 tensor inside the graph is not supported", where=origin(node))
