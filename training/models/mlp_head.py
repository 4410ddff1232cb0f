"""SegFormer's all-MLP head, and the full-detail branch that the small model adds to it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PICTURES = 5  # fused RGB, visible luma, thermal


class MlpHead(nn.Module):
    """Every stage to one width, enlarged to 1/4, merged (Xie et al. 2021, section 3.2).

    With MiT-b3's stages and width 256: 528,137 parameters for 9 classes, 529,679 for 15.
    """

    def __init__(self, stages: Sequence[int], width: int, classes: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Conv2d(c, width, 1) for c in stages)
        self.merge = nn.Sequential(
            nn.Conv2d(len(stages) * width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.dropout = nn.Dropout2d(dropout)
        self.classify = nn.Conv2d(width, classes, 1)

    def features(self, stages: Sequence[Tensor]) -> Tensor:
        """Merged features [N,width,H/4,W/4]."""
        size = stages[0].shape[2:]
        maps = [layer(x) for layer, x in zip(self.project, stages, strict=True)]
        maps = [maps[0], *(F.interpolate(x, size=size, mode="bilinear") for x in maps[1:])]
        merged: Tensor = self.merge(torch.cat(maps[::-1], dim=1))
        return merged

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        """Stage features -> logits [N,classes,H/4,W/4]."""
        logits: Tensor = self.classify(self.dropout(self.features(stages)))
        return logits


class DetailHead(nn.Module):
    """The same head with a half-resolution branch for thin things: a crack of 3 px is gone at 1/4.

    Two 3x3 convolutions look at the fused picture and both sources, the first with stride 2; their features
    join the head's, enlarged to 1/2, and every half-resolution pixel classifies its four full ones (pixel
    shuffle). Our addition for small pictures; not in the paper.
    """

    def __init__(
        self,
        stages: Sequence[int],
        width: int,
        classes: int,
        detail: int,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.coarse = MlpHead(stages, width, classes, dropout)
        self.coarse.classify = nn.Conv2d(width, detail, 1)
        self.detail = nn.Sequential(
            nn.Conv2d(PICTURES, detail, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(detail),
            nn.ReLU(),
            nn.Conv2d(detail, detail, 3, padding=1, bias=False),
            nn.BatchNorm2d(detail),
            nn.ReLU(),
        )
        self.merge = nn.Sequential(
            nn.Conv2d(2 * detail, 2 * detail, 3, padding=1, bias=False), nn.BatchNorm2d(2 * detail), nn.ReLU()
        )
        self.classify = nn.Conv2d(2 * detail, 4 * classes, 1)

    def forward(self, stages: Sequence[Tensor], pictures: Tensor) -> Tensor:
        """Stage features and pictures [N,5,H,W], H and W even -> logits [N,classes,H,W]."""
        detail = self.detail(pictures)
        coarse = F.interpolate(self.coarse(stages), size=detail.shape[2:], mode="bilinear")
        logits: Tensor = self.classify(self.merge(torch.cat([coarse, detail], dim=1)))
        return F.pixel_shuffle(logits, 2)
