"""Mask R-CNN with BNSA: picture in, boxes and masks out, or the losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork

from rigsight.base.schema import explain
from rigsight.training import codes
from rigsight.training.models.bnsa.backbone import STRIDE, BnsaBackbone
from rigsight.training.models.bnsa.heads import ProposalHead
from rigsight.training.models.bnsa.options import SMALL, BnsaOptions
from rigsight.training.models.bnsa.pretrained import load_weights
from rigsight.training.models.bnsa.roi_heads import MASK_OUT, InstanceHeads, Target
from rigsight.training.models.provenance import PretrainedWeights

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
RATIOS = (0.5, 1.0, 2.0)
PRE_NMS = {"training": 2000, "testing": 1000}


class BnsaMaskRcnn(nn.Module):
    """53,456,104 parameters with the defaults, frozen ones counted.

    Attributes:
        options: what it was built with, defaults included.
        task: "instance".
        inputs: the one picture it takes.
        pretrained: where weights came from, if any were loaded.
    """

    mean: Tensor
    std: Tensor
    task = "instance"

    def __init__(self, options: BnsaOptions) -> None:
        super().__init__()
        self.options = options
        self.inputs: tuple[str, ...] = (options.modality,)
        self.backbone = BnsaBackbone(options)
        sides = tuple((options.anchor * 2**k,) for k in range(5))
        self.rpn = RegionProposalNetwork(
            AnchorGenerator(sides, (RATIOS,) * len(sides)),
            ProposalHead(options.width, len(RATIOS)),
            fg_iou_thresh=0.7,
            bg_iou_thresh=0.3,
            batch_size_per_image=256,
            positive_fraction=0.5,
            pre_nms_top_n=PRE_NMS,
            post_nms_top_n={"training": options.proposals, "testing": options.proposals},
            nms_thresh=0.7,
        )
        self.roi_heads = InstanceHeads(options)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        self.pretrained: tuple[PretrainedWeights, ...] = ()
        if options.backbone_weights is not None:
            self.pretrained = (load_weights(self, options),)

    def forward(self, picture: Tensor, targets: Sequence[Target] | None = None) -> dict[str, Tensor]:
        """Losses when ``targets`` are given, detections otherwise.

        Args:
            picture: float [N,1|3,H,W] in [0, 1]; grey is repeated for the three channels.
            targets: for every picture ``boxes`` float [K,4] (x0, y0, x1, y1 in pixels), ``labels`` int64 [K]
                (1 to ``classes``) and ``masks`` uint8 [K,H,W]. K may be 0.

        Returns:
            ``rpn_class``, ``rpn_box``, ``class``, ``box``, ``mask`` (scalars, in training mode only), or
            ``boxes`` [N,D,4], ``labels`` int64 [N,D] (0: no detection), ``scores`` [N,D] and ``masks``
            [N,D,28,28] (probabilities inside the boxes), best first, D = ``options.detections``.
        """
        height, width = picture.shape[2:]
        scale = self.scale(height, width)
        x = (picture.expand(-1, 3, -1, -1) - self.mean) / self.std
        if scale != 1:
            x = F.interpolate(x, scale_factor=scale, mode="bilinear", recompute_scale_factor=True)
        size = (int(x.shape[2]), int(x.shape[3]))
        # Zero is the mean grey: what is added right and below shows nothing.
        x = F.pad(x, (0, -size[1] % STRIDE, 0, -size[0] % STRIDE))
        images = ImageList(x, [size] * len(x))
        features = self.backbone(x)
        scaled = None if targets is None else [_scaled(target, scale, size) for target in targets]
        # The anchors take the maps' type: bfloat16 would round them to whole pixels and worse.
        wide = {name: each.float() for name, each in features.items()}
        proposals, losses = self.rpn(images, wide, scaled)
        if scaled is not None:
            heads = self.roi_heads.losses(features, proposals, scaled)
            return {
                "rpn_class": losses["loss_objectness"],
                "rpn_box": losses["loss_rpn_box_reg"],
                **heads,
            }
        found = self.roi_heads.detect(features, proposals, images.image_sizes)
        return _padded(found, self.options.detections, scale)

    def scale(self, height: int, width: int) -> float:
        """Pixels of what the backbone sees for one of a picture of that size."""
        options = self.options
        if options.short_side == 0:
            return 1.0
        return min(options.short_side / min(height, width), options.long_side / max(height, width))


def _scaled(target: Target, scale: float, size: tuple[int, int]) -> Target:
    if scale == 1:
        return target
    masks = target["masks"]
    height, width = masks.shape[1:]
    factors = target["boxes"].new_tensor([size[1] / width, size[0] / height] * 2)
    resized = masks.new_zeros(0, *size)
    if len(masks):
        resized = F.interpolate(masks[None].float(), size=size, mode="nearest")[0].to(masks.dtype)
    return {**target, "boxes": target["boxes"] * factors, "masks": resized}


def _padded(found: Sequence[Target], count: int, scale: float) -> dict[str, Tensor]:
    """Every picture's detections in tensors of one size, boxes in the given picture's pixels."""
    boxes = found[0]["boxes"]
    result = {
        "boxes": boxes.new_zeros(len(found), count, 4),
        "labels": torch.zeros(len(found), count, dtype=torch.int64, device=boxes.device),
        "scores": boxes.new_zeros(len(found), count),
        "masks": boxes.new_zeros(len(found), count, MASK_OUT, MASK_OUT),
    }
    for n, each in enumerate(found):
        for name, values in each.items():
            result[name][n, : len(values)] = values
    result["boxes"] /= scale
    return result


def bnsa_mask_rcnn(**options: Any) -> BnsaMaskRcnn:
    """The network of the paper with four classes; options as in :class:`BnsaOptions`. Raises TRN-102."""
    try:
        return BnsaMaskRcnn(BnsaOptions.model_validate(options))
    except ValidationError as error:
        raise codes.MODEL_OPTIONS(explain(error, BnsaOptions), where="model.options") from error


def bnsa_mask_rcnn_small(**options: Any) -> BnsaMaskRcnn:
    """A ResNet-18 with slim heads for small pictures on a CPU; options as above. Raises TRN-102."""
    return bnsa_mask_rcnn(**{**SMALL, **options})
