"""The three modules that become the graphs of an instance bundle; their mathematics are the network's."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import clip_boxes_to_image

from rigsight.export.deploy import planes
from rigsight.export.instances.roi_align import AtlasRoIAlign, to_atlas
from rigsight.training.models.bnsa.backbone import STRIDE
from rigsight.training.models.bnsa.network import BnsaMaskRcnn
from rigsight.training.models.bnsa.pool import FIRST_STRIDE, LEVELS
from rigsight.training.models.bnsa.roi_heads import BOX_SIDE, MASK_SIDE

Shape = tuple[int, int]


class Frame:
    """Sizes in pixels, (height, width): the ``picture``, what it is ``scaled`` to, and that ``padded``."""

    def __init__(self, model: BnsaMaskRcnn, picture: Shape) -> None:
        self.picture = picture
        self.scale = model.scale(*picture)
        self.scaled: Shape = (math.floor(picture[0] * self.scale), math.floor(picture[1] * self.scale))
        self.padded: Shape = (-(-self.scaled[0] // STRIDE) * STRIDE, -(-self.scaled[1] // STRIDE) * STRIDE)

    def levels(self) -> list[Shape]:
        """Sizes of the five maps that proposals come from."""
        sizes = [
            (self.padded[0] // (FIRST_STRIDE * 2**k), self.padded[1] // (FIRST_STRIDE * 2**k))
            for k in range(len(LEVELS))
        ]
        return [*sizes, ((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2)]


class ProposalPart(nn.Module):
    """Picture -> atlas of the pyramid, and the best decoded proposals of every level, before suppression."""

    def __init__(self, model: BnsaMaskRcnn, frame: Frame) -> None:
        super().__init__()
        self.model, self.frame = model, frame
        rpn: Any = model.rpn
        maps = [torch.zeros(1, 1, *size) for size in frame.levels()]
        images = ImageList(torch.zeros(1, 1, *frame.padded), [frame.scaled])
        (anchors,) = rpn.anchor_generator(images, maps)
        count = rpn.anchor_generator.num_anchors_per_location()[0]
        self.numbers = [count * size[0] * size[1] for size in frame.levels()]
        self.taken = [min(rpn.pre_nms_top_n(), number) for number in self.numbers]
        for k, each in enumerate(anchors.split(self.numbers)):
            self.register_buffer(f"anchors_{k}", each, persistent=False)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 [1,H,W,1|3] -> ``features`` [1,C,h,w], ``proposals`` [1,K,4], ``objectness`` [1,K] (logits).

        Proposals lie in the scaled picture's pixels, clipped to it, level after level, best first in each.
        """
        model: Any = self.model
        x = (planes(picture).expand(-1, 3, -1, -1) - model.mean) / model.std
        if self.frame.scaled != self.frame.picture:
            x = F.interpolate(x, size=self.frame.scaled, mode="bilinear")
        (height, width), (full_height, full_width) = self.frame.scaled, self.frame.padded
        x = F.pad(x, (0, full_width - width, 0, full_height - height))
        features = model.backbone(x)
        objectness, deltas = model.rpn.head(list(features.values()))
        chosen = [self._best(k, o, d) for k, (o, d) in enumerate(zip(objectness, deltas, strict=True))]
        proposals = clip_boxes_to_image(torch.cat([box for box, _ in chosen]), self.frame.scaled)
        return to_atlas(features), proposals[None], torch.cat([score for _, score in chosen])[None]

    def _best(self, level: int, objectness: Tensor, deltas: Tensor) -> tuple[Tensor, Tensor]:
        """The level's best boxes [k,4] and logits [k] of objectness [1,A,h,w] and deltas [1,4A,h,w]."""
        count = objectness.shape[1]
        flat = objectness[0].permute(1, 2, 0).reshape(-1)
        rows = deltas[0].reshape(count, 4, *objectness.shape[2:]).permute(2, 3, 0, 1).reshape(-1, 4)
        scores, order = torch.topk(flat, self.taken[level])
        coder: Any = self.model.rpn.box_coder
        anchors = self.get_buffer(f"anchors_{level}")
        return coder.decode_single(rows[order], anchors[order]), scores


class BoxPart(nn.Module):
    """A fixed number of regions -> their classes and boxes."""

    def __init__(self, model: BnsaMaskRcnn, frame: Frame) -> None:
        super().__init__()
        self.heads: Any = model.roi_heads
        self.pool = AtlasRoIAlign(BOX_SIDE, model.options.anchor, *frame.padded)
        self.scaled = frame.scaled

    def forward(self, features: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Atlas and regions [N,4] -> ``scores`` [N,K] (softmax with the background, left out) and ``boxes``
        [N,K,4], clipped to the scaled picture."""
        logits, deltas = self.heads.box_predictor(self.heads.box_head(self.pool(features, regions)))
        boxes = self.heads.box_coder.decode_single(deltas, regions).reshape(len(regions), -1, 4)
        return logits.softmax(dim=1)[:, 1:], clip_boxes_to_image(boxes[:, 1:], self.scaled)


class MaskPart(nn.Module):
    """A fixed number of detections -> their masks."""

    def __init__(self, model: BnsaMaskRcnn, frame: Frame) -> None:
        super().__init__()
        self.heads: Any = model.roi_heads
        self.pool = AtlasRoIAlign(MASK_SIDE, model.options.anchor, *frame.padded)
        self.kinds = model.options.classes

    def forward(self, features: Tensor, regions: Tensor, classes: Tensor) -> tuple[Tensor]:
        """Atlas, regions [M,4] and classes int64 [M] from 0 on -> ``masks`` [M,28,28], probabilities."""
        logits = self.heads.mask_predictor(self.heads.mask_head(self.pool(features, regions)))
        first = torch.arange(len(regions), device=classes.device) * self.kinds
        return (logits.flatten(0, 1)[first + classes].sigmoid(),)
