"""Pretrained backbones: from the user's file, or downloaded by the library that they belong to.

Nothing is downloaded unless ``backbone_weights`` says so, and what was used is printed with its licence and
recorded in the checkpoint, from where it reaches the bundle.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from rigsight.training import codes
from rigsight.training.models.mit_names import renamed_mit
from rigsight.training.models.provenance import PretrainedWeights
from rigsight.training.weights_file import read_weights

DOWNLOAD = "download"
NVIDIA_LICENCE = "NVIDIA Source Code License for SegFormer: non-commercial use only"
IMAGENET_LICENCE = "BSD-3-Clause (torchvision), trained on ImageNet-1K: its terms are non-commercial research"
COCO_LICENCE = (
    "BSD-3-Clause (torchvision), trained on COCO: annotations CC BY 4.0, pictures under Flickr's terms"
)

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Backbone:
    """One known backbone: its terms, who serves it, and how its names become the network's."""

    licence: str
    address: str
    renamed: Callable[[Weights], dict[str, Tensor]]


def _torchvision_names(weights: Weights) -> dict[str, Tensor]:
    """torchvision's names; old DenseNet files write ``norm.1`` for ``norm1`` and ``conv.2`` for ``conv2``."""
    old = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.")
    return {old.sub(r"\1\2.", name): value for name, value in weights.items()}


# torchvision's address is the name of its weights enumeration.
BACKBONES: dict[str, Backbone] = {
    **{f"mit_b{size}": Backbone(NVIDIA_LICENCE, f"nvidia/mit-b{size}", renamed_mit) for size in range(4)},
    **{
        name: Backbone(IMAGENET_LICENCE, address, _torchvision_names)
        for name, address in (
            ("vgg16", "VGG16_Weights.IMAGENET1K_V1"),
            ("vgg16_bn", "VGG16_BN_Weights.IMAGENET1K_V1"),
            ("resnet18", "ResNet18_Weights.IMAGENET1K_V1"),
            ("resnet34", "ResNet34_Weights.IMAGENET1K_V1"),
            ("resnet50", "ResNet50_Weights.IMAGENET1K_V1"),
            ("densenet121", "DenseNet121_Weights.IMAGENET1K_V1"),
            ("densenet201", "DenseNet201_Weights.IMAGENET1K_V1"),
        )
    },
    "maskrcnn_resnet50_fpn": Backbone(
        COCO_LICENCE, "MaskRCNN_ResNet50_FPN_Weights.COCO_V1", _torchvision_names
    ),
}


def backbone_weights(name: str, weights: str) -> tuple[dict[str, Tensor], PretrainedWeights]:
    """The weights of backbone ``name`` under its library's names, and the note that goes with them.

    Args:
        name: a key of :data:`BACKBONES`.
        weights: ``download``, or a local .safetensors, .pth or .bin file.

    Raises:
        RigsightError: TRN-103 for the file, TRN-104 for a backbone that is not known, TRN-105 when the
            download fails.
    """
    if name not in BACKBONES:
        known = ", ".join(BACKBONES)
        raise codes.BACKBONE_WEIGHTS(f"there are no pretrained weights of '{name}', only of {known}")
    backbone = BACKBONES[name]
    if weights == DOWNLOAD:
        found, source = _downloaded(name, backbone.address), backbone.address
    else:
        found, source = read_weights(weights), Path(weights).name
    note = PretrainedWeights(name=name, source=source, licence=backbone.licence)
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(f"weights of {name} from {source}. Licence: {note.licence}", file=sys.stderr)
    return backbone.renamed(found), note


def load_backbone(
    module: nn.Module,
    name: str,
    weights: str,
    *,
    renamed: Callable[[str], str | None] | None = None,
    fresh: tuple[str, ...] = (),
) -> PretrainedWeights:
    """Put pretrained weights into ``module``, and return the note for ``network.pretrained``.

    Whatever the file has beyond the module (a classifier, say) is left out; whatever the module has must
    come from the file.

    Args:
        module: where the weights go, in place.
        name: a key of :data:`BACKBONES`.
        weights: ``download`` or a file.
        renamed: the library's name -> the module's, None to leave a tensor out.
        fresh: beginnings of the module's names that keep their fresh weights.

    Raises:
        RigsightError: TRN-103, TRN-104 when the weights are of another backbone, TRN-105.
    """
    found, note = backbone_weights(name, weights)
    if renamed is not None:
        pairs = [(renamed(key), value) for key, value in found.items()]
        found = {key: value for key, value in pairs if key is not None}
    wanted = module.state_dict()
    taken = {}
    for key, value in wanted.items():
        if key.startswith(fresh) or (key.endswith("num_batches_tracked") and key not in found):
            continue  # files older than PyTorch 0.4.1 do not count batches
        if key not in found:
            raise codes.BACKBONE_WEIGHTS(f"'{key}' is missing, so it is no {name}", where=note.source)
        if found[key].shape != value.shape:
            shapes = f"{tuple(found[key].shape)} instead of {tuple(value.shape)}"
            raise codes.BACKBONE_WEIGHTS(f"'{key}' is {shapes}, so it is no {name}", where=note.source)
        taken[key] = found[key]
    module.load_state_dict(taken, strict=False)
    return note


def _downloaded(name: str, address: str) -> Weights:
    """What the library downloads, or finds in its cache. Raises TRN-105."""
    try:
        return _from_transformers(address) if name.startswith("mit_") else _from_torchvision(address)
    # An interrupted or refused download surfaces as any of these, and a damaged one as RuntimeError.
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        reason = textwrap.shorten(str(error), 120, placeholder=" …")
        raise codes.BACKBONE_DOWNLOAD(f"{name} from {address}: {reason}") from error


def _from_torchvision(address: str) -> Weights:
    import torchvision

    enumeration = torchvision.models.get_weight(address)
    weights: Weights = enumeration.get_state_dict(
        progress=sys.stderr.isatty(), check_hash=True, weights_only=True
    )
    return weights


def _from_transformers(address: str) -> Weights:
    from transformers import SegformerModel

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # every retry would be a line
    model = SegformerModel.from_pretrained(address, weights_only=True)
    weights: Weights = model.state_dict()
    return weights
