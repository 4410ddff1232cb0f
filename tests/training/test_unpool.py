"""Pooling with places and unpooling: the exportable form against torch's, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.training.models.unpool import pool, pool_select, unpool


def maps(kind: str) -> Tensor:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 12, 16)
    if kind == "relu":  # a sixteenth of the windows is all zeros
        return x.relu()
    if kind == "integers":  # every window has ties
        return x.round().clamp(-1, 1)
    if kind == "constant":
        return torch.full_like(x, -3.0)
    return x


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["random", "relu", "integers", "constant"])
def test_both_forms_agree_to_the_bit(kind: str, dtype: torch.dtype) -> None:
    x = maps(kind).to(dtype)
    values = torch.randn(2, 5, 6, 8).to(dtype)
    largest, indices = F.max_pool2d(x, 2, return_indices=True)
    for ours in (pool(x, indices=True), pool(x, indices=False)):
        assert torch.equal(ours[0], largest)
        assert torch.equal(unpool(values, ours[1]), F.max_unpool2d(values, indices, [2, 2]))


def test_one_phase_of_four_is_chosen_even_where_all_are_equal() -> None:
    _, where = pool_select(maps("constant"))
    assert torch.equal(where.sum(dim=2), torch.ones(2, 5, 6, 8, dtype=torch.int64))
    assert where[:, :, 0].all()


def test_unpooling_by_comparison_with_the_enlarged_maximum_would_be_wrong_on_ties() -> None:
    x = maps("relu")
    largest, indices = F.max_pool2d(x, 2, return_indices=True)
    values = torch.rand_like(largest) + 1
    naive = F.interpolate(values, scale_factor=2.0) * (x == F.interpolate(largest, scale_factor=2.0))
    assert not torch.equal(naive, F.max_unpool2d(values, indices, [2, 2]))


class PoolUnpool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        largest, where = pool(x, indices=False)
        return unpool(2 * largest, where)


@pytest.mark.parametrize("kind", ["random", "relu", "integers"])
def test_onnx_runtime_gives_the_same(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    import onnxruntime

    x, path = maps(kind), tmp_path / "unpool.onnx"
    torch.onnx.export(
        PoolUnpool().eval(), (x,), path, dynamo=False, opset_version=18, input_names=["x"], output_names=["y"]
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": x.numpy()})
    np.testing.assert_array_equal(found, PoolUnpool()(x).numpy())
