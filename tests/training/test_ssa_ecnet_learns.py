"""MFNet and SSA-ECNet learn eight pictures by heart, each with its own loss."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rigsight.training.data.augment import Sample
from rigsight.training.data.stream import collate
from rigsight.training.losses.registry import build_loss
from rigsight.training.models import build

STEPS, LR = 160, 5e-3


@pytest.fixture(scope="module")
def pictures() -> dict[str, Tensor]:
    """Eight walls of 48x64 with a cold, slightly darker patch, as damp is."""
    random = np.random.default_rng(7)
    samples = []
    for _ in range(8):
        rgb = random.integers(110, 140, (48, 64, 3)).astype(np.uint8)
        thermal = random.integers(120, 150, (48, 64)).astype(np.uint8)
        labels = np.zeros((48, 64), np.uint8)
        centre = tuple(int(v) for v in random.integers((16, 14), (48, 34)))
        cv2.ellipse(labels, centre, (13, 10), int(random.integers(0, 180)), 0, 360, 1, -1)
        rgb[labels == 1] -= 25
        thermal[labels == 1] -= 60
        samples.append(Sample(rgb, thermal, labels))
    return collate(samples, ("rgb", "thermal"))


def iou(network: nn.Module, pictures: dict[str, Tensor]) -> float:
    """Of class 1 over all pictures, in evaluation mode."""
    network.eval()
    with torch.no_grad():
        logits = network(pictures["rgb"], pictures["thermal"])["logits"]
    network.train()
    painted, true, known = logits.argmax(1) == 1, pictures["labels"] == 1, pictures["labels"] != 255
    return float((painted & true).sum() / ((painted | true) & known).sum())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "loss_name"), [("mfnet", "segmentation"), ("ssa_ecnet", "ssa_ecnet")])
def test_eight_pictures_are_learnt_by_heart(name: str, loss_name: str, pictures: dict[str, Tensor]) -> None:
    torch.manual_seed(0)
    labels = pictures["labels"]
    network = build(name)
    shares = torch.bincount(labels[labels != 255], minlength=2) / (labels != 255).sum()
    # Weights of the classes paint rare ones too large on purpose: not for learning by heart.
    options = {"class_weight_power": 0.0}
    loss = build_loss(loss_name, options, shares)
    optimizer = torch.optim.Adam(network.parameters(), lr=LR)
    before = reached = iou(network, pictures)
    for step in range(1, STEPS + 1):
        outputs = network(pictures["rgb"], pictures["thermal"])
        for group in optimizer.param_groups:
            group["lr"] = LR * (1 + math.cos(math.pi * step / STEPS)) / 2
        optimizer.zero_grad()
        loss(outputs, labels, network).backward()
        optimizer.step()
        if step % 10 == 0:
            reached = iou(network, pictures)
        if reached > 0.96:
            break
    assert before < 0.5
    assert reached > 0.95
