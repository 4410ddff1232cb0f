"""SCNet and its edge student learn eight pictures by heart: network, loss and gradients work together."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from rigsight.training.losses.scnet import ScnetLoss
from rigsight.training.models import build

SIDE = 64


def cracks(count: int) -> tuple[Tensor, Tensor]:
    """Pictures [N,3,H,W] of dark broken lines on rough ground, and their labels [N,H,W]."""
    random = np.random.default_rng(0)
    pictures, labels = [], []
    for _ in range(count):
        steps = random.normal((8, 0), (2, 5), (9, 2)).cumsum(axis=0) + np.array((-4, random.uniform(16, 48)))
        label = np.zeros((SIDE, SIDE), np.uint8)
        cv2.polylines(label, [steps.round().astype(np.int32)], False, 1, int(random.integers(2, 5)))
        ground = cv2.GaussianBlur(random.normal(0.6, 0.15, (SIDE, SIDE, 3)), (0, 0), 1.0)
        pictures.append((ground - 0.25 * label[..., None]).clip(0, 1))
        labels.append(label)
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    return x, torch.from_numpy(np.stack(labels)).long()


def iou(logits: Tensor, labels: Tensor) -> float:
    found, true = logits[:, 0] > 0, labels == 1
    return float((found & true).sum() / (found | true).sum())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [("scnet", {"width": 0.125, "edge": "none"}), ("scnet_edge", {"widths": (16, 24, 32, 32)})],
)
def test_eight_pictures_are_learnt_by_heart(name: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    pictures, labels = cracks(8)
    network, loss = build(name, **options), ScnetLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    with torch.no_grad():
        assert iou(network(pictures)["logits"], labels) < 0.2
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - step / 200)
        optimizer.zero_grad()
        loss(network(pictures), labels, network).backward()
        optimizer.step()
    with torch.no_grad():
        assert iou(network.eval()(pictures)["logits"], labels) > 0.95
