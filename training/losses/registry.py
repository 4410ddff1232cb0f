"""Losses of networks that give masks, by the names that configurations use."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from rigsight.training import codes

# name -> module:class
_LOSSES: dict[str, str] = {
    "nadinet": "rigsight.training.losses.nadinet:NadinetLoss",
    "scnet": "rigsight.training.losses.scnet:ScnetLoss",
    "segmentation": "rigsight.training.losses.segmentation:SegmentationLoss",
    "ssa_ecnet": "rigsight.training.losses.ssa_ecnet:SsaEcnetLoss",
}


class MaskLoss(Protocol):
    """A loss of what a network gives for labelled pictures."""

    def __call__(self, outputs: dict[str, Tensor], labels: Tensor, network: nn.Module) -> Tensor:
        """Scalar loss; ``outputs`` of the network, ``labels`` int64 [N,H,W] of class ids, 255 unlabelled."""


def build_loss(name: str, options: Mapping[str, Any], shares: Tensor | None = None) -> MaskLoss:
    """The loss ``name``; ``shares`` [C] of the classes among the labelled pixels go to those that ask for it.

    Raises:
        RigsightError: TRN-005 for an unknown name or options that the loss does not take.
    """
    if name not in _LOSSES:
        near = difflib.get_close_matches(name, _LOSSES, n=1)
        hint = f", did you mean '{near[0]}'" if near else ""
        raise codes.UNKNOWN_LOSS(f"there is no loss '{name}'{hint}", fix=f"Losses: {', '.join(_LOSSES)}.")
    module, attribute = _LOSSES[name].split(":")
    factory = getattr(importlib.import_module(module), attribute)
    takes = inspect.signature(factory).parameters
    unknown = sorted(set(options) - (set(takes) - {"shares"}))
    if unknown:
        known = ", ".join(sorted(set(takes) - {"shares"})) or "none"
        raise codes.UNKNOWN_LOSS(f"the loss '{name}' takes no '{unknown[0]}'", fix=f"It takes: {known}.")
    extra = {"shares": shares} if "shares" in takes else {}
    try:
        loss: MaskLoss = factory(**options, **extra)
    except (TypeError, ValueError) as error:
        raise codes.UNKNOWN_LOSS(f"the loss '{name}': {error}", where="recipe.loss_options") from error
    return loss
