"""A float32 graph -> the same graph in INT8 with explicit Q/DQ pairs, in two kinds.

``int8`` is for TensorRT: signed, symmetric (zero point 0), weights by output channel, a pair before every
quantised operator and none behind it, so that an activation stays fused to its convolution. ``int8-cpu`` is
for ONNX Runtime: unsigned activations, and pairs round everything between two convolutions, so that its
integer kernels find each other.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rigsight.export.precision.ranges import Ranges

if TYPE_CHECKING:
    import onnx

Kind = Literal["int8", "int8-cpu"]
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# Both branches of a sum must be quantised, or the engine converts one back and forth.
_TENSORRT = (*WEIGHTED, "Add")
_CPU = (
    *(*_TENSORRT, "Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool", "Concat", "Resize", "Mul"),
    *("Reshape", "Transpose", "Slice", "Split", "Squeeze", "Unsqueeze", "Flatten", "Pad"),
)


def quantisable(graph: bytes) -> tuple[str, ...]:
    """Names of the nodes that hold the work: convolutions and products with constant weights."""
    import onnx

    return layers_of(onnx.load_from_string(graph))


def layers_of(model: onnx.ModelProto) -> tuple[str, ...]:
    """:func:`quantisable` of a graph that is read already."""
    constants = {weight.name for weight in model.graph.initializer}
    return tuple(
        node.name
        for node in model.graph.node
        if node.op_type in WEIGHTED and len(node.input) > 1 and node.input[1] in constants
    )


def quantise(graph: bytes, ranges: Ranges, kind: Kind, floats: Collection[str] = ()) -> bytes:
    """The Q/DQ graph; the layers named in ``floats`` stay float32, and what lies behind them.

    ``ranges`` must hold every float tensor of ``graph`` (:func:`collect_ranges`).
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = onnx.load_from_string(graph)
    tensorrt = kind == "int8"
    options: dict[str, Any] = {"WeightSymmetric": True, "MatMulConstBOnly": True}
    if tensorrt:
        options |= {
            "ActivationSymmetric": True,
            "QuantizeBias": False,
            "OpTypesToExcludeOutputQuantization": list(_TENSORRT),
        }
    with tempfile.TemporaryDirectory(prefix="rigsight-int8-") as folder, _quiet():
        cache, out = Path(folder, "ranges.json"), Path(folder, "graph.onnx")
        _write_cache(ranges, cache)
        quantize_static(
            model,
            out,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_TENSORRT if tensorrt else _CPU),
            per_channel=True,
            activation_type=QuantType.QInt8 if tensorrt else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=sorted(
                {*floats, *_between(model, frozenset(floats)), *(_shifts(model) if tensorrt else ())}
            ),
            extra_options=options,
            calibration_cache_path=cache,
        )
        quantised = onnx.load(out)
    quantised.graph.ClearField("value_info")
    quantised.ClearField("metadata_props")
    onnx.checker.check_model(quantised)
    data: bytes = quantised.SerializeToString()
    return data


def _between(model: onnx.ModelProto, floats: frozenset[str]) -> set[str]:
    """Nodes without weights that stay float: those that see a float layer, or none, upstream."""
    constants = {weight.name for weight in model.graph.initializer}
    layers: dict[str, frozenset[str]] = {}  # tensor -> the nearest layers that it comes from
    found = set()
    for node in model.graph.node:
        if node.op_type in WEIGHTED and len(node.input) > 1 and node.input[1] in constants:
            above = frozenset({node.name})
        else:
            above = frozenset().union(*(layers.get(name, frozenset()) for name in node.input))
            if not above or above & floats:
                found.add(node.name)
        layers.update(dict.fromkeys(node.output, above))
    return found


def _shifts(model: onnx.ModelProto) -> set[str]:
    """Sums with a constant: no branch to quantise, and TensorRT refuses a quantised constant read twice."""
    constants = {weight.name for weight in model.graph.initializer}
    return {n.name for n in model.graph.node if n.op_type == "Add" and constants & set(n.input)}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser recommends a preparation of the graph that fails on ours, and that they do not need."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _write_cache(ranges: Ranges, path: Path) -> None:
    """The ranges as ONNX Runtime keeps them between runs."""
    import numpy as np
    from onnxruntime.quantization.calibrate import (
        CalibrationMethod,
        TensorData,
        TensorsData,
        save_tensors_data,
    )

    limits = {
        name: TensorData(lowest=np.float32(low), highest=np.float32(high))
        for name, (low, high) in ranges.limits.items()
    }
    save_tensors_data(TensorsData(CalibrationMethod.MinMax, limits), path)
