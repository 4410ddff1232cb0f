"""What a report is about, and the parts of markup that its sections share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from rigsight.base.html.svg import short
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.pictures import Picture
from rigsight.calibration.result import Calibration
from rigsight.calibration.rig import Plane, Rig
from rigsight.calibration.uncertainty import PredictedError, predicted_alignment_errors

COLORS = ("var(--rgb)", "var(--thermal)", "var(--pixel)")  # of the cameras, the reference first
NOTHING = "–"


@dataclass(frozen=True)
class Subject:
    """A calibration with what it was made from.

    Attributes:
        calibration: the result.
        board: the board in the pictures.
        pictures: view -> camera -> picture, rejected views included; those that are missing are not shown.
        distances_m: where the user wants the pictures to lie on each other, metres.
        tolerance_px: the alignment error that the user accepts, pixels of the reference camera.
    """

    calibration: Calibration
    board: Board
    pictures: Mapping[str, Mapping[str, Picture]]
    distances_m: tuple[float, ...]
    tolerance_px: float

    @property
    def rig(self) -> Rig:
        """The calibrated rig."""
        return self.calibration.rig

    @property
    def reference(self) -> str:
        """Name of the reference camera."""
        return self.rig.reference

    @property
    def other(self) -> str | None:
        """Name of the camera that is aligned to the reference; None for a single camera."""
        return next((name for name in self.rig.cameras if name != self.reference), None)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras, the reference first."""
        return (self.reference, *(name for name in self.rig.cameras if name != self.reference))

    @property
    def main_distance_m(self) -> float | None:
        """The distance of the headline: the user's nearest to the rig's plane, else the middle one."""
        if not self.distances_m:
            return None
        surface = self.rig.surface
        at = surface.distance_m if isinstance(surface, Plane) else float(np.median(self.distances_m))
        return min(self.distances_m, key=lambda d: abs(math.log(d) - math.log(at)))

    def predicted(self, camera: str) -> tuple[PredictedError, ...]:
        """Predicted alignment error at the user's distances: the verdict's own figures where it has them."""
        known = {error.distance_m: error for error in self.calibration.alignment}
        missing = [distance for distance in self.distances_m if distance not in known]
        if missing:
            new = predicted_alignment_errors(self.rig, camera, missing)
            known |= {error.distance_m: error for error in new}
        return tuple(known[distance] for distance in self.distances_m)

    def color(self, camera: str) -> str:
        """CSS colour of a camera."""
        return COLORS[self.cameras.index(camera)]

    def residuals(self, camera: str) -> tuple[Float64, Float64]:
        """Points and residuals (observed minus predicted) of a camera over all used views, float64 [N,2]."""
        sides = [
            (self.calibration.points[view][camera], off[camera])
            for view, off in self.calibration.residuals.items()
            if camera in off
        ]
        if not sides:
            return np.zeros((0, 2)), np.zeros((0, 2))
        return np.concatenate([p for p, _ in sides]), np.concatenate([r for _, r in sides])

    def view_error(self, view: str, camera: str) -> float:
        """Root mean square reprojection error of a used view, pixels; NaN where the camera has none."""
        off = self.calibration.residuals.get(view, {}).get(camera)
        return float("nan") if off is None or not len(off) else rms(off)

    def pose(self, view: str, camera: str) -> Float64:
        """T_<camera>_board of a used view, float64 [4,4]."""
        pose: Float64 = self.rig.pose(camera) @ self.calibration.poses[view]
        return pose

    def board_distance_m(self, view: str) -> float:
        """Distance from the reference camera to the board's middle, metres."""
        return float(np.linalg.norm(self.board_middle(view)))

    def board_middle(self, view: str) -> Float64:
        """The board's middle in the reference camera's frame, float64 [3], metres."""
        points = self.board.object_points()
        pose = self.calibration.poses[view]
        middle: Float64 = pose[:3, :3] @ (points.min(axis=0) + points.max(axis=0)) / 2 + pose[:3, 3]
        return middle


def rms(vectors: Float64) -> float:
    """Root mean square length of vectors [N,2].

    >>> rms(np.array([[3.0, 4.0], [0.0, 5.0]]))
    5.0
    """
    return float(np.sqrt(np.mean((vectors**2).sum(axis=1))))


def section(name: str, title: str, lead: str, body: str) -> str:
    """A section with its id; ``title`` is text, the rest markup."""
    return f'<section id="{name}">\n<h2>{escape(title)}</h2>\n<p>{lead}</p>\n{body}\n</section>'


def panel(title: str, body: str, note: str = "") -> str:
    """A shaded box with a heading; ``title`` and ``note`` are text."""
    below = f'<p class="note">{escape(note)}</p>' if note else ""
    return f'<div class="plot"><h3>{escape(title)}</h3>{below}{body}</div>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], name: str, warning: str = "") -> str:
    """A table whose first column names the row; all cells are text, those equal to ``warning`` stand out."""
    first, *others = heads
    top = f'<th scope="col">{escape(first)}</th>' + "".join(
        f'<th scope="col" class="n">{escape(head)}</th>' for head in others
    )
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(
            f'<td class="n{" over" if cell == warning else ""}">{escape(cell)}</td>' for cell in row[1:]
        )
        + "</tr>\n"
        for row in rows
    )
    return (
        f'<div class="scroll"><table aria-label="{escape(name)}"><thead><tr>{top}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def facts(pairs: Mapping[str, str], code: bool = False) -> str:
    """A list of names and values, both text."""
    opened, closed = ("<code>", "</code>") if code else ("", "")
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{opened}{escape(value)}{closed}</dd>" for name, value in pairs.items()
    )
    return f"<dl>{items}</dl>"


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Coloured squares with their meaning: (CSS colour, text)."""
    items = "".join(f'<li><i style="background:{color}"></i>{escape(name)}</li>' for color, name in entries)
    return f'<ul class="legend">{items}</ul>'


def named(camera: str) -> str:
    """A camera's name in running text, as markup: names such as ``right`` must not be read as words.

    >>> named("<right>")
    '<b>&lt;right&gt;</b>'
    """
    return f"<b>{escape(camera)}</b>"


def fine(value: float) -> str:
    """Pixels as a number, small ones with three decimals.

    >>> fine(0.0123), fine(1.5), fine(float("nan"))
    ('0.012', '1.50', '–')
    """
    return f"{value:.3f}" if abs(value) < 1 else short(value)


def px(value: float) -> str:
    """Pixels as a number with its unit.

    >>> px(0.0123), px(float("nan"))
    ('0.012 px', '–')
    """
    return f"{fine(value)} px" if math.isfinite(value) else NOTHING
