"""SCNet's attention (eq. 1), enhancement encoder and fused side outputs (eq. 2 to 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.training.models.attention import PlaceGate


class ScaleAttention(nn.Module):
    """F_a = sigmoid(conv(F)) F and F_r = conv(F_a), both convolutions 1x1, no pooling (eq. 1).

    ``gate`` False is the baseline's plain 1x1 convolution: F_a = F.
    """

    def __init__(self, channels: int, refined: int, gate: bool) -> None:
        super().__init__()
        self.gate = PlaceGate(channels) if gate else nn.Identity()
        self.refine = nn.Conv2d(channels, refined, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[N,C,H,W] -> F_a [N,C,H,W] and F_r [N,refined,H,W]."""
        gated = self.gate(x)
        return gated, self.refine(gated)


def enhanced(refined: Sequence[Tensor]) -> list[Tensor]:
    """The enhancement encoder: f_1 = F_r(e_1), f_i = concat(maxpool(f_(i-1)), F_r(e_i)).

    Args:
        refined: F_r of the encoder, full resolution first, each half the size of the one before.

    Returns:
        Maps of the same sizes; scale i has the channels of F_r(e_1) to F_r(e_i).
    """
    maps = [refined[0]]
    for each in refined[1:]:
        maps.append(torch.cat([F.max_pool2d(maps[-1], 2), each], dim=1))
    return maps


class FusedSides(nn.Module):
    """One logit map a scale from encoder and decoder, enlarged bilinearly, and one of all of them.

    Where the network works on ``cells`` of pixels, the finest map has one channel a pixel of the cell.
    """

    def __init__(self, refined: Sequence[int], align_corners: bool, cells: int = 1) -> None:
        """``refined``: channels of F_r at every level, finest first."""
        super().__init__()
        self.align_corners, self.cells = align_corners, cells
        self.sides = nn.ModuleList(
            nn.Conv2d(sum(refined[: i + 1]) + own, cells**2 if i == 0 else 1, 1)
            for i, own in enumerate(refined)
        )
        self.fuse = nn.Conv2d(len(refined), 1, 1)

    def start_from(self, prior: float) -> None:
        """Let all maps begin near the probability ``prior``, the fused one as the sides' mean.

        Lin et al., Focal Loss, ICCV 2017, section 4.1: rare foreground does not swamp the first steps.
        """
        bias = math.log(prior / (1 - prior))
        for side in self.sides:
            nn.init.constant_(side.bias, bias)  # type: ignore[arg-type]
        nn.init.constant_(self.fuse.weight, 1 / len(self.sides))
        nn.init.zeros_(self.fuse.bias)  # type: ignore[arg-type]

    def forward(self, enhanced: Sequence[Tensor], decoded: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Maps of every scale, full resolution first -> fused logits and the sides', all [N,1,H,W]."""
        height, width = enhanced[0].shape[2:]
        size = (height * self.cells, width * self.cells)
        logits: list[Tensor] = []
        for side, e, d in zip(self.sides, enhanced, decoded, strict=True):
            small = side(torch.cat([e, d], dim=1))
            if not logits and self.cells > 1:
                small = F.pixel_shuffle(small, self.cells)
            if small.shape[2:] != size:
                small = F.interpolate(small, size=size, mode="bilinear", align_corners=self.align_corners)
            logits.append(small)
        fused: Tensor = self.fuse(torch.cat(logits, dim=1))
        return fused, logits
