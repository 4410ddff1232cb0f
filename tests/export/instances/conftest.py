"""A small Mask R-CNN of stirred weights that sees things everywhere, and the bundle that it becomes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.bundle.spec import ClassEntry, Preprocessing
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance, save_checkpoint
from rigsight.training.models import build
from rigsight.training.models.bnsa.network import BnsaMaskRcnn

SIZE = (160, 96)
OPTIONS: dict[str, Any] = {
    "classes": 2, "anchor": 8, "width": 16, "box_width": 32, "mask_layers": 1, "proposals": 60,
    "detections": 25,
}  # fmt: skip
CLASSES = (
    ClassEntry(name="background", color=(0, 0, 0)),
    ClassEntry(name="person", color=(235, 64, 82)),
    ClassEntry(name="car", color=(64, 132, 235)),
)


MakeNetwork = Callable[..., BnsaMaskRcnn]
MakeMeta = Callable[..., CheckpointMeta]


def _stirred(**options: Any) -> BnsaMaskRcnn:
    """Norms that have seen something, and last layers that dare to say something."""
    torch.manual_seed(3)
    torch.set_num_threads(1)
    model = build("bnsa_mask_rcnn_small", **{**OPTIONS, **options})
    assert isinstance(model, BnsaMaskRcnn)
    bold = ("cls_score.weight", "bbox_pred.weight", "cls_logits.weight", "rpn.head.bbox_pred.weight")
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.2)
        for name, parameter in model.named_parameters():
            if name.endswith(bold):
                parameter.mul_(6)
    return model.eval()


def _meta(**change: Any) -> CheckpointMeta:
    made: dict[str, Any] = {
        "model": "bnsa_mask_rcnn_small",
        "options": OPTIONS,
        "task": "instance",
        "classes": CLASSES,
        "width": SIZE[0],
        "height": SIZE[1],
        "metric": "mask AP",
        "scores": {"street": {"both": 0.31}},
        "preprocessing": Preprocessing(),
        "training": TrainingProvenance(
            command="rigsight train street.yaml", tool_version="0.1.0", data="simulated"
        ),
    }
    made |= change
    return CheckpointMeta.model_validate({**made, "options": {**OPTIONS, **made["options"]}})


@pytest.fixture(scope="session")
def stirred() -> MakeNetwork:
    """A function of options that makes a network."""
    return _stirred


@pytest.fixture(scope="session")
def meta_of() -> MakeMeta:
    """A function of changes that makes what stands beside the weights."""
    return _meta


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("instances") / "m.safetensors"
    save_checkpoint(path, _stirred(), _meta())
    return path


@pytest.fixture(scope="session")
def things(checkpoint: Path) -> Bundle:
    """What `rigsight export` makes of it."""
    from rigsight.cli.main import main

    out = checkpoint.with_name("things")
    assert main(["export", str(checkpoint), "--out", str(out)]) == 0
    return open_bundle(out)
