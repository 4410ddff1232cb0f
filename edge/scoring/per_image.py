"""PA and IoU of every picture, then their mean: how NaDiNet is scored.

PA is the recall TP / (TP + FN) of the defect, whatever the paper calls it. Pictures without a true pixel have
no recall and are left out of both means; the published sets have none.

Two ways to a mask: a fixed level, as on a robot, or the one of NaDiNet's published test script
(github.com/monxxcn/NaDiNet, NaDiNet_Dense/test.py and evaluation.py), which the paper's numbers come from:

1. the network's map is stretched from its own minimum to its maximum and cut to whole greys;
2. resized to the picture (bilinear);
3. saved as JPEG with Pillow's default quality of 75, read again;
4. split at Otsu's threshold, so that every picture is given a defect;
5. the mask is saved as JPEG of quality 95 and read again; only pixels of exactly 255 count as defect, so what
   rings along the edges is lost.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from rigsight.edge.frames import UNLABELLED, Float32, UInt8, as_uint8

Protocol = Literal["fixed", "nadinet"]
MAP_QUALITY, MASK_QUALITY = 75, 95


class PerImageScores:
    """Gathers PA and IoU picture by picture."""

    def __init__(self, protocol: Protocol = "fixed", threshold: int = 128) -> None:
        """``threshold`` is the level 0..255 of ``fixed``: a defect is where the probability reaches it."""
        self.protocol, self.threshold = protocol, threshold
        self._pa: list[float] = []
        self._iou: list[float] = []

    def add(self, probability: UInt8 | Float32, truth: UInt8) -> None:
        """Count one picture.

        Args:
            probability: uint8 (0..255) or float32 (0..1) [h,w]; of any size for ``nadinet`` (the network's),
                of the truth's size for ``fixed``.
            truth: uint8 [H,W] of 0, 1 and 255 (unlabelled, counts nowhere).

        Raises:
            ValueError: the shapes differ.
        """
        if self.protocol == "nadinet":
            mask = nadinet_mask(probability, (truth.shape[1], truth.shape[0]))
        else:
            level = self.threshold if probability.dtype == np.uint8 else self.threshold / 255
            mask = (probability >= level).astype(np.uint8)
        if mask.shape != truth.shape:
            raise ValueError(f"truth is {truth.shape}, probability is {mask.shape}")
        true = truth == 1
        if not true.any():
            return
        predicted = (mask == 1) & (truth != UNLABELLED)
        hit = int((predicted & true).sum())
        self._pa.append(hit / int(true.sum()))
        self._iou.append(hit / int((predicted | true).sum()))

    @property
    def images(self) -> int:
        """How many pictures count."""
        return len(self._pa)

    def pa(self) -> float:
        """Mean recall over pictures; nan without any."""
        return float(np.mean(self._pa)) if self._pa else float("nan")

    def iou(self) -> float:
        """Mean foreground IoU over pictures; nan without any."""
        return float(np.mean(self._iou)) if self._iou else float("nan")


def nadinet_mask(probability: UInt8 | Float32, size: tuple[int, int]) -> UInt8:
    """The mask uint8 (0 and 1) of ``size`` (width, height) that NaDiNet's script makes of a map [h,w].

    Shrinking averages areas, where Pillow widens its triangle filter. A flat map gives an empty mask.
    """
    values = np.asarray(probability, np.float32)
    low, span = float(values.min()), float(np.ptp(values))
    stretched = (values - low) / span if span > 0 else np.zeros_like(values)
    grey = (stretched * 255).astype(np.uint8)
    method = cv2.INTER_AREA if size[0] < grey.shape[1] else cv2.INTER_LINEAR
    seen = _through_jpeg(as_uint8(cv2.resize(grey, size, interpolation=method)), MAP_QUALITY)
    _, mask = cv2.threshold(seen, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return as_uint8((_through_jpeg(as_uint8(mask), MASK_QUALITY) == 255).astype(np.uint8))


def _through_jpeg(grey: UInt8, quality: int) -> UInt8:
    _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    assert decoded is not None  # it was encoded just now
    return as_uint8(decoded)
