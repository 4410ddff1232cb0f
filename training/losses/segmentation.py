"""Segmentation losses: cross-entropy with an ignored id, and a soft Dice term for thin classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = 255


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Weighted mean of -log p(label) over labelled pixels; 0 when none is labelled.

    Args:
        logits: [N,C,H,W].
        labels: int64 [N,H,W], 255 ignored.
        weights: of the classes, [C], or None.
    """
    loss = F.cross_entropy(logits, labels, weight=weights, ignore_index=IGNORED, reduction="sum")
    labelled = labels[labels != IGNORED]
    weight = labelled.numel() if weights is None else weights[labelled].sum()
    return loss / max(float(weight), 1.0)


def soft_dice(logits: Tensor, labels: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - mean over the batch's classes of (2 sum p g + s) / (sum p + sum g + s), sums over the batch.

    Milletari et al., V-Net, 2016, without their squares. Classes that the labels do not hold are left out;
    ignored pixels count nowhere. Shapes as in :func:`cross_entropy`.
    """
    classes = logits.shape[1]
    known = (labels != IGNORED).unsqueeze(1)
    one_hot = F.one_hot(labels.clamp(max=classes - 1), classes).movedim(-1, 1) * known
    p = logits.softmax(dim=1) * known
    overlap = (p * one_hot).sum(dim=(0, 2, 3))
    size = p.sum(dim=(0, 2, 3)) + one_hot.sum(dim=(0, 2, 3))
    present = (one_hot.sum(dim=(0, 2, 3)) > 0).to(p.dtype)
    dice = (2 * overlap + smooth) / (size + smooth)
    return 1 - (dice * present).sum() / present.sum().clamp(min=1)


def class_weights(counts: Tensor, power: float) -> Tensor:
    """Weights (mean frequency / frequency)^power of classes, scaled so that the mean pixel weighs 1.

    ``power`` 0 gives every pixel the same weight, 1 every class the same share; absent classes weigh 1.

    >>> class_weights(torch.tensor([90., 10., 0.]), 1.0)
    tensor([0.5556, 5.0000, 1.0000])
    """
    present = counts > 0
    share = counts / counts.sum().clamp(min=1)
    weights = torch.where(present, share.clamp(min=1e-12).pow(-power), torch.ones_like(share))
    mean = (weights * share)[present].sum().clamp(min=1e-12)
    return torch.where(present, weights / mean, torch.ones_like(weights)).float()


class SegmentationLoss:
    """Weighted cross-entropy + ``dice`` x soft Dice on the logits [N,C,H,W].

    ``class_weight_power``: see :func:`class_weights`; without the classes' ``shares`` all weigh the same.
    """

    def __init__(
        self, class_weight_power: float = 0.5, dice: float = 0.5, shares: Tensor | None = None
    ) -> None:
        self.dice = dice
        self.weights = None if shares is None else class_weights(shares, class_weight_power)

    def __call__(self, outputs: dict[str, Tensor], labels: Tensor, network: object) -> Tensor:
        """See :class:`rigsight.training.losses.registry.MaskLoss`."""
        logits = outputs["logits"]
        weights = None if self.weights is None else self.weights.to(logits.device)
        loss = cross_entropy(logits, labels, weights)
        return loss + self.dice * soft_dice(logits, labels) if self.dice else loss
