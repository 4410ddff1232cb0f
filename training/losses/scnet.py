"""SCNet's loss: focal on the fused map and on every scale's, soft-IoU on the fused one (eq. 6 to 11)."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from rigsight.training.losses.focal import focal
from rigsight.training.losses.segmentation import IGNORED
from rigsight.training.losses.soft_iou import soft_iou
from rigsight.training.losses.supervision import supervised

SIDE_WEIGHTS = (0.5, 0.75, 1.0, 0.75, 0.5)


class ScnetLoss:
    """L = focal(fused) + sum_i w_i focal(side_i) + w_IoU softIoU(sigmoid(fused)).

    With four levels every scale keeps the weight that it has among five. A network that returns no sides
    (plain ones, or evaluation) is judged by the fused map alone.
    """

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        alpha: float = 1.0,
        reduction: Literal["mean", "sum"] = "mean",
        side_weights: tuple[float, ...] = SIDE_WEIGHTS,
        soft_iou: float = 1.0,
    ) -> None:
        """``side_weights`` from full resolution downwards; a network with fewer levels takes the first ones.

        Raises:
            ValueError: ``reduction`` is neither mean nor sum.
        """
        if reduction not in ("mean", "sum"):
            raise ValueError(f"reduction is mean or sum, not '{reduction}'")
        self.gamma, self.alpha, self.reduction = gamma, alpha, reduction
        self.side_weights, self.soft_iou = tuple(side_weights), soft_iou

    def __call__(self, outputs: dict[str, Any], labels: Tensor, network: nn.Module) -> Tensor:
        """Scalar.

        Args:
            outputs: ``logits`` [N,1,H,W], and ``sides``, a list of such maps, full resolution first.
            labels: int64 [N,H,W], 1 is a crack, 255 unlabelled.
            network: not looked at.
        """
        target = (labels == 1).unsqueeze(1)
        known = (labels != IGNORED).unsqueeze(1)

        def term(logits: Tensor) -> Tensor:
            return focal(logits, target, known, self.gamma, self.alpha, self.reduction)

        # Exponentials and sums over a picture's pixels need float32, whatever the network computes in.
        precise = torch.promote_types(outputs["logits"].dtype, torch.float32)
        fused = outputs["logits"].to(precise)
        sides = [side.to(precise) for side in outputs.get("sides", [])]
        loss = term(fused) + self.soft_iou * soft_iou(fused.sigmoid(), target, known)
        if sides:
            loss = loss + supervised(term, sides, self.side_weights[: len(sides)])
        return loss
