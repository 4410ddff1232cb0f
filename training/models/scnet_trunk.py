"""SCNet's hourglass: the 13 convolutions of VGG16-D downwards, their mirror upwards (section III-F).

The text says VGG-C, whose third convolutions are 1x1; only D (3x3 everywhere) has 29.46 M parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.training.models.blocks import ConvNormAct, Norm
from rigsight.training.models.unpool import pool, unpool

VGG_WIDTHS = (64, 128, 256, 512, 512)
VGG_DEPTHS = (2, 2, 3, 3, 3)

Up = Literal["unpool", "bilinear", "nearest"]
Skip = Literal["none", "add", "concat"]


def block(channels: Sequence[int], norm: Norm, dilations: Sequence[int] | None = None) -> nn.Sequential:
    """3x3 convolutions without bias from each number of channels to the next, each with norm and ReLU."""
    steps = dilations or [1] * (len(channels) - 1)
    return nn.Sequential(
        *(
            ConvNormAct(a, b, dilation=d, bias=norm == "none", norm=norm, act=nn.ReLU())
            for a, b, d in zip(channels[:-1], channels[1:], steps, strict=True)
        )
    )


class Down(nn.Module):
    """One scale of the encoder."""

    def __init__(
        self, inputs: int, width: int, depth: int, norm: Norm, dilations: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.convs = block([inputs, *[width] * depth], norm, dilations)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,width,H,W]; pooling comes after the gate."""
        features: Tensor = self.convs(x)
        return features


class Lift(nn.Module):
    """One scale of the decoder: enlarge twofold, join the encoder's map if asked, convolve.

    The last convolution goes to ``outputs`` channels, because the next unpooling fills the places of a
    map that has as many.
    """

    def __init__(self, width: int, outputs: int, depth: int, norm: Norm, up: Up, skip: Skip) -> None:
        super().__init__()
        self.up, self.skip = up, skip
        inputs = 2 * width if skip == "concat" else width
        self.convs = block([inputs, *[width] * (depth - 1), outputs], norm)

    def forward(self, x: Tensor, where: Tensor, encoded: Tensor) -> Tensor:
        """[N,width,h,w], the pool's places and the map [N,width,2h,2w] before it -> [N,outputs,2h,2w]."""
        if self.up == "unpool":
            x = unpool(x, where)
        elif self.up == "nearest":
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        else:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        if self.skip == "add":
            x = x + encoded
        elif self.skip == "concat":
            x = torch.cat([x, encoded], dim=1)
        features: Tensor = self.convs(x)
        return features


def pooled(x: Tensor, up: Up, indices: bool) -> tuple[Tensor, Tensor]:
    """2x2 maxima and their places, which only unpooling needs."""
    if up != "unpool":
        largest = F.max_pool2d(x, 2)
        return largest, largest
    return pool(x, indices)
