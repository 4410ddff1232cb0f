"""What a calibration gives: the rig, how well it fits, and what it is good for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rigsight.calibration.boards import Float64
from rigsight.calibration.rig import Rig
from rigsight.calibration.solve.held_out import HeldOut
from rigsight.calibration.solve.solution import Solution
from rigsight.calibration.uncertainty import PredictedError
from rigsight.calibration.verdict import Verdict


@dataclass(frozen=True)
class Calibration:
    """A rig, how well it fits its views, and what it is good for.

    The reprojection and epipolar errors say how well the model fits; ``alignment`` and ``verdict`` say what
    counts. The stereo figures, alignment and verdict are None or empty for a single camera.

    Attributes:
        rig: with covariance.
        rms_px: each camera's reprojection error, root mean square of the point distances, pixels.
        stereo_rms_px: the same over both cameras.
        epipolar_px: mean distance of undistorted points to their epipolar lines, both directions, pixels.
        baseline_m: distance of the cameras, metres.
        views_used: views with both cameras (all used views for a single one).
        views_rejected: view -> reason.
        views_reordered: views in which the cameras disagreed about the order of the points.
        points: view -> camera -> points that the solution rests on, pixels, float64 [N,2].
        alignment: predicted error at the judged distances.
        verdict: what the rig may be used for.
        solution: everything the solver knows: residuals, board poses, noise, bend.
        held_out: error on views left out, None with too few views.
    """

    rig: Rig
    rms_px: dict[str, float]
    stereo_rms_px: float | None
    epipolar_px: float | None
    baseline_m: float | None
    views_used: tuple[str, ...]
    views_rejected: dict[str, str]
    views_reordered: tuple[str, ...]
    solution: Solution = field(repr=False)
    held_out: HeldOut | None = None
    points: dict[str, dict[str, Float64]] = field(default_factory=dict, repr=False)
    alignment: tuple[PredictedError, ...] = ()
    verdict: Verdict | None = None

    @property
    def residuals(self) -> Mapping[str, Mapping[str, Float64]]:
        """View -> camera -> observed minus predicted, pixels, float64 [N,2]."""
        return self.solution.residuals

    @property
    def poses(self) -> dict[str, Float64]:
        """View -> T_<reference>_board, float64 [4,4]."""
        return self.solution.poses

    @property
    def noise_px(self) -> dict[str, float]:
        """Camera -> standard deviation of a point along one axis, pixels."""
        return self.solution.noise_px
