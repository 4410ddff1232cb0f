"""Focal loss of binary maps (Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, eq. 4)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F


def focal(
    logits: Tensor,
    target: Tensor,
    known: Tensor | None = None,
    gamma: float = 2.0,
    alpha: float = 1.0,
    reduction: Literal["mean", "sum"] = "mean",
) -> Tensor:
    """alpha (1 - p_t)^gamma (-log p_t), p_t the probability given to the truth; scalar.

    Args:
        logits: [N,1,H,W].
        target: 0 or 1, the same shape.
        known: 0 or 1, the same shape; zeros count nowhere. None: all count.
        gamma: how much sure pixels are left out; 0 is cross-entropy.
        alpha: factor of the whole.
        reduction: mean over the known pixels, or their sum.

    >>> import torch
    >>> round(focal(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).item(), 4)  # ln 2 / 4
    0.1733
    """
    target = target.to(logits.dtype)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    loss = alpha * (1 - (-entropy).exp()) ** gamma * entropy
    if known is None:
        return loss.mean() if reduction == "mean" else loss.sum()
    known = known.to(loss.dtype)
    total = (loss * known).sum()
    return total / known.sum().clamp(min=1) if reduction == "mean" else total
