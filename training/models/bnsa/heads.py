"""Heads where torchvision's differ: last layers of Detectron2's sizes, proposals in full precision."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection.mask_rcnn import MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead


class ProposalHead(RPNHead):  # type: ignore[misc]
    """torchvision's; its outputs are float32 whatever it computed in.

    torchvision decodes boxes in the precision of the deltas: in bfloat16, x = 500 would be off by a pixel.
    """

    def forward(self, x: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Maps [N,C,h,w] -> objectness [N,A,h,w] and deltas [N,4A,h,w] of every level."""
        objectness, deltas = super().forward(x)
        return [each.float() for each in objectness], [each.float() for each in deltas]


class BoxPredictor(nn.Module):
    """Classes with the background, boxes without it: K + 1 and 4 K outputs for K classes."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(width, classes + 1)
        self.bbox_pred = nn.Linear(width, 4 * classes)
        for layer, spread in ((self.cls_score, 0.01), (self.bbox_pred, 0.001)):
            nn.init.normal_(layer.weight, std=spread)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[R,width] -> logits [R,K+1] and deltas [R,4(K+1)], those of the background zero.

        >>> logits, deltas = BoxPredictor(8, 4)(torch.ones(2, 8))
        >>> logits.shape[1], deltas.shape[1], float(deltas[:, :4].abs().sum())
        (5, 20, 0.0)
        """
        return self.cls_score(x), F.pad(self.bbox_pred(x), (4, 0))


class MaskPredictor(MaskRCNNPredictor):  # type: ignore[misc]
    """torchvision's with K outputs: the logits of class k are channel k - 1."""

    def of_class(self, x: Tensor, labels: Tensor) -> Tensor:
        """[R,C,14,14] and class ids [R] from 1 on -> logits [R,28,28]."""
        logits: Tensor = self(x)
        return logits[torch.arange(len(labels), device=labels.device), labels - 1]
