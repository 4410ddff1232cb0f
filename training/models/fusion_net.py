"""SegMiF's fusion network Phi: visible luma + thermal, led by two scales of semantic features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.training.models.drdb import DRDB
from rigsight.training.models.interaction import Interaction, interactions


class FusionNet(nn.Module):
    """968,066 parameters with 64 channels, growth 32 and MiT-b3's stages (64 and 128 channels).

    One HIA serves both scales and one PReLU (a single slope) the whole network, as in the trained network
    of the paper; ``interaction`` takes another way to bring the semantic features in. ``residual`` adds
    what the network says to the saliency-weighted average, which keeps the pictures' full resolution when
    ``scale`` > 1 makes the network work on smaller maps.
    """

    def __init__(
        self,
        channels: int = 64,
        growth: int = 32,
        heads: int = 8,
        semantic: tuple[int, int] = (64, 128),
        scale: int = 1,
        residual: bool = False,
        interaction: Interaction = "hia",
    ) -> None:
        super().__init__()
        self.scale, self.residual, self.guided = scale, residual, interaction != "none"
        self.first_ir = nn.Conv2d(1, channels, 3, padding=1)
        self.first_vis = nn.Conv2d(1, channels, 3, padding=1)
        self.drdb = nn.ModuleList(DRDB(channels, growth) for _ in range(4))
        widths = semantic if self.guided else ()
        self.semantic = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in widths)
        self.interact = interactions(interaction, channels, heads, len(semantic))
        self.decoder = nn.ModuleList(
            [
                nn.Conv2d(2 * channels, channels, 3, padding=1),
                nn.Conv2d(channels, channels // 2, 3, padding=1),
                nn.Conv2d(channels // 2, 1, 3, padding=1),
            ]
        )
        self.activation = nn.PReLU()
        if residual:
            for parameter in self.decoder[-1].parameters():
                nn.init.zeros_(parameter)  # training starts at the average itself

    def forward(self, visible: Tensor, thermal: Tensor, average: Tensor, stages: list[Tensor]) -> Tensor:
        """Fused luma [N,1,H,W], not clamped.

        Args:
            visible: luma [N,1,H,W] in [0, 1].
            thermal: [N,1,H,W] in [0, 1].
            average: saliency-weighted average [N,1,H,W]; used when ``residual``.
            stages: semantic features [N,c1,H/4,W/4] and [N,c2,H/8,W/8]; empty when not ``guided``.
        """
        full = visible.shape[2:]
        size = (full[0] // self.scale, full[1] // self.scale)
        if self.scale > 1:
            visible, thermal = (
                F.interpolate(x, size=size, mode="bilinear", antialias=False) for x in (visible, thermal)
            )
        ir, vis = self.activation(self.first_ir(thermal)), self.activation(self.first_vis(visible))
        for i in range(len(self.drdb) // 2):
            ir, vis = self.drdb[2 * i](ir), self.drdb[2 * i + 1](vis)
            if self.guided:
                # A 1x1 convolution and a bilinear enlargement commute, and it is cheaper on the small map.
                guide = F.interpolate(self.semantic[i](stages[i]), size=size, mode="bilinear")
                ir, vis = self.interact[min(i, len(self.interact) - 1)](ir, vis, guide)
        x = torch.cat([ir, vis], dim=1)
        x = self.activation(self.decoder[0](x))
        x = self.activation(self.decoder[1](x))
        x = self.decoder[2](x)
        if not self.residual:
            x = self.activation(x)
        if self.scale > 1:
            x = F.interpolate(x, size=full, mode="bilinear")
        return average + x if self.residual else x
