"""torchvision's COCO or ImageNet weights in the network. Their names are ours, but for older spellings."""

from __future__ import annotations

import re

from torch import nn

from rigsight.training.models.bnsa.options import BnsaOptions
from rigsight.training.models.pretrained import load_backbone
from rigsight.training.models.provenance import PretrainedWeights

# BNSA is new, and the last layers know other classes.
FRESH = ("backbone.bnsa.", "roi_heads.box_predictor.", "roi_heads.mask_predictor.mask_fcn_logits.")

_OLD_FPN = re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d)\.(weight|bias)")
_OLD_RPN = re.compile(r"rpn\.head\.conv\.(weight|bias)")
_OLD_MASK = re.compile(r"roi_heads\.mask_head\.mask_fcn(\d)\.(weight|bias)")


def modern_name(name: str) -> str:
    """The name in today's torchvision of a parameter in its published Mask R-CNN file.

    >>> modern_name("backbone.fpn.inner_blocks.0.weight"), modern_name("roi_heads.mask_head.mask_fcn1.bias")
    ('backbone.fpn.inner_blocks.0.0.weight', 'roi_heads.mask_head.0.0.bias')
    """
    name = _OLD_FPN.sub(r"\1.0.\2", name)
    name = _OLD_RPN.sub(r"rpn.head.conv.0.0.\1", name)
    return _OLD_MASK.sub(lambda m: f"roi_heads.mask_head.{int(m[1]) - 1}.0.{m[2]}", name)


def load_weights(network: nn.Module, options: BnsaOptions) -> PretrainedWeights:
    """Load what ``options`` name, in place. Raises RigsightError TRN-103, TRN-104, TRN-105."""
    assert options.backbone_weights is not None
    if options.weights_of == "coco":
        name = "maskrcnn_resnet50_fpn"
        return load_backbone(network, name, options.backbone_weights, renamed=modern_name, fresh=FRESH)
    body = network.get_submodule("backbone.body")
    return load_backbone(body, options.backbone, options.backbone_weights)
