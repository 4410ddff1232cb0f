"""Found things one by one, and their masks: from the small grids inside their boxes to the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from rigsight.edge.frames import UNLABELLED, Float32, UInt8, as_uint8


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One thing in a picture.

    ``box`` float32 [4] is x0, y0, x1, y1 in pixels of the prediction's grid, ``label`` the class id,
    ``grid`` float32 [M,M] the probabilities of the mask inside the box. ``sure``: the class mask shows it.
    """

    box: Float32
    label: int
    score: float
    grid: Float32
    sure: bool = True

    def mask(self, height: int, width: int) -> UInt8:
        """Where the thing is, uint8 0 or 1 [height,width]."""
        return paste_mask(self.grid, self.box, height, width)


def read_instances(outputs: Mapping[str, Any], sure: float) -> tuple[Instance, ...]:
    """An engine's ``boxes`` [d,4], ``labels`` [d], ``scores`` [d] and ``masks`` [d,M,M] as instances."""
    columns = (outputs[name] for name in ("boxes", "labels", "scores", "masks"))
    return tuple(
        Instance(box, int(label), float(score), grid, bool(score >= sure))
        for box, label, score, grid in zip(*columns, strict=True)
    )


def paste_masks(
    instances: Sequence[Instance], valid: UInt8, confidence: bool = False
) -> tuple[UInt8, UInt8 | None]:
    """The class mask of instances, best first: better ones lie on top.

    Args:
        instances: on the grid of ``valid``.
        valid: uint8 [H,W], 0 where nothing may be said.
        confidence: whether anybody wants to see it.

    Returns:
        uint8 [H,W] of class ids of the sure ones, 0 between them, 255 outside ``valid``; and uint8 [H,W]: the
        score of the instance on top, or how sure it is that there is none (0..255 for 0..1), else None.
    """
    height, width = valid.shape
    mask = np.zeros((height, width), np.uint8)
    levels = np.full((height, width), 255, np.uint8) if confidence else None
    for each in reversed(instances):
        if not each.sure and levels is None:
            continue
        here = each.mask(height, width) > 0
        if each.sure:
            mask[here] = each.label
        if levels is not None:
            levels[here] = round(255 * (each.score if each.sure else 1 - each.score))
    mask[valid == 0] = UNLABELLED
    if levels is not None:
        levels[valid == 0] = 0
    return mask, levels


def paste_mask(grid: Float32, box: Float32, height: int, width: int, threshold: float = 0.5) -> UInt8:
    """A mask head's probabilities as a mask of the picture, uint8 0 or 1 [height,width].

    The grid's cells fill the box edge to edge and are interpolated between their centres; beyond them they
    fall to zero. (Pasting into boxes of whole pixels would shift small masks by up to a pixel.)

    Args:
        grid: probabilities [M,M].
        box: x0, y0, x1, y1 in pixels, a pixel's centre at + 0.5.
        height: of the picture.
        width: of the picture.
        threshold: least probability of the mask.

    >>> grid = np.ones((4, 4), np.float32)
    >>> paste_mask(grid, np.array([1, 0, 3, 2], np.float32), 3, 4)
    array([[0, 1, 1, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]], dtype=uint8)
    """
    mask = np.zeros((height, width), np.uint8)
    x0, y0, x1, y1 = (float(v) for v in box)
    left, right = max(int(np.floor(x0)), 0), min(int(np.ceil(x1)), width)
    top, bottom = max(int(np.floor(y0)), 0), min(int(np.ceil(y1)), height)
    if right <= left or bottom <= top:
        return mask
    side = grid.shape[0]
    u = (np.arange(left, right, dtype=np.float32) + 0.5 - x0) * (side / max(x1 - x0, 1e-6)) - 0.5
    v = (np.arange(top, bottom, dtype=np.float32) + 0.5 - y0) * (side / max(y1 - y0, 1e-6)) - 0.5
    columns, rows = np.meshgrid(u.astype(np.float32), v.astype(np.float32))
    values = cv2.remap(
        np.ascontiguousarray(grid, np.float32),
        columns,
        rows,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    mask[top:bottom, left:right] = values >= threshold
    return as_uint8(mask)
