"""SegFormer's all-MLP head, and the full-detail branch that the small model adds to it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DILATIONS = (1, 2, 4, 8)
PICTURES = 5  # fused RGB, visible luma, thermal


def prior_bias(shares: Tensor) -> Tensor:
    """Biases that make an untrained classifier say how frequent the classes are (RetinaNet, section 4.1).

    Without them a rare class spends the first hundreds of steps on being rare.
    """
    return (shares / shares.sum()).clamp(min=1e-6).log()


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

    @torch.no_grad()
    def start_from_shares(self, shares: Tensor) -> None:
        """Set the last biases by the classes' shares [C]."""
        assert self.classify.bias is not None
        self.classify.bias.copy_(prior_bias(shares))

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


def _conv(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    conv = nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class DetailHead(nn.Module):
    """The same head with a convolutional branch for thin things: a crack of 3 px is gone at 1/4.

    The branch looks at the fused picture and both sources: two 3x3 convolutions at 1/2, then residual ones
    of growing dilation at 1/4, where the head's features join. Enlarged to 1/2, every pixel classifies
    its four full ones (pixel shuffle). Our addition for small pictures; not in the paper.
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
        self.coarse.classify = nn.Conv2d(width, 2 * detail, 1)
        self.fine = nn.Sequential(_conv(PICTURES, detail, stride=2), _conv(detail, detail))
        self.quarter = _conv(detail, 2 * detail, stride=2)
        self.context = nn.ModuleList(_conv(2 * detail, 2 * detail, dilation=d) for d in DILATIONS)
        self.join = _conv(4 * detail, 2 * detail)
        self.merge = _conv(3 * detail, 2 * detail)
        self.classify = nn.Conv2d(2 * detail, 4 * classes, 1)

    @torch.no_grad()
    def start_from_shares(self, shares: Tensor) -> None:
        """Set the last biases by the classes' shares [C]."""
        assert self.classify.bias is not None
        self.classify.bias.copy_(prior_bias(shares).repeat_interleave(4))

    def forward(self, stages: Sequence[Tensor], pictures: Tensor) -> Tensor:
        """Stage features and pictures [N,5,H,W], H and W multiples of 4 -> logits [N,classes,H,W]."""
        half = self.fine(pictures)
        quarter = self.quarter(half)
        for block in self.context:
            quarter = quarter + block(quarter)
        quarter = self.join(torch.cat([quarter, self.coarse(stages)], dim=1))
        enlarged = F.interpolate(quarter, size=half.shape[2:], mode="bilinear")
        logits: Tensor = self.classify(self.merge(torch.cat([half, enlarged], dim=1)))
        return F.pixel_shuffle(logits, 2)
