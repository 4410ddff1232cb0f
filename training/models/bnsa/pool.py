"""RoIAlign over a feature pyramid, half a pixel right (Detectron2's ROIAlignV2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

LEVELS = ("0", "1", "2", "3")
FIRST_STRIDE = 4
SAMPLES = 2


def pyramid_levels(boxes: Tensor, anchor: int) -> Tensor:
    """Level 0 to 3 of boxes [R,4]: floor(4 + log2(sqrt(w h) / 224)) - 2 with the usual anchors of 32.

    Lin et al., Feature Pyramid Networks, 2017, eq. 1. Smaller anchors move the levels with them.

    >>> sides = torch.tensor([20.0, 112.0, 224.0, 900.0])
    >>> pyramid_levels(torch.stack([0 * sides, 0 * sides, sides, sides], dim=1), 32)
    tensor([0, 1, 2, 3])
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-6).prod(dim=1).sqrt()
    return torch.floor(2 + torch.log2(sides / (7 * anchor)) + 1e-6).clamp(0, len(LEVELS) - 1).long()


class PyramidRoIAlign(nn.Module):
    """Features of boxes, [R,C,size,size]; two by two samples a bin, so that graphs can be static."""

    def __init__(self, size: int, anchor: int) -> None:
        super().__init__()
        self.size, self.anchor = size, anchor

    def forward(self, features: dict[str, Tensor], boxes: Sequence[Tensor], sizes: object) -> Tensor:
        """``boxes``: for every picture [R_n,4] in its pixels; ``sizes`` is torchvision's and not needed."""
        numbers = torch.cat([each.new_full((len(each), 1), n) for n, each in enumerate(boxes)])
        regions = torch.cat([numbers, torch.cat(list(boxes))], dim=1)
        level = pyramid_levels(regions[:, 1:], self.anchor)
        maps = features[LEVELS[0]]
        pooled = maps.new_zeros(len(regions), maps.shape[1], self.size, self.size)
        for k, name in enumerate(LEVELS):
            here = torch.where(level == k)[0]
            scale = 1 / (FIRST_STRIDE * 2**k)
            found = roi_align(
                features[name].float(), regions[here].float(), self.size, scale, SAMPLES, aligned=True
            )
            pooled = pooled.index_copy(0, here, found.to(pooled.dtype))
        return pooled
