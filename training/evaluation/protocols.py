"""The published protocols, each adding up picture by picture. Figures are plain values, None if undefined."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import UNLABELLED, UInt8
from rigsight.edge.render import average_fusion, luma
from rigsight.edge.scoring.fusion import FusionQuality, fusion_quality
from rigsight.edge.scoring.masks import MaskMeter, confusion, miou
from rigsight.edge.scoring.per_image import PerImageScores
from rigsight.edge.scoring.per_image import Protocol as MaskWay
from rigsight.edge.scoring.region import RegionCounts
from rigsight.edge.scoring.thresholds import OperatingPoint, ThresholdCounts
from rigsight.training.evaluation.subject import Answer

Figures = dict[str, Any]


class Judge(Protocol):
    """Adds up one protocol."""

    def add(self, answer: Answer, truth: UInt8) -> float:
        """Count one picture; returns its own score in 0..1, for the sheet of the worst.

        ``truth`` uint8 [H,W] of the model's class ids, 255 unlabelled.
        """

    def figures(self) -> Figures:
        """Everything added, as plain values."""


class SemanticJudge:
    """mIoU and mAcc from one confusion matrix over the data set, background included (SegMiF, SSA-ECNet)."""

    def __init__(self, classes: Sequence[ClassEntry]) -> None:
        self.classes, self.meter = classes, MaskMeter(len(classes))

    def add(self, answer: Answer, truth: UInt8) -> float:
        """See :class:`Judge`; the picture's own score is its mIoU."""
        self.meter.add(answer.mask, truth)
        return _or(miou(confusion(truth, answer.mask, len(self.classes))), 1.0)

    def figures(self) -> Figures:
        """``miou``, ``macc``, and ``classes``: name -> ``iou`` and ``acc``."""
        scores = self.meter.scores()
        each = zip(self.classes, scores.iou, scores.accuracy, strict=True)
        named = {entry.name: {"iou": plain(iou), "acc": plain(acc)} for entry, iou, acc in each}
        return {"miou": plain(scores.miou), "macc": plain(scores.macc), "classes": named}


class BinaryJudge:
    """F1 and IoU by threshold and by region (SCNet, DeepCrack), PA and IoU by picture (NaDiNet).

    What is scored at the model's own threshold (which came from validation) is what a robot would see; the
    best F1 over thresholds is chosen on the very pictures that it is scored on, as the papers do.
    """

    def __init__(self, threshold: int, tolerance_px: float = 0, way: MaskWay = "fixed") -> None:
        self.threshold, self.way = threshold, way
        self.pixels = ThresholdCounts(tolerance_px)
        self.regions = RegionCounts()
        self.pictures = PerImageScores(way, threshold)

    def add(self, answer: Answer, truth: UInt8) -> float:
        """See :class:`Judge`; the picture's own score is its IoU, 1 for nothing found where nothing is."""
        assert answer.probability is not None
        self.pixels.add(answer.probability, truth)
        self.regions.add(answer.probability, truth)
        grid = answer.grid.probability if self.way == "nadinet" else answer.probability
        assert grid is not None
        self.pictures.add(grid, truth)
        true, predicted = truth == 1, (answer.mask == 1) & (truth != UNLABELLED)
        union = int((true | predicted).sum())
        return int((true & predicted).sum()) / union if union else 1.0

    def figures(self) -> Figures:
        """Thresholds are probabilities in 0..1."""
        own = self.threshold
        best = self.pixels.ods()
        return {
            "tolerance_px": self.pixels.tolerance_px,
            "ods": _point(best),
            "ois_f1": plain(self.pixels.ois()),
            "auprc": plain(self.pixels.auprc()),
            "iou_at_ods": plain(self.pixels.iou(best.threshold)),
            "own": _point(self.pixels.at(own)) | {"iou": plain(self.pixels.iou(own))},
            "region": {"own": _point(self.regions.at(own)), "best": _point(self.regions.best())},
            "per_image": {
                "protocol": self.way,
                "images": self.pictures.images,
                "pa": plain(self.pictures.pa()),
                "iou": plain(self.pictures.iou()),
            },
        }


class FusionJudge:
    """EN, SD, SF and SCD of fused pictures on the network's grid, plain averaging beside (SegMiF)."""

    def __init__(self) -> None:
        self._fused: list[FusionQuality] = []
        self._average: list[FusionQuality] = []

    def add(self, answer: Answer) -> None:
        """Count one picture that has both cameras."""
        assert answer.grid.fused is not None
        visible = luma(answer.rgb)
        averaged = luma(average_fusion(answer.rgb, answer.thermal))
        self._fused.append(fusion_quality(luma(answer.grid.fused), visible, answer.thermal))
        self._average.append(fusion_quality(averaged, visible, answer.thermal))

    @property
    def images(self) -> int:
        """How many pictures count."""
        return len(self._fused)

    def figures(self) -> Figures:
        """``fused`` and ``average``: ``en``, ``sd``, ``sf``, ``scd``, means over pictures."""
        return {"fused": mean_quality(self._fused), "average": mean_quality(self._average)}


def mean_quality(scores: Sequence[FusionQuality]) -> dict[str, float | None]:
    """Means by metric, None without pictures."""
    names = [field.name for field in dataclasses.fields(FusionQuality)]
    if not scores:
        return dict.fromkeys(names)
    return {name: plain(float(np.mean([getattr(score, name) for score in scores]))) for name in names}


def plain(value: float) -> float | None:
    """Rounded to five places, None for nan: what JSON can hold.

    >>> plain(2 / 3), plain(float("nan"))
    (0.66667, None)
    """
    return None if math.isnan(value) else round(value, 5)


def _point(point: OperatingPoint) -> Figures:
    return {
        "threshold": round(point.threshold / 255, 4),
        "f1": plain(point.f1),
        "precision": plain(point.precision),
        "recall": plain(point.recall),
    }


def _or(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value
