"""The CBAM family: gates over channels and over places, and the ways papers combine them.

Woo et al., CBAM, ECCV 2018, gates channels by an MLP of pooled vectors and places by a convolution of
pooled maps, one after the other. Here the gates are parts; a network multiplies them as its paper says.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelMlp(nn.Module):
    """1x1, activation, 1x1 on pooled vectors [N,C,1,1]."""

    def __init__(self, channels: int, hidden: int, act: nn.Module, bias: bool) -> None:
        super().__init__()
        self.shrink = nn.Conv2d(channels, hidden, 1, bias=bias)
        self.act = act
        self.grow = nn.Conv2d(hidden, channels, 1, bias=bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """[N,C,1,1] -> [N,C,1,1]."""
        grown: Tensor = self.grow(self.act(self.shrink(pooled)))
        return grown


def pooled_places(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and maximum over all places, each [N,C,1,1]."""
    return x.mean(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)


def pooled_channels(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and maximum over all channels, each [N,1,H,W]."""
    return x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)


class Cbam(nn.Module):
    """Channel gate, then spatial gate: x -> s(c(x) x) c(x) x (CBAM, eq. 1 to 3).

    One MLP serves both pooled vectors. ``bias`` belongs to the MLP, ``spatial_bias`` to the convolution;
    ``residual`` adds the input at the end, which NaDiNet's code does and CBAM does not.
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        kernel: int = 7,
        *,
        bias: bool = True,
        spatial_bias: bool = False,
        max_first: bool = True,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.mlp = ChannelMlp(channels, max(channels // reduction, 1), nn.ReLU(), bias)
        self.spatial = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=spatial_bias)
        self.max_first, self.residual = max_first, residual

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W]."""
        mean, largest = pooled_places(x)
        gated = x * torch.sigmoid(self.mlp(mean) + self.mlp(largest))
        maps = pooled_channels(gated)
        gate = torch.sigmoid(self.spatial(torch.cat(maps[::-1] if self.max_first else maps, dim=1)))
        return gated * gate + x if self.residual else gated * gate


class CrossAttention(nn.Module):
    """Weights in (0, 1) from both gates at once: sigmoid(w_c w_s) (CAIM of CrossFuse; SSA-ECNet's AIC-AM).

    c_avg and c_max come from MLPs of their own (halving, one PReLU slope each), a 1x1 convolution merges
    them to w_c [N,C,1,1]; a convolution of the channels' mean and maximum is w_s [N,1,H,W].
    2 (C C/2 + C/2 + 1 + C/2 C + C) + 2 C C + C + 98 parameters: 9,508 for C = 48, 16,740 for 64.
    """

    def __init__(self, channels: int, kernel: int = 7) -> None:
        super().__init__()
        self.of_mean = ChannelMlp(channels, channels // 2, nn.PReLU(), bias=True)
        self.of_max = ChannelMlp(channels, channels // 2, nn.PReLU(), bias=True)
        self.merge = nn.Conv2d(2 * channels, channels, 1)
        self.spatial = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The weights of ``x``, [N,C,H,W] -> [N,C,H,W]."""
        mean, largest = pooled_places(x)
        channel = self.merge(torch.cat([self.of_mean(mean), self.of_max(largest)], dim=1))
        return torch.sigmoid(channel * self.spatial(torch.cat(pooled_channels(x), dim=1)))


class PlaceGate(nn.Module):
    """One weight a place from a 1x1 convolution: sigmoid(conv(x)) x (SCNet, eq. 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W]."""
        return torch.sigmoid(self.score(x)) * x
