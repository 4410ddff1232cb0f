"""The lint names the offending operator and the module it comes from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from onnx import ModelProto, TensorProto, helper
from torch import nn

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.spec import Part, Tensor
from rigsight.export.graph import to_onnx
from rigsight.export.lint import lint

PICTURE = Tensor(dtype="float32", shape=(1, 1, 8, 8))


def one_node(op: str, *, inputs: int = 1, dtype: int = TensorProto.FLOAT, opset: int = 18, **attrs: object):  # type: ignore[no-untyped-def]
    names = [f"x{i}" for i in range(inputs)]
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], name="the_node", **attrs)],
        "g",
        [helper.make_tensor_value_info(name, dtype, [1, 1, 8, 8]) for name in names],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 8, 8])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


@pytest.mark.parametrize(
    ("model", "pattern"),
    [
        (one_node("NonMaxSuppression", inputs=2), "NonMaxSuppression is not supported.*the_node"),
        (one_node("MaxUnpool", inputs=2), "MaxUnpool is not supported"),
        (one_node("NonZero"), "NonZero is not supported"),
        (one_node("Relu", opset=20), "opset 20"),
        (one_node("Cast", to=TensorProto.DOUBLE), "float64"),
        (one_node("Cast", to=TensorProto.UINT8), "uint8 tensor inside"),
        (one_node("Transpose", dtype=TensorProto.UINT8), "Transpose reads the uint8 input 'x0'"),
    ],
)
def test_offenders_are_named(model: ModelProto, pattern: str) -> None:
    with pytest.raises(RigsightError, match=f"EXP-003.*{pattern}"):
        lint(model)


def test_a_dynamic_shape_is_named() -> None:
    model = one_node("Relu")
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "h"
    with pytest.raises(RigsightError, match="EXP-003.*'x0' is dynamic"):
        lint(model)


class Pool(nn.Module):
    """MaxPool with indices, as SegNet-like networks use it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, indices = nn.functional.max_pool2d(x, 2, return_indices=True)
        return y + indices


class Wrapped(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.inner(x)
        return y


class Refuses(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.eigh(x)[0]


@pytest.mark.parametrize(
    ("make", "pattern"),
    [(Pool, "EXP-003.*MaxPool with indices.*module inner"), (Refuses, "EXP-002.*eigh")],
)
def test_modules_that_tensorrt_or_the_exporter_refuse_are_one_line(
    make: Callable[[], nn.Module], pattern: str, capfd: pytest.CaptureFixture[str]
) -> None:
    part = Part(inputs={"x": PICTURE}, outputs={"y": PICTURE}, variants={"fp32": "g.onnx"})
    with pytest.raises(RigsightError, match=pattern) as caught:
        to_onnx(Wrapped(make()).eval(), part)
    assert len(caught.value.line()) < 600
    out, err = capfd.readouterr()
    assert out == err == ""
