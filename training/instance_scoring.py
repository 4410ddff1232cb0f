"""How good a network is on pictures with instances: what it finds, and COCO's figures of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from rigsight.edge.frames import UInt8
from rigsight.training.data.instance_materials import JudgedInstances
from rigsight.training.data.instance_stream import as_input
from rigsight.training.metrics_coco import CocoMeter, CocoScores


@torch.no_grad()
def detections(network: nn.Module, picture: UInt8) -> dict[str, Any]:
    """What the network finds in one picture (grey [H,W] or RGB), numpy: ``boxes`` [D,4], ``labels`` [D],
    ``scores`` [D], ``masks`` [D,28,28], only real detections, best first."""
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    outputs = network(as_input(picture).to(device))
    network.train(was_training)
    arrays = {name: value[0].cpu().numpy() for name, value in outputs.items()}
    real = arrays["labels"] > 0
    return {name: value[real] for name, value in arrays.items()}


def score_instances(
    network: nn.Module, judged: JudgedInstances, advance: Callable[[int], None] | None = None
) -> CocoScores:
    """COCO's mask figures of ``network`` (put into evaluation mode and back) at its size."""
    source = judged.source
    meter = CocoMeter(source.records.names[1:])
    for index in range(len(source.records)):
        sample = source.plain(index)
        meter.add_truth(sample.masks, sample.labels, source.records[index].crowd)
        found = detections(network, sample.picture)
        meter.add_found(found["boxes"], found["labels"], found["scores"], found["masks"])
        if advance is not None:
            advance(1)
    return meter.scores()
