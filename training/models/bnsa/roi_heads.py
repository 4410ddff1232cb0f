"""torchvision's region heads with the paper's losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import roi_align

from rigsight.training.losses.mask import mask_loss
from rigsight.training.losses.siou import focal_siou, siou
from rigsight.training.models.bnsa.heads import BoxPredictor, MaskPredictor
from rigsight.training.models.bnsa.options import BnsaOptions
from rigsight.training.models.bnsa.pool import SAMPLES, PyramidRoIAlign

BOX_SIDE, MASK_SIDE = 7, 14
MASK_OUT = 2 * MASK_SIDE
SMOOTH_L1_BETA = 1 / 9
POSITIVE_SHARE = 0.25
FOREGROUND_IOU = 0.5
BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
Target = dict[str, Tensor]


class InstanceHeads(RoIHeads):  # type: ignore[misc]
    """Box and mask heads. Training gives losses, evaluation detections."""

    def __init__(self, options: BnsaOptions) -> None:
        width = options.width
        super().__init__(
            PyramidRoIAlign(BOX_SIDE, options.anchor),
            TwoMLPHead(width * BOX_SIDE**2, options.box_width),
            BoxPredictor(options.box_width, options.classes),
            FOREGROUND_IOU,
            FOREGROUND_IOU,
            options.rois,
            POSITIVE_SHARE,
            BOX_WEIGHTS,
            options.score,
            options.nms,
            options.detections,
            PyramidRoIAlign(MASK_SIDE, options.anchor),
            MaskRCNNHeads(width, (width,) * options.mask_layers, 1),
            MaskPredictor(width, width, options.classes),
        )
        self.options = options

    def losses(
        self, features: dict[str, Tensor], proposals: list[Tensor], targets: list[Target]
    ) -> dict[str, Tensor]:
        """``class``, ``box`` and ``mask``; ``targets`` as in ``BnsaMaskRcnn.forward``."""
        truth = [target["boxes"] for target in targets]
        proposals, matched, labels, deltas = self.select_training_samples(proposals, targets)
        x = self.box_head(self.box_roi_pool(features, proposals, None))
        logits, regression = self.box_predictor(x)
        every = torch.cat(labels)
        found = torch.where(every > 0)[0]
        # A picture without things has no truth to match; its regions are all background.
        matched_boxes = torch.cat(
            [box[m] if len(box) else p for box, m, p in zip(truth, matched, proposals, strict=True)]
        )
        box = self._box_loss(
            regression.float().view(len(every), -1, 4)[found, every[found]],
            torch.cat(proposals)[found],
            matched_boxes[found],
            torch.cat(deltas)[found],
        )
        return {
            "class": F.cross_entropy(logits.float(), every),
            "box": self.options.box_loss_weight * box / max(len(every), 1),
            "mask": self._mask_loss(features, proposals, matched, labels, targets),
        }

    def _box_loss(self, deltas: Tensor, proposals: Tensor, truth: Tensor, wanted: Tensor) -> Tensor:
        """Sum over the foreground regions; all [R,4]."""
        if self.options.box_loss == "smooth_l1":
            return F.smooth_l1_loss(deltas, wanted, beta=SMOOTH_L1_BETA, reduction="sum")
        boxes = self.box_coder.decode_single(deltas, proposals)
        if self.options.box_loss == "siou":
            return siou(boxes, truth).sum()
        return focal_siou(boxes, truth, self.options.box_gamma).sum()

    def _mask_loss(
        self,
        features: dict[str, Tensor],
        proposals: Sequence[Tensor],
        matched: Sequence[Tensor],
        labels: Sequence[Tensor],
        targets: Sequence[Target],
    ) -> Tensor:
        regions, classes, truth = [], [], []
        for boxes, match, label, target in zip(proposals, matched, labels, targets, strict=True):
            found = torch.where(label > 0)[0]
            regions.append(boxes[found])
            classes.append(label[found])
            truth.append(masks_in_boxes(target["masks"], match[found], boxes[found]))
        x = self.mask_head(self.mask_roi_pool(features, regions, None))
        logits = self.mask_predictor.of_class(x, torch.cat(classes))
        return mask_loss(logits, torch.cat(truth), self.options.mask_loss)

    def detect(
        self, features: dict[str, Tensor], proposals: list[Tensor], sizes: list[tuple[int, int]]
    ) -> list[Target]:
        """Every picture's ``boxes`` [D,4], ``labels`` and ``scores`` [D], ``masks`` [D,28,28]; best first."""
        x = self.box_head(self.box_roi_pool(features, proposals, sizes))
        logits, regression = self.box_predictor(x)
        boxes, scores, labels = self.postprocess_detections(
            logits.float(), regression.float(), proposals, sizes
        )
        x = self.mask_head(self.mask_roi_pool(features, boxes, sizes))
        masks = self.mask_predictor.of_class(x, torch.cat(labels)).float().sigmoid()
        parts = masks.split([len(each) for each in boxes])
        return [
            {"boxes": b, "labels": i, "scores": s, "masks": m}
            for b, i, s, m in zip(boxes, labels, scores, parts, strict=True)
        ]


def masks_in_boxes(masks: Tensor, matched: Tensor, boxes: Tensor) -> Tensor:
    """What the mask head should say: masks [K,H,W] cut out and resampled, [R,28,28] in [0, 1].

    ``matched`` int64 [R] names each box's mask; a pixel counts from its left edge to its right one.
    """
    if len(boxes) == 0:
        return boxes.new_zeros(0, MASK_OUT, MASK_OUT)
    regions = torch.cat([matched.to(boxes)[:, None], boxes], dim=1)
    cut: Tensor = roi_align(masks[:, None].to(boxes), regions, MASK_OUT, 1.0, SAMPLES, aligned=True)
    return cut[:, 0]
