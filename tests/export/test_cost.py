"""Multiply-accumulates and bytes of graphs, against closed forms and PyTorch's own counter."""

from __future__ import annotations

import json

import pytest
import torch
from onnx import TensorProto, helper
from torch.utils.flop_counter import FlopCounterMode

from rigsight.cli.main import main
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.export.cost import graph_cost, node_macs
from rigsight.export.deploy import deployable
from rigsight.export.graph import to_onnx
from rigsight.export.systems import system_cost
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance
from rigsight.training.models import build

node = helper.make_node


def test_a_convolution_takes_its_kernel_a_value() -> None:
    shapes = {"x": (1, 8, 10, 12), "w": (16, 4, 3, 3), "y": (1, 16, 10, 12)}
    grouped = node("Conv", ["x", "w"], ["y"], group=2)
    assert node_macs(grouped, shapes) == 16 * 10 * 12 * 4 * 9


def test_a_transposed_convolution_takes_its_kernel_a_value_read() -> None:
    shapes = {"x": (1, 8, 5, 6), "w": (8, 4, 2, 2), "y": (1, 4, 10, 12)}
    assert node_macs(node("ConvTranspose", ["x", "w"], ["y"]), shapes) == 8 * 5 * 6 * 4 * 4


def test_products_of_matrices() -> None:
    shapes = {"a": (2, 3, 5), "b": (2, 5, 7), "y": (2, 3, 7), "t": (5, 3), "c": (5, 7), "z": (3, 7)}
    assert node_macs(node("MatMul", ["a", "b"], ["y"]), shapes) == 2 * 3 * 5 * 7
    assert node_macs(node("Gemm", ["t", "c"], ["z"], transA=1), shapes) == 3 * 5 * 7


def test_fused_operators_move_nothing() -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node("MaxPool", ["x"], ["a"], kernel_shape=[2, 2], strides=[2, 2]), node("Relu", ["a"], ["y"])],
        "g",
        [value("x", TensorProto.FLOAT, (1, 1, 4, 4))],
        [value("y", TensorProto.FLOAT, (1, 1, 2, 2))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    cost = graph_cost(model.SerializeToString())
    assert (cost.macs, cost.weights, cost.activations) == (0, 0, 16 + 4)
    assert cost.bytes_moved(2) == 40


def test_a_whole_network_counts_as_pytorch_counts_it() -> None:
    torch.set_num_threads(1)
    classes = (ClassEntry(name="a", color=(0, 0, 0)), ClassEntry(name="b", color=(1, 1, 1)))
    training = TrainingProvenance(command="x", tool_version="0", config={})
    meta = CheckpointMeta(
        model="scnet_edge",
        task="binary",
        metric="ODS-F1",
        threshold=0.5,
        classes=classes,
        width=64,
        height=64,
        training=training,
    )
    model = build("scnet_edge").eval()
    module, part = deployable(model, meta)
    found = graph_cost(to_onnx(module, part).data)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(torch.zeros(1, 3, 64, 64))
    expected = counter.get_total_flops() / 2
    assert abs(found.macs - expected) <= 0.01 * expected
    weights = sum(p.numel() for p in model.parameters())
    assert abs(found.weights - weights) <= 0.02 * weights, "batch norms are folded into convolutions"


def test_a_system_is_counted_and_timed_at_its_size() -> None:
    found = system_cost("ssa_ecnet", 96, 64, timed=True)
    assert found.parameters == 768_790
    assert found.cost.macs == pytest.approx(7.8e9 * (96 * 64) / (640 * 480), rel=0.02)
    assert found.ort_ms is not None
    assert found.torch_ms is not None
    assert min(found.ort_ms, found.torch_ms) > 0


def test_the_command_lists_systems(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "systems", "--only", "mfnet", "--width", "96", "--height", "64"]
    assert main([*words, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["systems"]
    assert row["parameters"] == 734_238
    assert main(["bench", "systems", "--only", "yolo"]) == 2
    assert "yolo" in capsys.readouterr().err
