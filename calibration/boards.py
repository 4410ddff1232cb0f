"""board.yaml: the calibration boards and their points in metres."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rigsight.base.schema import StrictModel, load_model
from rigsight.calibration import codes

MAX_BOARD_M = 20.0
DEFAULT_DIAMETER_OF_PITCH = 0.5

Float64 = NDArray[np.float64]
Orders = tuple[NDArray[np.intp], ...]


class Board(StrictModel):
    """A flat board with a regular pattern.

    The board's frame has its origin at the first point, x along a row, y down the rows, z = 0 on the
    board, away from the viewer. Points run row by row.
    """

    kind: Literal["chessboard", "circles", "asymmetric_circles"]
    columns: int = Field(ge=3, le=200, description="points in a row; chessboard: inner corners")
    rows: int = Field(ge=3, le=200, description="rows of points; chessboard: inner corners")
    square_m: float | None = Field(default=None, gt=0, description="side of a chessboard square, metres")
    pitch_m: float | None = Field(
        default=None,
        gt=0,
        description="circles: distance of neighbours; asymmetric: half the distance in a row; metres",
    )
    diameter_m: float | None = Field(default=None, gt=0, description="diameter of the circles, metres")

    @model_validator(mode="after")
    def _check(self) -> Board:
        if self.kind == "chessboard":
            if self.square_m is None:
                raise ValueError("a chessboard needs square_m")
            if self.pitch_m is not None or self.diameter_m is not None:
                raise ValueError("a chessboard takes square_m, not pitch_m or diameter_m")
        else:
            if self.pitch_m is None:
                raise ValueError(f"{self.kind} needs pitch_m")
            if self.square_m is not None:
                raise ValueError(f"{self.kind} takes pitch_m, not square_m")
            if self.diameter_m is not None and self.diameter_m >= self._nearest_m:
                raise ValueError("diameter_m is so large that the circles touch")
        width, height = np.ptp(self.object_points()[:, :2], axis=0)
        if max(width, height) > MAX_BOARD_M:
            raise ValueError(f"the board would be {max(width, height):.0f} m long; sizes are in metres")
        return self

    @classmethod
    def load(cls, path: str | Path) -> Board:
        """Read and check a board.yaml. Raises CAL-010."""
        return load_model(path, cls, codes.BOARD_INVALID)

    @property
    def step_m(self) -> float:
        """``square_m`` or ``pitch_m``, metres."""
        return float(self.square_m or self.pitch_m or 0.0)

    @property
    def count(self) -> int:
        """Number of points."""
        return self.columns * self.rows

    @property
    def _nearest_m(self) -> float:
        return self.step_m * (2**0.5 if self.kind == "asymmetric_circles" else 1.0)

    @property
    def circle_m(self) -> float:
        """Diameter of the circles, metres: as given, else half their distance; 0 for chessboards."""
        if self.kind == "chessboard":
            return 0.0
        return self.diameter_m or DEFAULT_DIAMETER_OF_PITCH * self._nearest_m

    def object_points(self) -> Float64:
        """Points of the pattern, row by row, float64 [rows*columns, 3], metres, z = 0.

        Asymmetric circles follow OpenCV: column c of row r lies at ((2c + r mod 2) * pitch, r * pitch).

        >>> Board(kind="chessboard", columns=4, rows=3, square_m=0.5).object_points()[5].tolist()
        [0.5, 0.5, 0.0]
        >>> Board(kind="asymmetric_circles", columns=4, rows=3, pitch_m=1).object_points()[4].tolist()
        [1.0, 1.0, 0.0]
        """
        row, column = np.mgrid[: self.rows, : self.columns].astype(np.float64)
        if self.kind == "asymmetric_circles":
            column = 2 * column + row % 2
        points = np.stack([column, row, np.zeros_like(row)], axis=-1) * self.step_m
        return np.ascontiguousarray(points.reshape(-1, 3))

    @property
    def outline_m(self) -> tuple[float, float, float, float]:
        """The board with its quiet border in the board's frame: x_min, y_min, x_max, y_max, metres."""
        margin = self.step_m * (2.0 if self.kind == "chessboard" else 1.0)
        if self.kind != "chessboard":
            margin += self.circle_m / 2
        x, y = self.object_points()[:, :2].max(axis=0)
        return -margin, -margin, float(x) + margin, float(y) + margin

    def orders(self) -> Orders:
        """All orders in which a detector may hand out the points of this board, int [N] each, identity first.

        ``detected[order]`` is in the order of :meth:`object_points`. A half turn cannot be told apart on a
        chessboard (corners alone, contrast unknown), on symmetric circles and on asymmetric circles with
        an even number of rows; quarter turns neither where columns equal rows.
        """
        index = np.arange(self.count, dtype=np.intp).reshape(self.rows, self.columns)
        if self.kind == "asymmetric_circles":
            turns = [0, 2] if self.rows % 2 == 0 else [0]
        else:
            turns = [0, 1, 2, 3] if self.rows == self.columns else [0, 2]
        return tuple(np.ascontiguousarray(np.rot90(index, turn).reshape(-1)) for turn in turns)
