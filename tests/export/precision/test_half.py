"""float16 graphs: the values they give, what stays float32, and the casts between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.export.lint import lint
from rigsight.export.precision.half import for_judging, to_half
from rigsight.export.precision.islands import LONGEST_SUM, find_islands

MakeGraph = Callable[..., bytes]
Feeds = list[dict[str, NDArray[np.uint8]]]
node = helper.make_node


def test_a_half_graph_computes_the_same_within_eleven_bits(two_convolutions: bytes, pictures: Feeds) -> None:
    half = to_half(two_convolutions)
    expected = OnnxRuntimeEngine(two_convolutions, threads=1).infer(pictures[0])["logits"]
    found = OnnxRuntimeEngine(half, threads=1).infer(pictures[0])["logits"]
    assert found.dtype == np.float32
    error = np.abs(found - expected).max() / np.ptp(expected)
    assert 0 < error < 2e-3


def test_its_weights_and_arithmetic_are_float16_and_it_passes_the_lint(two_convolutions: bytes) -> None:
    model = onnx.load_from_string(to_half(two_convolutions))
    lint(model)
    assert {w.data_type for w in model.graph.initializer} == {TensorProto.FLOAT16}
    casts = [n.attribute[0].i for n in model.graph.node if n.op_type == "Cast"]
    assert casts == [TensorProto.FLOAT16, TensorProto.FLOAT], "uint8 to half at once, float32 for the output"


def test_an_island_keeps_what_float16_cannot_hold(make_graph: MakeGraph) -> None:
    """300 squared 256 times is 2.3e7: infinite in float16, exact in an island."""
    data = make_graph(
        [
            node("Mul", ["x", "x"], ["square"], name="square"),
            node("ReduceSum", ["square"], ["sum"], name="sum", keepdims=1),
            node("Div", ["square", "sum"], ["y"], name="share"),
        ],
        {"x": (TensorProto.FLOAT, (1, 256))},
        {"y": (TensorProto.FLOAT, (1, 256))},
        {},
    )
    x = np.full((1, 256), 300, np.float32)
    plain = OnnxRuntimeEngine(for_judging(to_half(data)), threads=1).infer({"x": x})["y"]
    assert not np.isfinite(plain).any()
    halved = to_half(data, {"square", "sum", "share"})
    safe = OnnxRuntimeEngine(for_judging(halved), threads=1).infer({"x": x})["y"]
    np.testing.assert_allclose(safe, 1 / 256)


def test_judging_rounds_every_tensor_to_eleven_bits(make_graph: MakeGraph) -> None:
    """1 + 2^-12 is 1 in float16; ONNX Runtime by itself would keep it."""
    data = make_graph(
        [node("Add", ["x", "e"], ["a"], name="a"), node("Sub", ["a", "x"], ["y"], name="b")],
        {"x": (TensorProto.FLOAT, (1, 4))},
        {"y": (TensorProto.FLOAT, (1, 4))},
        {"e": np.float32([2**-12] * 4)},
    )
    x = np.ones((1, 4), np.float32)
    assert OnnxRuntimeEngine(for_judging(to_half(data)), threads=1).infer({"x": x})["y"].max() == 0


def test_a_tensor_is_cast_once_for_all_who_read_it(make_graph: MakeGraph) -> None:
    data = make_graph(
        [
            node("Relu", ["x"], ["a"], name="a"),
            node("Neg", ["a"], ["b"], name="b"),
            node("Abs", ["a"], ["c"], name="c"),
            node("Add", ["b", "c"], ["y"], name="d"),
        ],
        {"x": (TensorProto.FLOAT, (1, 4))},
        {"y": (TensorProto.FLOAT, (1, 4))},
        {},
    )
    model = onnx.load_from_string(to_half(data, {"b", "c"}))
    to_float = [n.input[0] for n in model.graph.node if n.op_type == "Cast" and n.attribute[0].i == 1]
    assert sorted(to_float) == ["a", "y_half"]


def test_a_weight_of_both_worlds_is_kept_twice(make_graph: MakeGraph) -> None:
    data = make_graph(
        [node("Mul", ["x", "w"], ["a"], name="a"), node("Mul", ["a", "w"], ["y"], name="b")],
        {"x": (TensorProto.FLOAT, (1, 4))},
        {"y": (TensorProto.FLOAT, (1, 4))},
        {"w": np.float32([1.0001, 2, 3, 4])},
    )
    model = onnx.load_from_string(to_half(data, {"b"}))
    assert {w.name: w.data_type for w in model.graph.initializer} == {"w": 1, "w_half": 10}


def test_small_weights_do_not_vanish_and_large_ones_do_not_overflow(make_graph: MakeGraph) -> None:
    data = make_graph(
        [node("Mul", ["x", "w"], ["y"], name="a")],
        {"x": (TensorProto.FLOAT, (1, 3))},
        {"y": (TensorProto.FLOAT, (1, 3))},
        {"w": np.float32([-1e-9, 0, 1e9])},
    )
    weight = numpy_helper.to_array(onnx.load_from_string(to_half(data)).graph.initializer[0])
    assert weight.dtype == np.float16
    assert weight[0] < 0
    assert weight[1] == 0
    assert weight[2] == np.float16(65504)


def test_the_sizes_of_a_resize_stay_float32(make_graph: MakeGraph) -> None:
    data = make_graph(
        [node("Resize", ["x", "", "scales"], ["y"], name="r", mode="nearest")],
        {"x": (TensorProto.FLOAT, (1, 1, 2, 2))},
        {"y": (TensorProto.FLOAT, (1, 1, 4, 4))},
        {"scales": np.float32([1, 1, 2, 2])},
    )
    x = np.float32([[[[1, 2], [3, 4]]]])
    found = OnnxRuntimeEngine(to_half(data), threads=1).infer({"x": x})["y"]
    assert found[0, 0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


def test_islands_are_long_sums_normalisations_and_large_values(make_graph: MakeGraph) -> None:
    long = LONGEST_SUM + 1
    data = make_graph(
        [
            node("MatMul", ["k", "v"], ["gram"], name="gram"),
            node("Softmax", ["gram"], ["p"], name="softmax"),
            node("Relu", ["p"], ["q"], name="relu"),
            node("Abs", ["q"], ["y"], name="large"),
        ],
        {"k": (TensorProto.FLOAT, (1, 2, long)), "v": (TensorProto.FLOAT, (1, long, 2))},
        {"y": (TensorProto.FLOAT, (1, 2, 2))},
        {},
    )
    model = onnx.load_from_string(data)
    shapes = {"k": (1, 2, long), "gram": (1, 2, 2)}
    islands = find_islands(model, shapes, {"q": 10.0, "y": 5e4}, {"gram": "net.hia"})
    assert [(i.node, i.reason) for i in islands] == [
        ("gram", f"adds {long} values"),
        ("softmax", "normalises over many values"),
        ("large", "reaches 5e+04"),
    ]
    assert islands[0].module == "net.hia"
