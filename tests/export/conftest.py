"""Checkpoints with fresh weights, and the bundle that one of them becomes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rigsight.edge.simulation.classes import CLASSES
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance, save_checkpoint
from rigsight.training.models import build

MakeCheckpoint = Callable[..., Path]


@pytest.fixture(scope="session")
def make_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> MakeCheckpoint:
    """A function of model name, width, height and options that writes a checkpoint of random weights."""

    def make(name: str, width: int, height: int, **options: object) -> Path:
        torch.manual_seed(1)
        torch.set_num_threads(1)
        model = build(name, **options)
        # Fresh LayerNorms, zero biases and zero last layers would hide a wrong order of operations.
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.02)
        meta = CheckpointMeta(
            model=name,
            options=options,
            classes=CLASSES,
            width=width,
            height=height,
            training=TrainingProvenance(
                command="rigsight train demo.yaml", tool_version="0.1.0", data="simulated", steps=5
            ),
            scores={"street": {"both": 0.8, "rgb_only": 0.6, "thermal_only": 0.4}},
        )
        path = tmp_path_factory.mktemp("checkpoint") / f"{name}.safetensors"
        save_checkpoint(path, model, meta)
        return path

    return make


@pytest.fixture(scope="session")
def nano(make_checkpoint: MakeCheckpoint) -> Path:
    """The shipped model's architecture at its size."""
    return make_checkpoint("segmif_nano", 320, 240)


@pytest.fixture(scope="session")
def nano_bundle(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `rigsight export` makes of it."""
    from rigsight.export.bundle import ExportOptions, export_checkpoint

    out = tmp_path_factory.mktemp("bundles") / "nano"
    export_checkpoint(nano, out, ExportOptions(release=3))
    return out
