"""Detections in golden.npz: how they are kept, and when another machine's are the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.detection.compare import compare_instances
from rigsight.edge.instances import Instance, read_instances


@dataclass(frozen=True)
class Tolerance:
    """How far two detections of one thing may lie apart: sides of the box in pixels, scores, masks' IoU."""

    box_px: float
    score: float
    mask_iou: float


# What another machine's float32, or FP16, computes; and INT8, which moves boxes, scores and borders.
SAME = Tolerance(1.0, 0.02, 0.9)
ALIKE = Tolerance(math.inf, 0.2, 0.7)
NAMES = ("boxes", "labels", "scores", "masks")


def to_arrays(instances: Sequence[Instance], case: int) -> dict[str, NDArray[Any]]:
    """The npz's arrays of one case; probabilities as levels of 255."""
    side = instances[0].grid.shape[0] if instances else 1
    grids = np.array([each.grid for each in instances], np.float32).reshape(-1, side, side)
    columns: tuple[NDArray[Any], ...] = (
        np.array([each.box for each in instances], np.float32).reshape(-1, 4),
        np.array([each.label for each in instances], np.int64),
        np.array([each.score for each in instances], np.float32),
        np.rint(grids * 255).astype(np.uint8),
    )
    return {f"found_{name}_{case}": array for name, array in zip(NAMES, columns, strict=True)}


def from_arrays(arrays: Mapping[str, NDArray[Any]], case: int) -> tuple[Instance, ...] | None:
    """What :func:`to_arrays` kept; None for a case without. Raises KeyError, ValueError for broken arrays."""
    if f"found_boxes_{case}" not in arrays:
        return None
    found = {name: arrays[f"found_{name}_{case}"] for name in NAMES}
    count = len(found["boxes"])
    shapes = {name: array.shape[:1] for name, array in found.items()}
    if set(shapes.values()) != {(count,)} or found["boxes"].shape[1:] != (4,) or found["masks"].ndim != 3:
        raise ValueError(f"the detections of case {case} do not fit each other")
    grids = found["masks"].astype(np.float32) / 255
    return read_instances({**found, "masks": grids}, 0.0)


def agreement(
    expected: Sequence[Instance],
    found: Sequence[Instance],
    score: float,
    height: int,
    width: int,
    within: Tolerance = SAME,
) -> float:
    """Share of the detections that are the same on both sides, 1 without any.

    Same are those of one class that overlap by one half and whose boxes, scores and masks lie ``within`` the
    tolerance. Left out are detections that only one side has because they lie near the least ``score``.
    """
    compared = compare_instances(found, expected, height, width)
    same = sum(
        pair.box_px <= within.box_px and pair.score <= within.score and pair.mask_iou >= within.mask_iou
        for pair in compared.pairs
    )
    alone = sum(each.score > score + within.score for each in compared.alone)
    total = len(compared.pairs) + alone
    return same / total if total else 1.0
