"""COCO's mask AP (pycocotools), from plain arrays."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import Float32, UInt8
from rigsight.edge.instances import paste_mask
from rigsight.training.data.coco import encode

NOT_DEFINED = -1.0


@dataclass(frozen=True)
class CocoScores:
    """COCO's summary of masks, each in [0, 1], -1 where there is no such thing in the truth.

    ``ap``: mean over IoU .50 to .95 and the classes; ``ap50`` and ``ap75`` at one IoU; ``ap_small`` (area
    below 32^2 pixels), ``ap_medium``, ``ap_large`` (above 96^2); ``ar``: recall with 100 detections;
    ``by_class``: AP of every class.
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar: float
    by_class: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class CocoMeter:
    """Gathers truth and detections picture by picture."""

    def __init__(self, classes: Sequence[str]) -> None:
        """``classes``: names of the things; their ids are 1 and on."""
        self.classes = tuple(classes)
        self._images: list[dict[str, Any]] = []
        self._truth: list[dict[str, Any]] = []
        self._found: list[dict[str, Any]] = []

    def add_truth(self, masks: UInt8, labels: NDArray[np.int64], crowd: NDArray[np.bool_]) -> None:
        """Begin a picture: masks 0 or 1 [K,H,W], class ids [K], groups that nobody counted [K]."""
        height, width = masks.shape[1:]
        number = len(self._images) + 1
        self._images.append({"id": number, "height": int(height), "width": int(width)})
        for mask, label, many in zip(masks, labels, crowd, strict=True):
            rle = encode(mask)
            columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
            if len(rows) == 0:
                continue
            box = [columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]]
            self._truth.append(
                {
                    "id": len(self._truth) + 1,
                    "image_id": number,
                    "category_id": int(label),
                    "segmentation": rle,
                    "area": float(mask.sum(dtype=np.int64)),
                    "bbox": [float(v) for v in box],
                    "iscrowd": int(many),
                }
            )

    def add_found(self, boxes: Float32, labels: NDArray[np.int64], scores: Float32, grids: Float32) -> None:
        """Detections of the picture begun last: boxes [D,4] in its pixels, classes (0: none), scores, and
        probabilities inside the boxes [D,M,M]."""
        image = self._images[-1]
        for box, label, score, grid in zip(boxes, labels, scores, grids, strict=True):
            if label == 0:
                continue
            mask = paste_mask(grid, box, image["height"], image["width"])
            self._found.append(
                {
                    "image_id": image["id"],
                    "category_id": int(label),
                    "segmentation": encode(mask),
                    "score": float(score),
                }
            )

    def scores(self) -> CocoScores:
        """Of all pictures so far; all zero without a detection."""
        categories = [{"id": k + 1, "name": name} for k, name in enumerate(self.classes)]
        evaluated = _evaluated(self._images, self._truth, categories, self._found)
        if evaluated is None:
            return CocoScores(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, dict.fromkeys(self.classes, 0.0))
        ap, ap50, ap75, small, medium, large, _, _, ar, *_ = (float(value) for value in evaluated.stats)
        precision = evaluated.eval["precision"][
            :, :, :, 0, 2
        ]  # IoU, recall, class; all areas, 100 detections
        by_class = {}
        for k, name in enumerate(self.classes):
            known = precision[:, :, k][precision[:, :, k] > NOT_DEFINED]
            by_class[name] = float(known.mean()) if known.size else NOT_DEFINED
        return CocoScores(ap, ap50, ap75, small, medium, large, ar, by_class)


def _evaluated(
    images: list[dict[str, Any]],
    truth: list[dict[str, Any]],
    categories: list[dict[str, Any]],
    found: list[dict[str, Any]],
) -> Any:
    """A finished COCOeval of masks; None without detections, which it does not take."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if not found:
        return None
    # It writes into the entries that it is given, and prints every step.
    truth, found = [dict(entry) for entry in truth], [dict(entry) for entry in found]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"info": {}, "images": images, "annotations": truth, "categories": categories}
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation
