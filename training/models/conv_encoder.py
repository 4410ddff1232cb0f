"""A small residual encoder of 3x3 convolutions, batch norm and ReLU: SegMiF's encoder on robots."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from rigsight.training.models.blocks import ConvNormAct


def conv(inputs: int, outputs: int, stride: int = 1) -> ConvNormAct:
    """The student's one kind of convolution: 3x3 without bias, batch norm, ReLU."""
    return ConvNormAct(inputs, outputs, stride=stride, bias=False, act=nn.ReLU())


class ResidualBlock(nn.Module):
    """Two convolutions and the identity (He et al. 2016): [N,C,H,W] -> [N,C,H,W], not negative."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = ConvNormAct(channels, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """relu(x + f(x))."""
        return torch.relu(x + self.second(self.first(x)))


class ConvEncoder(nn.Module):
    """Four stages at 1/4, 1/8, 1/16 and 1/32, each begun by a convolution of stride 2."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        inputs = (max(widths[0] // 2, 8), *widths)
        self.stem = conv(3, inputs[0], stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(conv(before, width, stride=2), *(ResidualBlock(width) for _ in range(depth)))
            for (before, width), depth in zip(pairwise(inputs), depths, strict=True)
        )

    def forward(self, x: Tensor, stages: int = 4) -> list[Tensor]:
        """Normalised picture [N,3,H,W] -> the first ``stages`` feature maps.

        Fewer than four are the semantic pass over the averaged picture, which always normalises by the
        running statistics: they, and so the masks, belong to fused pictures alone.
        """
        training = self.training
        if training and stages < len(self.stages):
            self.eval()
        try:
            features = []
            x = self.stem(x)
            for stage in self.stages[:stages]:
                x = stage(x)
                features.append(x)
        finally:
            self.train(training)
        return features
