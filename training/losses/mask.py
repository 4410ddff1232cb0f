"""The mask loss of instance segmentation: MBCE, Dice and Lovász (Wang & Ren, Symmetry 2025, eq. 13 to 18)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from rigsight.training.losses.lovasz import lovasz

MaskTerms = Literal["bce", "bce_dice", "bce_dice_lovasz"]
LOVASZ_WEIGHT = 0.1


def mask_dice(probability: Tensor, truth: Tensor, eps: float = 1.0) -> Tensor:
    """1 - (2 sum p g + e) / (sum p + sum g + e) of every mask, eq. 14; [N,...] -> [N].

    >>> import torch
    >>> p, g = torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> round(mask_dice(p, g, eps=0.0).item(), 4)  # 1 - 2/3
    0.3333
    """
    p, g = probability.flatten(1), truth.flatten(1)
    return 1 - (2 * (p * g).sum(dim=1) + eps) / (p.sum(dim=1) + g.sum(dim=1) + eps)


def mask_loss(logits: Tensor, truth: Tensor, terms: MaskTerms = "bce_dice_lovasz") -> Tensor:
    """MBCE + Dice + 0.1 Lovász (eq. 18), each term on every region and then their mean; scalar.

    Args:
        logits: of the true class's masks, [N,H,W]; N may be 0.
        truth: [N,H,W] in [0, 1]; a resampled mask has soft borders, which Lovász takes as its nearest value.
        terms: the rows of the paper's Table 3.

    >>> import torch
    >>> half = torch.zeros(1, 2, 2)
    >>> round(mask_loss(half, torch.ones(1, 2, 2), "bce").item(), 4)  # ln 2
    0.6931
    """
    if logits.shape[0] == 0:
        return logits.sum() * 0
    logits, truth = logits.float(), truth.float()
    loss = F.binary_cross_entropy_with_logits(logits, truth)
    if terms == "bce":
        return loss
    probability = logits.sigmoid()
    loss = loss + mask_dice(probability, truth).mean()
    if terms == "bce_dice":
        return loss
    return loss + LOVASZ_WEIGHT * lovasz(probability, (truth >= 0.5).float()).mean()
