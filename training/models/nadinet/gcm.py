"""GCM, the global context module (Fan et al., BBS-Net, ECCV 2020, as NaDiNet uses it)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rigsight.training.models.blocks import ConvNormAct


def _conv(inputs: int, outputs: int, kernel: int | tuple[int, int], dilation: int = 1) -> ConvNormAct:
    return ConvNormAct(inputs, outputs, kernel, dilation=dilation, bias=False)


class Gcm(nn.Module):
    """Four branches with views of 1, 3, 5 and 7, joined and added to the input: C to C channels.

    Nothing but convolutions and batch norms inside; one ReLU at the end. 1,609,472 parameters for C = 128.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([_conv(channels, channels, 1)])
        for size in (3, 5, 7):
            self.branches.append(
                nn.Sequential(
                    _conv(channels, channels, 1),
                    _conv(channels, channels, (1, size)),
                    _conv(channels, channels, (size, 1)),
                    _conv(channels, channels, 3, dilation=size),
                )
            )
        self.join = _conv(4 * channels, channels, 3)
        self.shortcut = _conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W], not negative."""
        joined = self.join(torch.cat([branch(x) for branch in self.branches], dim=1))
        return torch.relu(joined + self.shortcut(x))
