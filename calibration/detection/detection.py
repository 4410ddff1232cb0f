"""What a detector found: the board's points in one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Float64

TYPICAL_SIGMA_PX = 0.1  # of a point whose detector states nothing; the solver scales it to the residuals


@dataclass(frozen=True)
class Detection:
    """The board in one picture.

    Attributes:
        points: float64 [N,2], pixels, in one of ``board.orders()`` where the board has several.
        size: (width, height) of the picture.
        ids: int [N], the row of ``board.object_points()`` that each point belongs to; all of them where None
            is given. Boards with markers may be seen in part.
        covariance: float64 [N,2,2], square pixels, of every point; isotropic where None is given. The
            solver estimates one factor a camera, so that only ratios must be right.
        ellipse_centres: whether the points are centres of the ellipses that circles become, which the
            solver frees of their perspective bias, rather than pictures of the circles' centres.
    """

    points: Float64
    size: tuple[int, int]
    ids: NDArray[np.intp] = None  # type: ignore[assignment]
    covariance: Float64 = None  # type: ignore[assignment]
    ellipse_centres: bool = False

    def __post_init__(self) -> None:
        if self.ids is None:
            object.__setattr__(self, "ids", np.arange(len(self.points), dtype=np.intp))
        if self.covariance is None:
            each = np.broadcast_to(TYPICAL_SIGMA_PX**2 * np.eye(2), (len(self.points), 2, 2))
            object.__setattr__(self, "covariance", each)
