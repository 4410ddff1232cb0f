"""A float32 graph -> the same graph in float16, with float32 islands and explicit casts between.

Strongly typed engines (TensorRT 10.12 and later) run exactly what is written here; builders that choose
precisions themselves keep to it where they may. Inputs and outputs keep their types.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

# Inputs that ONNX wants in float32 whatever the node computes in: roi and scales of a Resize.
_ALWAYS_FLOAT32 = {"Resize": (1, 2)}
_SMALLEST = float(np.finfo(np.float16).smallest_subnormal)
_LARGEST = float(np.finfo(np.float16).max)


def to_half(data: bytes, islands: Collection[str] = ()) -> bytes:
    """The graph ``data`` in float16 but for the nodes named in ``islands``.

    Weights beyond float16's range are cut off at its ends, and none that was not zero becomes zero.
    """
    import onnx
    from onnx import shape_inference

    model = shape_inference.infer_shapes(onnx.load_from_string(data))
    _Halving(model, frozenset(islands)).run()
    model.graph.ClearField("value_info")
    onnx.checker.check_model(model)
    halved: bytes = model.SerializeToString()
    return halved


def for_judging(data: bytes) -> bytes:
    """A float16 graph that ONNX Runtime cannot but run in float16 on a CPU.

    It has no float16 kernels for most operators there, computes them in float32, and drops the casts between:
    nothing would ever overflow. The largest of one tensor alone is that tensor, and has a float16 kernel,
    which is used where two of them follow each other. Sums inside an operator stay float32, as on GPUs.
    """
    import onnx
    from onnx import TensorProto, helper, shape_inference

    model = shape_inference.infer_shapes(onnx.load_from_string(data))
    values = (*model.graph.value_info, *model.graph.output)
    half = {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.FLOAT16}
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        for place, name in enumerate(node.output):
            if name in half:
                node.output[place] = raw = f"{name}_unrounded"
                nodes.append(helper.make_node("Max", [raw], [f"{raw}_once"], name=f"{raw}_first"))
                nodes.append(helper.make_node("Max", [f"{raw}_once"], [name], name=f"{raw}_second"))
    model.graph.ClearField("node")
    model.graph.node.extend(nodes)
    model.graph.ClearField("value_info")
    judged: bytes = model.SerializeToString()
    return judged


@dataclass
class _Halving:
    """One graph on its way to float16.

    ``width`` is the precision of every float tensor so far, ``casts`` and ``weights`` what was made of one
    for the other precision, so that each is made once.
    """

    model: onnx.ModelProto
    islands: frozenset[str]
    width: dict[str, int] = field(default_factory=dict)
    casts: dict[tuple[str, int], str] = field(default_factory=dict)
    nodes: list[onnx.NodeProto] = field(default_factory=list)

    def run(self) -> None:
        """Rewrite the graph in place."""
        from onnx import TensorProto

        graph = self.model.graph
        self._weights = {w.name: w for w in graph.initializer if w.data_type == TensorProto.FLOAT}
        floats = {v.name for v in (*graph.value_info, *graph.input, *graph.output) if _is_float(v)}
        self._floats = floats | set(self._weights)
        self._outputs = {v.name for v in graph.output if _is_float(v)}
        self._kept: dict[tuple[str, int], onnx.TensorProto] = {}
        self.width = {v.name: TensorProto.FLOAT for v in graph.input if _is_float(v)}
        for node in graph.node:
            self._node(node)
        others = [w for w in graph.initializer if w.name not in self._weights]
        graph.ClearField("initializer")
        graph.initializer.extend([*others, *self._kept.values()])
        graph.ClearField("node")
        graph.node.extend(self.nodes)

    def _node(self, node: onnx.NodeProto) -> None:
        from onnx import TensorProto, helper

        width = TensorProto.FLOAT if node.name in self.islands else TensorProto.FLOAT16
        always = _ALWAYS_FLOAT32.get(node.op_type, ())
        for place, name in enumerate(node.input):
            if name in self._floats:
                node.input[place] = self._as(name, TensorProto.FLOAT if place in always else width)
        self._retype(node, width)
        self.nodes.append(node)
        for place, name in enumerate(node.output):
            if name not in self._floats:
                continue
            if name in self._outputs and width != TensorProto.FLOAT:
                node.output[place] = inner = f"{name}_half"
                self.nodes.append(
                    helper.make_node("Cast", [inner], [name], name=f"{inner}_cast", to=TensorProto.FLOAT)
                )
                self.width[name] = TensorProto.FLOAT
                self.casts[name, width] = inner
            else:
                self.width[name] = width

    def _retype(self, node: onnx.NodeProto, width: int) -> None:
        """Attributes that hold or name a float type."""
        from onnx import TensorProto

        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = width
            elif attribute.HasField("t") and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(_converted(attribute.t, attribute.t.name, width))

    def _as(self, name: str, width: int) -> str:
        """The tensor that holds ``name`` in this precision; made where there is none yet."""
        from onnx import helper

        if name in self._weights:
            return self._weight(name, width)
        if self.width[name] == width:
            return name
        if (name, width) not in self.casts:
            made = f"{name}_as_{helper.tensor_dtype_to_np_dtype(width)}"
            self.nodes.append(helper.make_node("Cast", [name], [made], name=f"{made}_cast", to=width))
            self.casts[name, width] = made
        return self.casts[name, width]

    def _weight(self, name: str, width: int) -> str:
        from onnx import TensorProto

        made = name if width == TensorProto.FLOAT else f"{name}_half"
        if (name, width) not in self._kept:
            self._kept[name, width] = _converted(self._weights[name], made, width)
        return made


def _is_float(value: onnx.ValueInfoProto) -> bool:
    from onnx import TensorProto

    return bool(value.type.tensor_type.elem_type == TensorProto.FLOAT)


def _converted(tensor: onnx.TensorProto, name: str, width: int) -> onnx.TensorProto:
    from onnx import TensorProto, numpy_helper

    values = numpy_helper.to_array(tensor)
    if width == TensorProto.FLOAT:
        return numpy_helper.from_array(values, name)
    cut = np.clip(values, -_LARGEST, _LARGEST)
    vanishing = (cut != 0) & (np.abs(cut) < _SMALLEST)
    cut = np.where(vanishing, np.copysign(_SMALLEST, cut), cut)
    return numpy_helper.from_array(np.asarray(cut, np.float16), name)
