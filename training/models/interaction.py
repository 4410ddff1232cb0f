"""How semantic features reach SegMiF's modality features: HIA, or what it is compared with.

Table 3 of the paper: both attentions (``hia``), one of them (``soam``, ``moam``), ``concat``, ``none``.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from rigsight.training.models.blocks import ConvNormAct, Norm
from rigsight.training.models.hia import HIA

Interaction = Literal["hia", "soam", "moam", "concat", "none"]


class Concatenation(nn.Module):
    """A 3x3 convolution over each modality's features beside the semantic ones, 2C -> C."""

    def __init__(self, channels: int, norm: Norm = "none", act: nn.Module | None = None) -> None:
        super().__init__()
        self.ir = ConvNormAct(2 * channels, channels, norm=norm, bias=norm == "none", act=act)
        self.vis = ConvNormAct(2 * channels, channels, norm=norm, bias=norm == "none", act=act)

    def forward(self, ir: Tensor, vis: Tensor, seg: Tensor) -> tuple[Tensor, Tensor]:
        """Three maps [N,C,H,W] -> the two modality maps, [N,C,H,W] each."""
        return self.ir(torch.cat([ir, seg], dim=1)), self.vis(torch.cat([vis, seg], dim=1))


def interactions(kind: Interaction, channels: int, heads: int, scales: int) -> nn.ModuleList:
    """One module that both scales share (the attentions), one a scale (``concat``), or an empty list."""
    if kind == "none":
        return nn.ModuleList()
    if kind == "concat":
        return nn.ModuleList(Concatenation(channels) for _ in range(scales))
    return nn.ModuleList([HIA(channels, heads, soam=kind != "moam", moam=kind != "soam")])
