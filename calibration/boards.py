"""board.yaml: the calibration boards and their points in metres."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from rigsight.base.schema import StrictModel, load_model
from rigsight.calibration import codes

MAX_BOARD_M = 20.0
MIN_BOARD_M = 0.005
DEFAULT_DIAMETER_OF_PITCH = 0.5
DEFAULT_DICTIONARY = "DICT_5X5_100"
APRILGRID_DICTIONARY = "DICT_APRILTAG_36h11"
# Kalibr prints its tags with two cells of black border, OpenCV and the AprilTag library with one.
KALIBR_BORDER_BITS = 2

Float64 = NDArray[np.float64]
Orders = tuple[NDArray[np.intp], ...]
Kind = Literal["chessboard", "charuco", "aprilgrid", "circles", "asymmetric_circles"]

NEEDED: dict[str, tuple[str, ...]] = {
    "chessboard": ("square_m",),
    "charuco": ("square_m", "marker_m"),
    "aprilgrid": (),
    "circles": ("pitch_m",),
    "asymmetric_circles": ("pitch_m",),
}
ALLOWED: dict[str, tuple[str, ...]] = {
    "chessboard": (),
    "charuco": ("dictionary", "first_id", "legacy_pattern"),
    "aprilgrid": ("tag_m", "spacing", "pitch_m", "first_id", "border_bits"),
    "circles": ("diameter_m", "cutout"),
    "asymmetric_circles": ("diameter_m", "cutout"),
}


class Board(StrictModel):
    """A flat board with a regular pattern.

    The board's frame has x along a row, y down the rows, z = 0 on the board, away from the viewer. Its
    origin is the point at the upper left: for all kinds but the aprilgrid, whose points run from the
    bottom up as Kalibr's do, that is the first point.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    kind: Kind
    columns: int = Field(
        ge=2,
        le=200,
        description="chessboard: inner corners in a row; charuco: squares; aprilgrid: tags; else circles",
    )
    rows: int = Field(ge=2, le=200, description="rows of what the columns count")
    square_m: float | None = Field(
        default=None, gt=0, description="side of a square (chessboard, charuco), metres"
    )
    pitch_m: float | None = Field(
        default=None,
        gt=0,
        description="circles: distance of neighbours; asymmetric: half the distance in a row; aprilgrid: "
        "distance of neighbouring tags, tag_m * (1 + spacing); metres",
    )
    diameter_m: float | None = Field(default=None, gt=0, description="diameter of the circles, metres")
    cutout: bool | None = Field(
        default=None, description="the circles are holes in a plate before a warm or cold background"
    )
    marker_m: float | None = Field(
        default=None, gt=0, description="charuco: side of a marker with its black border, metres"
    )
    dictionary: str | None = Field(
        default=None, description=f"charuco: OpenCV's name of the markers' dictionary; {DEFAULT_DICTIONARY}"
    )
    legacy_pattern: bool | None = Field(
        default=None,
        description="charuco: drawn before OpenCV 4.6: even rows begin with a marker",
    )
    tag_m: float | None = Field(
        default=None, gt=0, description="aprilgrid: side of a tag with its black border, metres"
    )
    spacing: float | None = Field(
        default=None, gt=0, lt=2, description="aprilgrid: gap between tags as a part of tag_m"
    )
    first_id: int | None = Field(
        default=None, ge=0, description="charuco, aprilgrid: number of the first marker; 0"
    )
    border_bits: int | None = Field(
        default=None,
        ge=1,
        le=3,
        description=f"aprilgrid: cells of black border of a tag; {KALIBR_BORDER_BITS}, as Kalibr has them",
    )

    @model_validator(mode="after")
    def _check(self) -> Board:
        self._check_keys()
        if self.kind != "aprilgrid" and min(self.columns, self.rows) < 3:
            raise ValueError(f"{self.kind} needs at least 3 columns and 3 rows")
        if self.kind == "aprilgrid":
            self._check_aprilgrid()
        if self.marker_m is not None and self.marker_m >= self.step_m:
            raise ValueError("marker_m must be smaller than square_m")
        if self.diameter_m is not None and self.diameter_m >= self._nearest_m:
            raise ValueError("diameter_m is so large that the circles touch")
        longest = float(np.ptp(self.object_points()[:, :2], axis=0).max())
        if longest > MAX_BOARD_M:
            raise ValueError(
                f"the board would be {longest:.4g} m long; sizes are in metres, so {self.step_m:g} mm is "
                f"{self.step_m / 1000:g}"
            )
        if longest < MIN_BOARD_M:
            raise ValueError(
                f"the board would be {1000 * longest:.2g} mm long; sizes are in metres, so 25 mm is 0.025"
            )
        if self.marker_count:
            self._check_ids()
        return self

    def _check_keys(self) -> None:
        needed = NEEDED[self.kind]
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"{self.kind} needs {key}")
        takes = (*needed, *ALLOWED[self.kind])
        every = {key for keys in (*NEEDED.values(), *ALLOWED.values()) for key in keys}
        for key in sorted(every.difference(takes), reverse=True):
            if getattr(self, key) is not None:
                raise ValueError(f"{self.kind} takes {', '.join(takes)}, not {key}")

    def _check_aprilgrid(self) -> None:
        given = [key for key in ("tag_m", "spacing", "pitch_m") if getattr(self, key) is not None]
        if len(given) < 2:
            raise ValueError("aprilgrid needs two of tag_m, spacing and pitch_m")
        if self.tag_m is not None and self.pitch_m is not None:
            if self.pitch_m <= self.tag_m:
                raise ValueError("pitch_m must be larger than tag_m")
            if self.spacing is not None and abs(self.tag_m * (1 + self.spacing) / self.pitch_m - 1) > 1e-3:
                raise ValueError("tag_m * (1 + spacing) is not pitch_m; leave one of the three out")

    def _check_ids(self) -> None:
        from rigsight.calibration.markers import dictionary_size

        size = dictionary_size(self.dictionary_name)
        last = (self.first_id or 0) + self.marker_count
        if last > size:
            raise ValueError(f"the board needs markers up to {last - 1}, {self.dictionary_name} has {size}")

    @classmethod
    def load(cls, path: str | Path) -> Board:
        """Read and check a board.yaml. Raises CAL-010."""
        return load_model(path, cls, codes.BOARD_INVALID)

    @property
    def step_m(self) -> float:
        """``square_m`` or the pitch (of an aprilgrid's tags, too), metres."""
        if self.kind == "aprilgrid" and self.pitch_m is None:
            return (self.tag_m or 0.0) * (1 + (self.spacing or 0.0))
        return float(self.square_m or self.pitch_m or 0.0)

    @property
    def tag_side_m(self) -> float:
        """Side of a marker (charuco) or tag (aprilgrid) with its black border, metres; else 0."""
        if self.kind == "aprilgrid" and self.tag_m is None:
            return self.step_m / (1 + (self.spacing or 0.0))
        return float(self.marker_m or self.tag_m or 0.0)

    @property
    def grid_shape(self) -> tuple[int, int]:
        """Rows and columns of the points themselves: they differ from ``rows``, ``columns`` with markers."""
        if self.kind == "charuco":
            return self.rows - 1, self.columns - 1
        if self.kind == "aprilgrid":
            return 2 * self.rows, 2 * self.columns
        return self.rows, self.columns

    @property
    def count(self) -> int:
        """Number of points."""
        rows, columns = self.grid_shape
        return rows * columns

    @property
    def has_circles(self) -> bool:
        """Whether the points are centres of circles."""
        return self.kind in ("circles", "asymmetric_circles")

    @property
    def marker_count(self) -> int:
        """Number of coded markers, 0 on boards without: half the squares of a charuco board, each tag."""
        squares = self.columns * self.rows
        if self.kind == "charuco":
            even_start = bool(self.legacy_pattern) and self.rows % 2 == 0
            return (squares + 1) // 2 if even_start else squares // 2
        return squares if self.kind == "aprilgrid" else 0

    @property
    def dictionary_name(self) -> str:
        """OpenCV's name of the markers' dictionary; empty on boards without markers."""
        if self.kind == "charuco":
            return self.dictionary or DEFAULT_DICTIONARY
        return APRILGRID_DICTIONARY if self.kind == "aprilgrid" else ""

    @property
    def _nearest_m(self) -> float:
        return self.step_m * (2**0.5 if self.kind == "asymmetric_circles" else 1.0)

    @property
    def circle_m(self) -> float:
        """Diameter of the circles, metres: as given, else half their distance; 0 on boards without."""
        if not self.has_circles:
            return 0.0
        return self.diameter_m or DEFAULT_DIAMETER_OF_PITCH * self._nearest_m

    def object_points(self) -> Float64:
        """Points of the pattern, float64 [count, 3], metres, z = 0, row by row.

        Chessboard and charuco: inner corners in OpenCV's order. Asymmetric circles follow OpenCV: column c
        of row r lies at ((2c + r mod 2) * pitch, r * pitch). Aprilgrid: corners of the tags in Kalibr's
        order, rows of corners from the bottom up, two corners a tag in each row; tag ``first_id`` is the
        one at the lower left.

        >>> Board(kind="chessboard", columns=4, rows=3, square_m=0.5).object_points()[5].tolist()
        [0.5, 0.5, 0.0]
        >>> Board(kind="asymmetric_circles", columns=4, rows=3, pitch_m=1).object_points()[4].tolist()
        [1.0, 1.0, 0.0]
        >>> Board(kind="aprilgrid", columns=2, rows=2, tag_m=0.5, spacing=0.5).object_points()[2].tolist()
        [0.75, 1.25, 0.0]
        """
        rows, columns = self.grid_shape
        row, column = np.mgrid[:rows, :columns].astype(np.float64)
        if self.kind == "aprilgrid":
            x, y = (self.step_m * (n // 2) + self.tag_side_m * (n % 2) for n in (column, row))
            points = np.stack([x, y.max() - y, np.zeros_like(x)], axis=-1)
        else:
            if self.kind == "asymmetric_circles":
                column = 2 * column + row % 2
            points = np.stack([column, row, np.zeros_like(row)], axis=-1) * self.step_m
        return np.ascontiguousarray(points.reshape(-1, 3))

    @property
    def outline_m(self) -> tuple[float, float, float, float]:
        """The board with its quiet border in the board's frame: x_min, y_min, x_max, y_max, metres."""
        step = self.step_m
        margin = {
            "chessboard": 2.0 * step,
            "charuco": 1.5 * step,
            "aprilgrid": 2.0 * (step - self.tag_side_m),
        }.get(self.kind, step + self.circle_m / 2)
        x, y = self.object_points()[:, :2].max(axis=0)
        return -margin, -margin, float(x) + margin, float(y) + margin

    @property
    def half_turn_ambiguous(self) -> bool:
        """Whether a half turn of the board cannot be told from none, the polarity of its ink being unknown.

        Two cameras may then name its points differently. Chessboards with one odd and one even number of
        inner corners are told by their colours, but only where dark is known to be dark: not in thermal.
        """
        return len(self.orders()) > 1

    def orders(self) -> Orders:
        """All orders in which a detector may hand out the points of this board, int [N] each, identity first.

        ``detected[order]`` is in the order of :meth:`object_points`. A half turn cannot be told apart on a
        chessboard (corners alone, contrast unknown), on symmetric circles and on asymmetric circles with
        an even number of rows; quarter turns neither where columns equal rows. Markers leave one order.
        """
        index = np.arange(self.count, dtype=np.intp).reshape(self.grid_shape)
        if self.marker_count:
            turns = [0]
        elif self.kind == "asymmetric_circles":
            turns = [0, 2] if self.rows % 2 == 0 else [0]
        else:
            turns = [0, 1, 2, 3] if self.rows == self.columns else [0, 2]
        return tuple(np.ascontiguousarray(np.rot90(index, turn).reshape(-1)) for turn in turns)
