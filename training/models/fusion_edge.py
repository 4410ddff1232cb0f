"""The student's fusion network: half resolution, batch norm and ReLU, a correction of the average."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.training.models.conv_encoder import ResidualBlock, conv
from rigsight.training.models.interaction import Concatenation


class EdgeFusionNet(nn.Module):
    """As :class:`rigsight.training.models.fusion_net.FusionNet` is wired, of operators that quantise well.

    Residual blocks stand for the dilated dense ones and concatenation for HIA, whose softmax and layer norm
    would stay in floating point. What comes out is added to the saliency-weighted average at full resolution.
    """

    guided = True

    def __init__(self, channels: int, semantic: tuple[int, int]) -> None:
        super().__init__()
        self.first_ir, self.first_vis = conv(1, channels), conv(1, channels)
        self.blocks = nn.ModuleList(ResidualBlock(channels) for _ in range(2 * len(semantic)))
        self.semantic = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in semantic)
        self.interact = nn.ModuleList(Concatenation(channels, "batch", nn.ReLU()) for _ in semantic)
        self.decoder = nn.Sequential(conv(2 * channels, channels), conv(channels, channels // 2))
        self.correction = nn.Conv2d(channels // 2, 1, 3, padding=1)
        for parameter in self.correction.parameters():
            nn.init.zeros_(parameter)  # training starts at the average itself

    def forward(self, visible: Tensor, thermal: Tensor, average: Tensor, stages: list[Tensor]) -> Tensor:
        """Fused luma [N,1,H,W], not clamped; arguments as in FusionNet."""
        full = visible.shape[2:]
        size = (full[0] // 2, full[1] // 2)
        visible, thermal = (F.interpolate(x, size=size, mode="bilinear") for x in (visible, thermal))
        ir, vis = self.first_ir(thermal), self.first_vis(visible)
        for i, interact in enumerate(self.interact):
            ir, vis = self.blocks[2 * i](ir), self.blocks[2 * i + 1](vis)
            guide = F.interpolate(self.semantic[i](stages[i]), size=size, mode="bilinear")
            ir, vis = interact(ir, vis, guide)
        x = self.correction(self.decoder(torch.cat([ir, vis], dim=1)))
        return average + F.interpolate(x, size=full, mode="bilinear")
