"""Every architecture that can be exported, in every variant for TensorRT, through a real NVIDIA builder."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rigsight.edge.tensorrt.proof import prove_graph
from rigsight.export.class_map import FOR_TENSORRT, with_class_map
from rigsight.export.deploy import deployable
from rigsight.export.graph import Graph, to_onnx
from rigsight.export.precision.half import to_half
from rigsight.export.precision.islands import islands_of
from rigsight.export.precision.quantise import quantise
from rigsight.export.precision.ranges import collect_ranges
from rigsight.training.checkpoint import load_checkpoint

SIDE = 96
# The students, and the papers' networks where they have modules of their own, made thinner.
SYSTEMS: dict[str, dict[str, object]] = {
    "segmif": {"encoder": "mit_b0", "fusion_channels": 16, "fusion_growth": 8},
    "segmif_nano": {},
    "segmif_edge": {},
    "ssa_ecnet": {},
    "mfnet": {},
    "scnet": {"edge": "none", "widths": (8, 16, 32, 32, 32)},
    "scnet_edge": {},
    "nadinet_edge": {},
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt-rtx is not installed"
    ),
]


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_exported_graph_is_built_in_every_variant(
    name: str, make_checkpoint: Callable[..., Path]
) -> None:
    model, meta = load_checkpoint(make_checkpoint(name, SIDE, SIDE, **SYSTEMS[name]))
    torch.set_num_threads(1)
    task = getattr(model, "task", "semantic")
    if task == "binary":
        meta = meta.model_copy(update={"task": "binary", "metric": "ODS-F1", "threshold": 0.5})
        meta = meta.model_copy(update={"classes": meta.classes[:2]})
    module, part = deployable(model, meta)
    exported: Graph = to_onnx(module, part)
    rng = np.random.default_rng(1)
    feed = {
        key: rng.integers(0, 256, t.shape, dtype=np.uint8)
        if t.dtype == "uint8"
        else rng.random(t.shape, dtype=np.float32)
        for key, t in part.inputs.items()
    }
    ranges = collect_ranges(exported.data, [feed])
    islands = {island.node for island in islands_of(exported.data, ranges.largest)}
    variants = {
        "fp32": exported.data,
        "fp16": to_half(exported.data, islands),
        "int8": quantise(exported.data, ranges, "int8"),
    }
    for variant, graph in variants.items():
        if variant in FOR_TENSORRT and "logits" in part.outputs:
            graph = with_class_map(graph)
        assert prove_graph(graph, f"{name}.{variant}.onnx").plan_bytes > 0
