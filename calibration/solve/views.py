"""What the cameras saw: views of a board, and the same as flat arrays for the solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detection import Detection


@dataclass(frozen=True)
class View:
    """One instant: the board as one or several cameras saw it."""

    name: str
    seen: Mapping[str, Detection]


@dataclass(frozen=True)
class Observations:
    """All points that one camera saw, views in rising order.

    Attributes:
        view: int [M], index of the view.
        ids: int [M], row of ``board.object_points()``.
        pixels: float64 [M,2], what was measured; free of known bias.
        whiten: float64 [M,2,2], W with W^T W the inverse covariance: W r has unit variance.
    """

    view: NDArray[np.intp]
    ids: NDArray[np.intp]
    pixels: Float64
    whiten: Float64

    def of_view(self, index: int) -> slice:
        """Where the points of a view stand."""
        first, last = np.searchsorted(self.view, (index, index + 1))
        return slice(int(first), int(last))


def gather(views: Sequence[View], camera: str) -> Observations:
    """The points of one camera over all views, in the views' order."""
    seen = [(index, view.seen[camera]) for index, view in enumerate(views) if camera in view.seen]
    index = np.concatenate([np.full(len(d.points), i, dtype=np.intp) for i, d in seen])
    covariance = np.concatenate([np.asarray(d.covariance) for _, d in seen])
    return Observations(
        view=index,
        ids=np.concatenate([d.ids for _, d in seen]),
        pixels=np.concatenate([d.points for _, d in seen]),
        whiten=np.linalg.cholesky(np.linalg.inv(covariance)).transpose(0, 2, 1),
    )


def reordered(detection: Detection, board: Board, order: NDArray[np.intp]) -> Detection:
    """The detection with its points in another of the board's orders; complete views only."""
    if len(detection.points) != board.count:
        return detection
    return replace(
        detection, points=detection.points[order], covariance=np.asarray(detection.covariance)[order]
    )
