"""DIB, the dual-scale interaction block (NaDiNet, section III-C), and the plain block of its baseline."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.training.models.attention import Cbam
from rigsight.training.models.blocks import ConvNormAct, resize_like


def _conv(inputs: int, outputs: int) -> ConvNormAct:
    return ConvNormAct(inputs, outputs, act=nn.ReLU(inplace=True))


class ScaleBranch(nn.Module):
    """Interaction at one scale: 2C channels, one half modulated by a CBAM, then the other with it (eq. 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fuse = _conv(2 * channels, 2 * channels)
        self.gate1 = _gate(channels)
        self.mix = _conv(2 * channels, channels)
        self.gate2 = _gate(channels)
        self.merge = _conv(2 * channels, channels)

    def forward(self, pair: Tensor) -> Tensor:
        """[N,2C,H,W], two levels side by side -> [N,C,H,W]."""
        first, second = self.fuse(pair).chunk(2, dim=1)
        first = self.gate1(first)
        second = self.gate2(self.mix(torch.cat([first, second], dim=1)))
        merged: Tensor = self.merge(torch.cat([first, second], dim=1))
        return merged


def _gate(channels: int) -> Cbam:
    """CBAM as NaDiNet's code has it; 2,147 parameters for 128 channels."""
    return Cbam(channels, bias=False, spatial_bias=True, residual=True)


class Dib(nn.Module):
    """What both scales agree on: conv(large(x, y) * up(small(x, y))) (eq. 3); 2,518,796 parameters at 128.

    The large branch works at the size of ``x``, the small one at half of it (rounded up); ``y`` has either.
    """

    def __init__(self, channels: int, align_corners: bool) -> None:
        super().__init__()
        self.large, self.small = ScaleBranch(channels), ScaleBranch(channels)
        self.out = _conv(channels, channels)
        self.align_corners = align_corners

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``x`` [N,C,H,W] of this level, ``y`` [N,C,h,w] of the deeper one -> [N,C,H,W]."""
        half = ((x.shape[2] + 1) // 2, (x.shape[3] + 1) // 2)
        less = F.interpolate(x, size=half, mode="bilinear", align_corners=self.align_corners)
        large = self.large(torch.cat([x, resize_like(y, x, self.align_corners)], dim=1))
        small = self.small(torch.cat([less, resize_like(y, less, self.align_corners)], dim=1))
        joined: Tensor = self.out(large * resize_like(small, large, self.align_corners))
        return joined


class PlainBlock(nn.Module):
    """The baseline of the paper's ablation: concatenation and three convolutions.

    1,476,480 products a place for C = 128, where the DIB has 1,620,000 or so.
    """

    def __init__(self, channels: int, align_corners: bool) -> None:
        super().__init__()
        wide = 2 * channels
        self.fuse = nn.Sequential(_conv(wide, wide), _conv(wide, wide), _conv(wide, channels))
        self.align_corners = align_corners

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """As :meth:`Dib.forward`."""
        fused: Tensor = self.fuse(torch.cat([x, resize_like(y, x, self.align_corners)], dim=1))
        return fused
