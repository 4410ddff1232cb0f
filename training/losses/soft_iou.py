"""Soft intersection over union of binary maps (Mattyus et al., DeepRoadMapper, ICCV 2017, eq. 2)."""

from __future__ import annotations

from torch import Tensor


def soft_iou(probability: Tensor, target: Tensor, known: Tensor | None = None, eps: float = 1e-6) -> Tensor:
    """Mean over the pictures of 1 - (sum p g + e) / (sum p + sum g - sum p g + e); scalar.

    Args:
        probability: [N,1,H,W] in [0, 1].
        target: 0 or 1, the same shape.
        known: 0 or 1, the same shape; zeros count nowhere. None: all count.
        eps: e; an empty picture that is given nothing loses nothing.

    >>> import torch
    >>> p, g = torch.tensor([1.0, 1.0, 0.0, 0.0]), torch.tensor([1.0, 0.0, 1.0, 0.0])
    >>> round(soft_iou(p.view(1, 1, 2, 2), g.view(1, 1, 2, 2)).item(), 4)  # 1 - 1/3
    0.6667
    """
    target = target.to(probability.dtype)
    if known is not None:
        probability, target = probability * known, target * known
    both = (probability * target).sum(dim=(1, 2, 3))
    either = probability.sum(dim=(1, 2, 3)) + target.sum(dim=(1, 2, 3)) - both
    return (1 - (both + eps) / (either + eps)).mean()
