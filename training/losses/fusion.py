"""SegMiF's fusion loss: structure, saliency-weighted intensity and multi-scale detail (section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from rigsight.training.losses.gauss import blur

_C1, _C2 = 0.01**2, 0.03**2
GRADIENT_SIZES = (3, 5, 7)
GRADIENT_SIGMA = 2.0


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Mean structural similarity of [N,1,H,W] in [0, 1]: 11x11 Gaussian window, sigma 1.5, borders cut.

    Wang et al., Image quality assessment, 2004, eq. 13.
    """
    size, sigma = 11, 1.5
    moments = blur(torch.cat([a, b, a * a, b * b, a * b]), size, sigma, pad=False).chunk(5)
    mean_a, mean_b = moments[0], moments[1]
    var_a, var_b = moments[2] - mean_a**2, moments[3] - mean_b**2
    covariance = moments[4] - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    structure = (2 * covariance + _C2) / (var_a + var_b + _C2)
    return (luminance * structure).mean()


def structure_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """(1 - SSIM(u, x)) / 2 + (1 - SSIM(u, y)) / 2, eq. 3."""
    return (1 - ssim(fused, visible)) / 2 + (1 - ssim(fused, thermal)) / 2


def intensity_loss(fused: Tensor, average: Tensor) -> Tensor:
    """Mean of (u - (m1 x + m2 y))^2; ``average`` is the saliency-weighted average.

    Eq. 4 as printed, |u - m1 x|^2 + |u - m2 y|^2, is least at half brightness; see docs/fidelity.md.
    """
    return (fused - average).square().mean()


def detail(x: Tensor, size: int) -> Tensor:
    """D_k x = x - Gauss_k(x), sigma 2, for [N,1,H,W]."""
    return x - blur(x, size, GRADIENT_SIGMA)


def gradient_loss(
    fused: Tensor, visible: Tensor, thermal: Tensor, maximum: Literal["signed", "absolute"] = "signed"
) -> Tensor:
    """Sum over k = 3, 5, 7 of the mean of (D_k u - max(D_k x, D_k y))^2, eq. 5.

    ``signed`` is the text's maximum, which favours bright details; ``absolute`` keeps the stronger one.
    """
    total = fused.new_zeros(())
    for size in GRADIENT_SIZES:
        d_u, d_x, d_y = (detail(image, size) for image in (fused, visible, thermal))
        if maximum == "signed":
            target = torch.maximum(d_x, d_y)
        else:
            target = torch.where(d_x.abs() >= d_y.abs(), d_x, d_y)
        total = total + (d_u - target).square().mean()
    return total


@dataclass(frozen=True)
class FusionLoss:
    """L_f = L_SSIM + L_MSE + eta L_grad; the terms' weights are 1 in the paper, eta is not given."""

    eta: float = 0.1
    structure: float = 1.0
    intensity: float = 1.0
    maximum: Literal["signed", "absolute"] = "signed"

    def __call__(self, fused: Tensor, visible: Tensor, thermal: Tensor, average: Tensor) -> Tensor:
        """All [N,1,H,W] in [0, 1] (``fused`` not clamped) -> scalar."""
        return (
            self.structure * structure_loss(fused, visible, thermal)
            + self.intensity * intensity_loss(fused, average)
            + self.eta * gradient_loss(fused, visible, thermal, self.maximum)
        )
