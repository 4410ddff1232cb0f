"""Sample predictions as one picture: rgb, thermal, truth and mask of a few labelled pictures, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from torch import nn

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import UNLABELLED, UInt8, as_uint8
from rigsight.training.data.sources import Judged
from rigsight.training.scoring import logits_of

ROWS, HEIGHT = 4, 160
GREY = 96  # of unlabelled pixels


def strip(
    network: nn.Module, judged: Sequence[Judged], classes: Sequence[ClassEntry], rows: int = ROWS
) -> UInt8 | None:
    """RGB uint8 [rows x 160, W, 3], evenly drawn from the sets of ``judged``; None without any."""
    places = [(each, i) for each in judged for i in range(len(each))]
    if not places:
        return None
    was_training = network.training
    network.eval()
    chosen = [places[round(k)] for k in np.linspace(0, len(places) - 1, min(rows, len(places)))]
    inputs: Any = network.inputs
    lines = []
    for each, index in chosen:
        sample = each.plain(index)
        mask = _mask(network, sample)
        tiles = [sample.rgb] if "rgb" in inputs else []
        if "thermal" in inputs:
            tiles.append(as_uint8(cv2.cvtColor(sample.thermal, cv2.COLOR_GRAY2RGB)))
        tiles += [coloured(sample.labels, classes), coloured(mask, classes)]
        lines.append(np.hstack([_shrunk(tile) for tile in tiles]))
    network.train(was_training)
    width = min(line.shape[1] for line in lines)
    return as_uint8(np.vstack([line[:, :width] for line in lines]))


def coloured(mask: UInt8, classes: Sequence[ClassEntry]) -> UInt8:
    """Class ids [H,W] as RGB uint8 [H,W,3]; unlabelled pixels are grey."""
    palette = np.full((256, 3), GREY, np.uint8)
    palette[: len(classes)] = [entry.color for entry in classes]
    palette[UNLABELLED] = GREY
    return as_uint8(palette[mask])


def _mask(network: nn.Module, sample: Any) -> UInt8:
    logits = logits_of(network, sample)
    task: Any = network.task
    ids = (logits[0] > 0) if task == "binary" else logits.argmax(0)
    return as_uint8(ids.cpu().numpy().astype(np.uint8))


def _shrunk(picture: UInt8) -> UInt8:
    width = round(picture.shape[1] * HEIGHT / picture.shape[0])
    return as_uint8(cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA))
