"""The host's steps of an instance bundle, as torchvision's Mask R-CNN takes them (Ren et al., Faster R-CNN).

``select_proposals`` stands between the graphs ``main`` and ``boxes``, ``select_detections`` between ``boxes``
and ``masks``; ``paste_masks`` (:mod:`rigsight.edge.instances`) comes last.
"""

from __future__ import annotations

import numpy as np

from rigsight.edge.bundle.spec import InstanceSteps
from rigsight.edge.detection.nms import Int64, suppress
from rigsight.edge.frames import Float32

# Boxes with a shorter side are none; torchvision's.
LEAST_PROPOSAL_PX = 1e-3
LEAST_DETECTION_PX = 1e-2


def select_proposals(boxes: Float32, objectness: Float32, steps: InstanceSteps, count: int) -> Float32:
    """The best ``count`` proposals of all levels, each level suppressed on its own.

    Args:
        boxes: float32 [K,4] in pixels of the graph's picture, level after level as ``steps.levels`` counts.
        objectness: float32 [K], logits or anything that rises with them.
        steps: of the bundle.
        count: at most so many.

    Returns:
        float32 [n,4], best first, n <= count.
    """
    kept = []
    start = 0
    for level in steps.levels:
        here = start + _large(boxes[start : start + level], LEAST_PROPOSAL_PX)
        kept.append(here[suppress(boxes[here], objectness[here], steps.proposal_nms, count)])
        start += level
    best = np.concatenate(kept)
    best = best[np.argsort(-objectness[best], kind="stable")][:count]
    return boxes[best]


def select_detections(
    scores: Float32, boxes: Float32, steps: InstanceSteps
) -> tuple[Float32, Float32, Int64]:
    """Detections above the score, each class suppressed on its own.

    Args:
        scores: float32 [n,K] of the real proposals, without the background.
        boxes: float32 [n,K,4] in pixels of the graph's picture.
        steps: of the bundle.

    Returns:
        boxes float32 [d,4], scores float32 [d] and class ids int64 [d] from 1 on; best first,
        d <= ``steps.detections``.
    """
    proposal, kind = np.nonzero(scores > np.float64(steps.score))
    score, box = scores[proposal, kind], boxes[proposal, kind]
    real = _large(box, LEAST_DETECTION_PX)
    score, box, kind = score[real], box[real], kind[real]
    kept = [np.zeros(0, np.int64)]
    for each in np.unique(kind):
        here = np.flatnonzero(kind == each)
        kept.append(here[suppress(box[here], score[here], steps.nms, steps.detections)])
    best = np.concatenate(kept)
    best = best[np.argsort(-score[best], kind="stable")][: steps.detections]
    return box[best], score[best], kind[best].astype(np.int64) + 1


def padded(values: Float32, count: int) -> Float32:
    """``values`` [n,...] with zeros behind, [count,...]; the graphs' numbers are fixed.

    >>> padded(np.ones((1, 2), np.float32), 3).tolist()
    [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]
    """
    result = np.zeros((count, *values.shape[1:]), values.dtype)
    result[: len(values)] = values
    return result


def _large(boxes: Float32, least: float) -> Int64:
    """Indices of the boxes both of whose sides reach ``least``."""
    sides = boxes[:, 2:] - boxes[:, :2]
    found: Int64 = np.flatnonzero((sides >= np.float64(least)).all(axis=1))
    return found
