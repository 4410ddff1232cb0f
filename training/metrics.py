"""mIoU and mAcc from one confusion matrix over the whole data set (torchmetrics)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

IGNORED = 255


@dataclass(frozen=True)
class SegmentationScores:
    """``iou`` and ``accuracy`` of every class, nan where it cannot be told; their means without nan."""

    iou: tuple[float, ...]
    accuracy: tuple[float, ...]
    miou: float
    macc: float


class SegmentationMeter:
    """Gathers masks and truths; background (id 0) counts as a class.

    Policy for absent classes: IoU is nan when a class is neither in the truth nor in any mask, accuracy when
    it is not in the truth; means leave nan out. ``ids`` restricts the means to the classes that can occur;
    a pixel wrongly given to any other class is still a miss of its true one.
    """

    def __init__(self, classes: int, ids: Sequence[int] | None = None) -> None:
        from torchmetrics.classification import MulticlassConfusionMatrix

        self.ids = list(range(classes)) if ids is None else list(ids)
        self._matrix = MulticlassConfusionMatrix(classes, ignore_index=IGNORED)

    def add(self, mask: Tensor, truth: Tensor) -> None:
        """Class ids int64 [N,H,W] of the mask and the truth; 255 in the truth is ignored."""
        self._matrix.update(mask, truth)

    def scores(self) -> SegmentationScores:
        """Scores of everything added."""
        matrix = self._matrix.compute().double()
        hit, rows, columns = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
        iou = hit / (rows + columns - hit)
        accuracy = hit / rows
        return SegmentationScores(
            tuple(iou.tolist()),
            tuple(accuracy.tolist()),
            float(torch.nanmean(iou[self.ids])),
            float(torch.nanmean(accuracy[self.ids])),
        )
