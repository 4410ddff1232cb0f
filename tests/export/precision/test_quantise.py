"""Ranges and Q/DQ graphs against what they must be, number by number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from rigsight.base.errors import RigsightError
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.export.lint import lint
from rigsight.export.precision.quantise import Kind, quantisable, quantise
from rigsight.export.precision.ranges import METHODS, Method, best_limits, collect_ranges

Feeds = list[dict[str, NDArray[np.uint8]]]


def test_minmax_is_the_smallest_and_largest_value_of_all_pictures(
    two_convolutions: bytes, pictures: Feeds
) -> None:
    ranges = collect_ranges(two_convolutions, pictures, "minmax")
    engine = OnnxRuntimeEngine(two_convolutions, threads=1)
    logits = np.stack([engine.infer(feed)["logits"].copy() for feed in pictures])
    assert ranges.limits["logits"] == pytest.approx((logits.min(), logits.max()), rel=1e-5)
    pixels = np.stack([feed["rgb"] for feed in pictures])
    assert ranges.limits["x"] == pytest.approx((pixels.min() / 255, pixels.max() / 255), abs=1e-6)
    assert ranges.largest["logits"] == pytest.approx(np.abs(logits).max(), rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_no_calibrator_goes_beyond_what_was_seen(
    two_convolutions: bytes, pictures: Feeds, method: Method
) -> None:
    widest = collect_ranges(two_convolutions, pictures, "minmax").limits
    found = collect_ranges(two_convolutions, pictures, method).limits
    assert found.keys() == widest.keys()
    for name, (low, high) in found.items():
        room = (widest[name][1] - widest[name][0]) / 100 + 1e-6
        assert widest[name][0] - room <= low <= high <= widest[name][1] + room, name


def test_the_best_limits_beat_minmax_on_a_long_tail() -> None:
    """Checked by quantising the very values, not by the formula that chose."""
    random = np.random.default_rng(1)
    values = np.concatenate([random.exponential(1.0, 100_000), [60.0]])
    counts, edges = np.histogram(values, bins=2048, range=(-60, 60))
    low, high = best_limits(counts, edges)

    def error(top: float) -> float:
        step = (top - 0.0) / 255
        return float(((values - np.clip(np.round(values / step), 0, 255) * step) ** 2).mean())

    assert low == 0
    assert error(high) < error(60.0)
    assert error(high) <= 1.05 * min(error(top) for top in np.linspace(18, 60, 43))


def test_limits_of_a_tensor_that_is_always_zero() -> None:
    assert best_limits(np.zeros(8, int), np.linspace(-1, 1, 9)) == (0.0, 0.0)


@pytest.mark.parametrize(("kind", "stored"), [("int8", TensorProto.INT8), ("int8-cpu", TensorProto.UINT8)])
def test_activations_have_the_kind_s_type_and_weights_are_signed_by_channel(
    two_convolutions: bytes, pictures: Feeds, kind: Kind, stored: int
) -> None:
    ranges = collect_ranges(two_convolutions, pictures, "minmax")
    model = onnx.load_from_string(quantise(two_convolutions, ranges, kind))
    lint(model)
    weights = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    quantisers = [n for n in model.graph.node if n.op_type == "QuantizeLinear"]
    assert quantisers
    for node in quantisers:
        zero = weights[node.input[2]]
        assert zero.dtype == {TensorProto.INT8: np.int8, TensorProto.UINT8: np.uint8}[stored]
        assert weights[node.input[1]].size == 1
        assert kind == "int8-cpu" or zero == 0
    original = numpy_helper.to_array(
        next(w for w in onnx.load_from_string(two_convolutions).graph.initializer if w.name == "w1")
    )
    (kept,) = [name for name in weights if name.startswith("w1") and weights[name].ndim == 4]
    (node,) = [n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0] == kept]
    scales = weights[node.input[1]]
    assert weights[kept].dtype == np.int8
    assert scales.shape == (8,)
    restored = weights[kept].astype(np.float32) * scales[:, None, None, None]
    assert (np.abs(restored - original) <= scales[:, None, None, None] * 0.5001).all()


def test_for_tensorrt_nothing_stands_between_a_convolution_and_its_activation(
    two_convolutions: bytes, pictures: Feeds
) -> None:
    ranges = collect_ranges(two_convolutions, pictures, "minmax")
    model = onnx.load_from_string(quantise(two_convolutions, ranges, "int8"))
    (first,) = [n for n in model.graph.node if n.name.startswith("first")]
    (reader,) = [n for n in model.graph.node if first.output[0] in n.input]
    assert reader.op_type == "Relu"
    biases = [w for w in model.graph.initializer if w.name == "b1"]
    assert biases[0].data_type == TensorProto.FLOAT, "TensorRT wants the bias in float"


@pytest.mark.parametrize("kind", ["int8", "int8-cpu"])
def test_int8_is_close_and_the_nodes_left_out_stay_float(
    two_convolutions: bytes, pictures: Feeds, kind: Kind
) -> None:
    ranges = collect_ranges(two_convolutions, pictures, "minmax")
    expected = OnnxRuntimeEngine(two_convolutions, threads=1).infer(pictures[1])["logits"]
    found = OnnxRuntimeEngine(quantise(two_convolutions, ranges, kind), threads=1).infer(pictures[1])
    assert 0 < np.abs(found["logits"] - expected).max() / np.ptp(expected) < 0.05
    every = quantisable(two_convolutions)
    assert every == ("first", "last")
    untouched = onnx.load_from_string(quantise(two_convolutions, ranges, kind, every))
    names = {n.name: list(n.input) for n in untouched.graph.node}
    assert names["first"][1] == "w1"
    assert names["last"][1] == "w2"


def test_what_follows_a_float_layer_stays_float_too(two_convolutions: bytes, pictures: Feeds) -> None:
    """Else a group that is alone INT8 would be blamed for what others lose."""
    ranges = collect_ranges(two_convolutions, pictures, "minmax")
    alone = onnx.load_from_string(quantise(two_convolutions, ranges, "int8-cpu", ["first"]))
    (relu,) = [node for node in alone.graph.node if node.op_type == "Relu"]
    (first,) = [node for node in alone.graph.node if node.name == "first"]
    assert relu.input[0] == first.output[0]
    assert next(n for n in alone.graph.node if relu.output[0] in n.input).op_type == "QuantizeLinear"
    every = quantise(two_convolutions, ranges, "int8-cpu", ["first", "last"])
    assert not [n for n in onnx.load_from_string(every).graph.node if n.op_type == "QuantizeLinear"]


def test_a_network_whose_values_overflow_has_no_ranges(make_graph: Callable[..., bytes]) -> None:
    data = make_graph(
        [
            helper.make_node("Mul", ["x", "x"], ["square"], name="a"),
            helper.make_node("Sub", ["square", "square"], ["y"], name="b"),
        ],
        {"x": (TensorProto.FLOAT, (1, 4))},
        {"y": (TensorProto.FLOAT, (1, 4))},
        {},
    )
    feeds = [{"x": np.ones((1, 4), np.float32)}, {"x": np.full((1, 4), 1e30, np.float32)}]
    with pytest.raises(RigsightError, match="EXP-101.*not finite on input 2"):
        collect_ranges(data, feeds, "mse")
