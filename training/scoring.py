"""How good a network is on labelled pictures: mIoU of class masks, best F1 of binary ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.edge.bundle.spec import Modalities
from rigsight.edge.scoring.masks import MaskMeter
from rigsight.training.data.augment import Sample
from rigsight.training.data.sources import Judged
from rigsight.training.data.stream import collate

MODALITIES: tuple[Modalities, ...] = get_args(Modalities)
MULTIPLE = 16  # of which whole pictures are made sides, by reflection, as trainings have them


@dataclass(frozen=True)
class Score:
    """``value``: mIoU, or ODS-F1 (F1 at the best threshold of the whole set) at ``threshold`` in [0, 1]."""

    value: float
    threshold: float | None = None


def metric_of(task: str) -> str:
    """The name of what :func:`score` gives."""
    return {"semantic": "mIoU", "binary": "ODS-F1"}[task]


def modalities_of(network: nn.Module) -> tuple[Modalities, ...]:
    """With and without each camera for networks that use both, else as it is."""
    inputs: Any = network.inputs
    return MODALITIES if {"rgb", "thermal"} <= set(inputs) else ("both",)


@torch.no_grad()
def logits_of(network: nn.Module, sample: Sample) -> Tensor:
    """Logits [C,H,W] float32 of one whole picture of any size, padded by reflection and cut again."""
    inputs: Any = network.inputs
    device = next(network.parameters()).device
    batch = collate([sample], inputs)
    height, width = sample.labels.shape
    below, right = -height % MULTIPLE, -width % MULTIPLE
    feeds = []
    for name in inputs:
        tensor = batch[name].to(device)
        if name != "tables" and (below or right):
            tensor = F.pad(tensor, (0, right, 0, below), mode="reflect")
        feeds.append(tensor)
    logits: Tensor = network(*feeds)["logits"][0, :, :height, :width]
    return logits.float()


def score(
    network: nn.Module,
    judged: Judged,
    modalities: Sequence[Modalities] | None = None,
    advance: Callable[[int], None] | None = None,
) -> dict[Modalities, Score]:
    """Scores of ``network`` (put into evaluation mode and back) on all pictures of ``judged``."""
    was_training = network.training
    network.eval()
    task: Any = network.task
    result: dict[Modalities, Score] = {}
    for choice in modalities or modalities_of(network):
        judge = _score_binary if task == "binary" else _score_semantic
        result[choice] = judge(network, judged, choice, advance or (lambda _: None))
    network.train(was_training)
    return result


def _score_semantic(
    network: nn.Module, judged: Judged, choice: Modalities, advance: Callable[[int], None]
) -> Score:
    meter: MaskMeter | None = None
    for index in range(len(judged)):
        sample = judged.plain(index, choice)
        logits = logits_of(network, sample)
        meter = meter or MaskMeter(len(logits), judged.ids)
        meter.add(logits.argmax(0).to(torch.uint8).cpu().numpy(), sample.labels)
        advance(1)
    assert meter is not None, "an empty split"
    return Score(meter.scores().miou)


def _score_binary(
    network: nn.Module, judged: Judged, choice: Modalities, advance: Callable[[int], None]
) -> Score:
    from rigsight.edge.scoring.thresholds import ThresholdCounts

    counts = ThresholdCounts()
    for index in range(len(judged)):
        sample = judged.plain(index, choice)
        probability = logits_of(network, sample)[0].sigmoid()
        counts.add((probability * 255).round().to(torch.uint8).cpu().numpy(), sample.labels)
        advance(1)
    best = counts.ods()
    return Score(best.f1, best.threshold / 255)
