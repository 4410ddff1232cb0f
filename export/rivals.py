"""PyTorch as a rival of the exported graphs: eager, and what torch.compile makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from rigsight.edge.benchmarks.variants import Rival
from rigsight.edge.engines.base import Array
from rigsight.export.deploy import deployable
from rigsight.training.checkpoint import load_checkpoint


def torch_rivals(
    checkpoint: str | Path,
    feeds: Mapping[str, Array],
    size: tuple[int, int],
    threads: int,
    compiled: bool = False,
) -> list[Rival]:
    """The checkpoint's deployable module on the inputs of the graph; ``size`` is its (width, height).

    Sets PyTorch's threads for the whole process.

    Raises:
        RigsightError: TRN-… for the checkpoint, EXP-004 for a model without a deployable form.
    """
    torch.set_num_threads(threads)
    model, meta = load_checkpoint(checkpoint)
    module, part = deployable(model, meta, size)
    inputs = tuple(torch.from_numpy(feeds[name].copy()) for name in part.inputs)
    rivals = [Rival("PyTorch", _calling(module, inputs))]
    if compiled:
        faster: Any = torch.compile(module)
        _calling(faster, inputs)()
        rivals.append(Rival("torch.compile", _calling(faster, inputs)))
    return rivals


def _calling(module: Callable[..., Any], inputs: tuple[torch.Tensor, ...]) -> Callable[[], object]:
    def call() -> object:
        with torch.inference_mode():
            return module(*inputs)

    return call
