"""Detections in golden.npz: how they are kept, and when another machine's are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.detection.compare import compare_instances
from rigsight.edge.instances import Instance, read_instances

MAX_BOX_PX = 1.0
MAX_SCORE = 0.02
LEAST_MASK_IOU = 0.9
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
    expected: Sequence[Instance], found: Sequence[Instance], score: float, height: int, width: int
) -> float:
    """Share of the detections that are the same on both sides, 1 without any.

    Same are those of one class whose boxes, scores and masks lie within this module's tolerances. Left out
    are detections that only one side has because they lie near the least ``score``.
    """
    compared = compare_instances(found, expected, height, width)
    same = sum(
        pair.box_px <= MAX_BOX_PX and pair.score <= MAX_SCORE and pair.mask_iou >= LEAST_MASK_IOU
        for pair in compared.pairs
    )
    alone = sum(each.score > score + MAX_SCORE for each in compared.alone)
    total = len(compared.pairs) + alone
    return same / total if total else 1.0
