"""Every system as a graph: parameters, work, bytes, and time in ONNX Runtime beside PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from rigsight.edge.benchmarks.interleave import medians_ms
from rigsight.edge.bundle.spec import ClassEntry, Part
from rigsight.edge.engines.base import Array
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.export.cost import GraphCost, graph_cost
from rigsight.export.deploy import FUSING, deployable
from rigsight.export.graph import to_onnx
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance
from rigsight.training.models import build

# Full-size systems, then the students; networks that a camera alone can feed.
SYSTEMS: dict[str, dict[str, Any]] = {
    "segmif": {},
    "ssa_ecnet": {},
    "mfnet": {},
    "scnet": {"edge": "none"},
    "scnet_4level": {"edge": "none"},
    "nadinet_densenet201": {},
    "nadinet_vgg16": {},
    "nadinet_resnet34": {},
    "segmif_edge": {},
    "scnet_edge": {},
    "nadinet_edge": {},
}
TIMED_ROUNDS = 2


@dataclass(frozen=True)
class SystemCost:
    """One system at one size; ``ort_ms`` and ``torch_ms`` on one thread, None where they were not timed."""

    name: str
    parameters: int
    cost: GraphCost
    ort_ms: float | None = None
    torch_ms: float | None = None


def system_cost(name: str, width: int, height: int, timed: bool = False) -> SystemCost:
    """Build a system with fresh weights, export it and count; with ``timed`` run it too.

    Sets PyTorch's threads of the whole process to one when timed.

    Raises:
        RigsightError: TRN-101 for an unknown name, EXP-002 to EXP-004 where there is no graph.
    """
    torch.manual_seed(0)
    model = build(name, **SYSTEMS.get(name, {})).eval()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    module, part = deployable(model, _meta(name, model, width, height))
    data = to_onnx(module, part).data
    found = SystemCost(name, parameters, graph_cost(data))
    if not timed:
        return found
    torch.set_num_threads(1)
    engine = OnnxRuntimeEngine(data, threads=1)
    feeds = _feeds(part)
    inputs = tuple(torch.from_numpy(feeds[key]) for key in part.inputs)

    def eager() -> object:
        with torch.inference_mode():
            return module(*inputs)

    rivals = {"ort": lambda: engine.infer(feeds), "torch": eager}
    times = medians_ms(rivals, TIMED_ROUNDS, lambda: None)
    return SystemCost(name, parameters, found.cost, times["ort"], times["torch"])


def _meta(name: str, model: nn.Module, width: int, height: int) -> CheckpointMeta:
    binary = name not in FUSING and getattr(model, "task", "semantic") == "binary"
    options = getattr(model, "options", None)
    count = 2 if binary else int(getattr(options, "classes", 2))
    return CheckpointMeta(
        model=name,
        options=SYSTEMS.get(name, {}),
        task="binary" if binary else "semantic",
        metric="ODS-F1" if binary else "mIoU",
        threshold=0.5 if binary else None,
        classes=tuple(ClassEntry(name=f"class {i}", color=(i, i, i)) for i in range(count)),
        width=width,
        height=height,
        training=TrainingProvenance(command="none", tool_version="0", config={}),
    )


def _feeds(part: Part) -> Mapping[str, Array]:
    """Random inputs of the graph."""
    random = np.random.default_rng(0)
    feeds: dict[str, Array] = {}
    for key, tensor in part.inputs.items():
        values = random.random(tensor.shape)
        feeds[key] = (
            (values * 255).astype(np.uint8) if tensor.dtype == "uint8" else values.astype(tensor.dtype)
        )
    return feeds
