"""Model names, and the one way to build a network from a name and options."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Any

from rigsight.training import codes

if TYPE_CHECKING:
    from torch import nn

# name -> module:function; the function takes the options as keywords and returns the nn.Module.
_MODELS: dict[str, str] = {
    "segmif": "rigsight.training.models.segmif:segmif",
    "segmif_nano": "rigsight.training.models.segmif:segmif_nano",
    "segmif_edge": "rigsight.training.models.segmif_edge:segmif_edge",
    "scnet": "rigsight.training.models.scnet:scnet",
    "scnet_4level": "rigsight.training.models.scnet:scnet_4level",
    "scnet_edge": "rigsight.training.models.scnet:scnet_edge",
    "mfnet": "rigsight.training.models.mfnet:mfnet",
    "ssa_ecnet": "rigsight.training.models.ssa_ecnet:ssa_ecnet",
    "nadinet_densenet201": "rigsight.training.models.nadinet.network:nadinet_densenet201",
    "nadinet_vgg16": "rigsight.training.models.nadinet.network:nadinet_vgg16",
    "nadinet_resnet34": "rigsight.training.models.nadinet.network:nadinet_resnet34",
    "bnsa_mask_rcnn": "rigsight.training.models.bnsa.network:bnsa_mask_rcnn",
    "bnsa_mask_rcnn_small": "rigsight.training.models.bnsa.network:bnsa_mask_rcnn_small",
    "nadinet_edge": "rigsight.training.models.nadinet.network:nadinet_edge",
}


def names() -> tuple[str, ...]:
    """Every name that :func:`build` knows."""
    return tuple(_MODELS)


def build(name: str, **options: Any) -> nn.Module:
    """Make a network with fresh weights; ``module.options`` holds all its options, defaults included.

    Raises:
        RigsightError: TRN-101 for an unknown name, TRN-102 for options that the model does not take.
    """
    if name not in _MODELS:
        near = difflib.get_close_matches(name, _MODELS, n=1)
        hint = f", did you mean '{near[0]}'" if near else ""
        raise codes.UNKNOWN_MODEL(f"there is no model '{name}'{hint}", fix=f"Models: {', '.join(_MODELS)}.")
    module, function = _MODELS[name].split(":")
    model: nn.Module = getattr(importlib.import_module(module), function)(**options)
    return model
