"""What the views taken so far say: the calibration, its predicted error, and what it wants next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.from_detections import solve_detected
from rigsight.calibration.guidance.information import Outlook, information_of_views
from rigsight.calibration.guidance.proposal import Proposal, best_proposal
from rigsight.calibration.pictures import Image
from rigsight.calibration.result import Calibration
from rigsight.calibration.rig import Plane
from rigsight.calibration.solve.first_guess import Model, Spectrum
from rigsight.calibration.solve.joint import Setup
from rigsight.calibration.solve.state import State
from rigsight.calibration.uncertainty import PredictedError

# Left-out views may fit worse than used ones by this factor; more says that the solution does not carry over.
HELD_OUT_RATIO = 1.5
FEWEST_FOR_DONE = 8


@dataclass(frozen=True)
class Settings:
    """What the user wants.

    Attributes:
        distances_m: where the pictures shall lie on each other.
        target_px: largest bearable alignment error there, root mean square, pixels of the reference picture.
        names, spectra, models: of the cameras, the reference first.
        hfov_deg: horizontal field of view of each camera, roughly; only for planning the first views.
        automatic: take a view whenever the board is held still at a useful place.
        background: solve in another thread; otherwise within the step that took the view.
    """

    distances_m: tuple[float, ...] = (10.0,)
    target_px: float = 0.3
    names: tuple[str, str] = ("rgb", "thermal")
    spectra: tuple[Spectrum, Spectrum] = ("rgb", "thermal")
    models: tuple[Model, Model] = ("pinhole-radtan", "pinhole-radtan")
    hfov_deg: tuple[float, float] = (55.0, 55.0)
    automatic: bool = True
    background: bool = True


@dataclass(frozen=True)
class Snapshot:
    """A view that was taken: raw pictures and what was found in them, camera -> value."""

    name: str
    stamp_ns: int
    pictures: Mapping[str, Image]
    seen: Mapping[str, Detection]


@dataclass(frozen=True)
class Estimate:
    """A solution of the views and how it can be improved."""

    calibration: Calibration
    outlook: Outlook
    proposal: Proposal | None
    views: int

    @property
    def rig(self) -> State:
        """Lenses and extrinsics as the solver holds them."""
        return self.calibration.solution.refined.state

    @property
    def worst(self) -> PredictedError:
        """The prediction at the worst of the user's distances."""
        return max(self.calibration.alignment, key=lambda error: error.bound_px)

    @property
    def held_out(self) -> float | None:
        """Error of left-out views over that of used ones."""
        left, used = self.calibration.held_out, self.calibration.stereo_rms_px
        return None if left is None or not used else left.reprojection_px / used

    def good_enough(self, target_px: float) -> bool:
        """The stop rule: the error stays below the target with 95 %, and left-out views confirm it."""
        confirmed = self.held_out is not None and self.held_out <= HELD_OUT_RATIO
        return self.views >= FEWEST_FOR_DONE and confirmed and self.worst.bound_px <= target_px

    def gain(self, pose: Float64, board: Board) -> float:
        """Logarithm by which a view at this pose would lower the expected error."""
        information = information_of_views(self.rig, pose[None], board, self.calibration.noise_px)
        after = float(self.outlook.with_views(information)[0])
        return float(np.log(self.outlook.error_px / after))

    def best_gain(self) -> float:
        """The same for the proposed pose; 0 without one."""
        if self.proposal is None or self.proposal.expected_px is None:
            return 0.0
        return float(np.log(self.outlook.error_px / self.proposal.expected_px))


def setups_of(settings: Settings) -> list[Setup]:
    """The cameras as the solver wants them."""
    cameras = zip(settings.names, settings.spectra, settings.models, strict=True)
    return [Setup(name, spectrum, model) for name, spectrum, model in cameras]


def solve(
    snapshots: Sequence[Snapshot], board: Board, settings: Settings, refused: Sequence[Float64] = ()
) -> Estimate:
    """Calibrate from the views and look for the next best one.

    Raises:
        RigsightError: CAL-016, CAL-017, CAL-018, CAL-009 while the views do not determine the rig.
    """
    found = {name: {shot.name: shot.seen[name] for shot in snapshots} for name in settings.names}
    calibration = solve_detected(
        found,
        [shot.name for shot in snapshots],
        board,
        setups_of(settings),
        surface=Plane(distance_m=settings.distances_m[0]),
        distances_m=settings.distances_m,
        tolerance_px=settings.target_px,
    )
    outlook = Outlook(calibration.rig, settings.names[1], settings.distances_m)
    state = calibration.solution.refined.state
    # A view like one that was taken would repeat its errors.
    avoided = [*refused, *calibration.solution.poses.values()]
    proposal = best_proposal(state, board, outlook, calibration.noise_px, avoided)
    return Estimate(calibration, outlook, proposal, len(calibration.views_used))
