"""Two lists of detections of one picture: which belong together, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.edge.detection.nms import box_iou
from rigsight.edge.instances import Instance

SAME_THING = 0.5


@dataclass(frozen=True)
class Pair:
    """The same thing twice: largest difference of the boxes' sides in pixels, of the scores, masks' IoU."""

    box_px: float
    score: float
    mask_iou: float


@dataclass(frozen=True)
class Comparison:
    """``pairs`` of both lists, and the instances of either that the other one lacks."""

    pairs: tuple[Pair, ...]
    alone: tuple[Instance, ...]


def compare_instances(
    ours: Sequence[Instance], theirs: Sequence[Instance], height: int, width: int
) -> Comparison:
    """Pair instances of one class, the best of ours first, each with the free one that overlaps it most.

    Boxes of two that belong together overlap by at least one half. Masks are compared on a picture of
    ``height`` and ``width`` pixels; two empty ones are equal.
    """
    free = list(range(len(theirs)))
    pairs, alone = [], []
    for each in ours:
        rivals = [k for k in free if theirs[k].label == each.label]
        overlaps = [float(box_iou(each.box[None], theirs[k].box[None])[0, 0]) for k in rivals]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best < 0 or not overlaps[best] >= SAME_THING:
            alone.append(each)
            continue
        free.remove(rivals[best])
        pairs.append(_pair(each, theirs[rivals[best]], height, width))
    return Comparison(tuple(pairs), (*alone, *(theirs[k] for k in free)))


def _pair(a: Instance, b: Instance, height: int, width: int) -> Pair:
    masks = [each.mask(height, width) > 0 for each in (a, b)]
    either = int((masks[0] | masks[1]).sum())
    iou = int((masks[0] & masks[1]).sum()) / either if either else 1.0
    return Pair(float(np.abs(a.box - b.box).max()), abs(a.score - b.score), iou)
