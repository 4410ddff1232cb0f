"""MFNet and SSA-ECNet learn eight simulated pictures by heart, each with its own loss."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from rigsight.edge.agc import PercentileAgc
from rigsight.edge.bundle.spec import Preprocessing
from rigsight.training.data.augment import Sample
from rigsight.training.data.chosen import reduced
from rigsight.training.data.render import RenderJob, render
from rigsight.training.data.stream import collate
from rigsight.training.losses.registry import build_loss
from rigsight.training.models import build

STEPS = 200


@pytest.fixture(scope="module")
def pictures() -> dict[str, Tensor]:
    """Eight facades with and without damp patches."""
    preprocessing = Preprocessing(thermal_input="counts16", grid="rig_output")
    sets = render(RenderJob("facade", "train", 0, tuple(range(0, 160, 20)), 64, 48, preprocessing, 0.0))
    labels = reduced(sets.labels, ["damp"])
    thermal = [
        PercentileAgc.apply(counts, (float(low), float(high)))
        for counts, (low, high) in zip(sets.counts, sets.bounds, strict=True)
    ]
    samples = [Sample(*each) for each in zip(sets.rgb, thermal, labels, strict=True)]
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
    loss = build_loss(loss_name, {}, shares)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    before = reached = iou(network, pictures)
    for step in range(1, STEPS + 1):
        outputs = network(pictures["rgb"], pictures["thermal"])
        optimizer.zero_grad()
        loss(outputs, labels, network).backward()
        optimizer.step()
        if step % 20 == 0:
            reached = iou(network, pictures)
        if reached > 0.96:
            break
    assert before < 0.5
    assert reached > 0.95
