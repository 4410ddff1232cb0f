"""A photo through a checkpoint's network at once: what tiles are compared with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

from rigsight.edge.frames import UInt8
from rigsight.export.deploy import MaskGraph, coarsest_grid, deployable, planes
from rigsight.training.checkpoint import load_checkpoint


def whole_probability(checkpoint: str | Path) -> Callable[[UInt8], UInt8]:
    """A function of a photo uint8 [H,W,3] that gives the probability uint8 [H,W], by PyTorch, in one piece.

    The photo is mirrored at its lower and right border to a multiple of the network's coarsest grid, as tiles
    and the scoring of a training do.

    Raises:
        RigsightError: TRN-… for the checkpoint, EXP-004 for a model that makes no masks.
    """
    model, meta = load_checkpoint(checkpoint)
    module, _ = deployable(model, meta)
    assert isinstance(module, MaskGraph)
    grid = coarsest_grid(model)

    def run(photo: UInt8) -> UInt8:
        height, width = photo.shape[:2]
        with torch.inference_mode():
            x = planes(torch.from_numpy(photo.copy())[None])
            x = F.pad(x, (0, -width % grid, 0, -height % grid), mode="reflect")
            levels = (torch.sigmoid(module.model(x)["logits"][0, 0]) * 255.0).round()
            found: UInt8 = levels[:height, :width].to(torch.uint8).numpy()
        return found

    return run
