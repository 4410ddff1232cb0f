"""NaDiNet's loss: cross-entropy and soft-IoU on each of the six maps (section III-D, eq. 5 and 6)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.training.losses.segmentation import IGNORED
from rigsight.training.losses.soft_iou import soft_iou
from rigsight.training.losses.supervision import supervised


def entropy_and_iou(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Mean cross-entropy of the known pixels plus the mean over pictures of 1 - IoU; scalar.

    All [N,1,H,W], target and known 0 or 1. From logits, so that no probability is rounded to 0 or 1.

    >>> known = torch.ones(1, 1, 1, 2)
    >>> round(entropy_and_iou(torch.zeros(1, 1, 1, 2), torch.tensor([[[[1.0, 0.0]]]]), known).item(), 4)
    1.3598
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    mean = (entropy * known).sum() / known.sum().clamp(min=1)
    return mean + soft_iou(logits.sigmoid(), target, known)


class NadinetLoss:
    """The sum over S1 to S6, each with weight 1; over S1 alone where a network returns no sides."""

    def __init__(self, *, sides: float = 1.0) -> None:
        """``sides`` is the weight of S2 to S6."""
        self.sides = sides

    def __call__(self, outputs: dict[str, Any], labels: Tensor, network: nn.Module) -> Tensor:
        """Scalar.

        Args:
            outputs: ``logits`` [N,1,H,W], and ``sides``, a list of such maps.
            labels: int64 [N,H,W], 1 is a defect, 255 unlabelled.
            network: not looked at.
        """
        # Sums over a picture's pixels need float32, whatever the network computes in.
        precise = torch.promote_types(outputs["logits"].dtype, torch.float32)
        maps = [each.to(precise) for each in [outputs["logits"], *outputs.get("sides", [])]]
        target = (labels == 1).unsqueeze(1).to(precise)
        known = (labels != IGNORED).unsqueeze(1).to(precise)
        weights = [1.0] + [self.sides] * (len(maps) - 1)
        return supervised(lambda each: entropy_and_iou(each, target, known), maps, weights)
