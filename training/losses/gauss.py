"""Gaussian blur of single-channel maps, shared by SSIM and the multi-scale gradient."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def gaussian(size: int, sigma: float) -> Tensor:
    """One-dimensional Gaussian of ``size`` taps that sum to 1, float32 [size].

    >>> gaussian(3, 1e9)
    tensor([0.3333, 0.3333, 0.3333])
    """
    x = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    weights = torch.exp(-(x**2) / (2 * sigma**2))
    return weights / weights.sum()


def blur(x: Tensor, size: int, sigma: float, pad: bool = True) -> Tensor:
    """Separable Gaussian blur of [N,1,H,W]; borders are repeated, or cut off without ``pad``."""
    taps = gaussian(size, sigma).to(x)
    if pad:
        x = F.pad(x, [size // 2] * 4, mode="replicate")
    # The pictures as channels of one depthwise convolution: 30 times faster on a CPU than as a batch.
    count = x.shape[0]
    x = x.transpose(0, 1)
    x = F.conv2d(x, taps.view(1, 1, 1, -1).expand(count, 1, 1, size), groups=count)
    x = F.conv2d(x, taps.view(1, 1, -1, 1).expand(count, 1, size, 1), groups=count)
    return x.transpose(0, 1)
