"""What the views taken so far say of the rig, and where the board is wanted next."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.guidance import words
from rigsight.calibration.guidance.estimate import Estimate, Settings, Snapshot, solve
from rigsight.calibration.guidance.proposal import (
    Proposal,
    best_proposal,
    first_proposal,
    nominal_camera,
    nominal_rig,
)
from rigsight.calibration.pictures import Image
from rigsight.calibration.rig import Camera
from rigsight.calibration.solve.camera import FEWEST_VIEWS
from rigsight.calibration.solve.first_guess import board_pose
from rigsight.calibration.solve.state import State


class Planner:
    """Solves the rig from the views, if wanted in a thread of its own, and proposes the next pose.

    All methods are for one thread. Change :attr:`snapshots`, then call :meth:`views_changed`.

    Attributes:
        snapshots: the views taken.
        estimate: the last solution; None before the first one, and when the views allow none.
        proposal: where the board is wanted next.
        problem: why there is no solution, or no next pose.
        history: (views, error below which the alignment stays, pixels) after each solution.
    """

    def __init__(self, board: Board, settings: Settings) -> None:
        self.board, self.settings = board, settings
        self.snapshots: list[Snapshot] = []
        self.estimate: Estimate | None = None
        self.proposal: Proposal | None = None
        self.problem = ""
        self.history: list[tuple[int, float]] = []
        self._nominal: State | None = None
        self._refused: list[Float64] = []
        self._executor = ThreadPoolExecutor(1, "solve") if settings.background else None
        self._job: Future[Estimate] | None = None
        self._stale = False

    @property
    def rig(self) -> State | None:
        """The rig as far as it is known: solved, else a guess; None before :meth:`guess_rig`."""
        return self.estimate.rig if self.estimate is not None else self._nominal

    @property
    def solving(self) -> bool:
        """Whether a solution is being computed."""
        return self._job is not None

    def pose_of(self, seen: Mapping[str, Detection | None]) -> Float64 | None:
        """T_reference_board of what was seen, by the reference camera if it saw the board."""
        for index, name in enumerate(self.settings.names):
            detection = seen[name]
            if detection is not None and self.rig is not None:
                pose = board_pose(detection, self.board, self.rig.cameras[index])
                back: Float64 = np.linalg.inv(self.rig.extrinsics[index]) @ pose
                return back
        return None

    def poses_taken(self) -> list[Float64]:
        """T_reference_board of the views taken, as far as the rig is known."""
        found = [self.pose_of(shot.seen) for shot in self.snapshots]
        return [pose for pose in found if pose is not None]

    def move_from(self, pose: Float64) -> words.Move | None:
        """From T_reference_board to the proposed pose; None without a proposal."""
        if self.proposal is None:
            return None
        return words.move_between(pose, self.proposal.pose, self.board)

    def guess_rig(self, pictures: Mapping[str, Image], seen: Mapping[str, Detection]) -> None:
        """Nominal lenses for pictures of this size, and a relative pose from what both saw at once."""
        settings = self.settings
        cameras: dict[str, Camera] = {}
        for name, spectrum, model, hfov in zip(
            settings.names, settings.spectra, settings.models, settings.hfov_deg, strict=True
        ):
            height, width = pictures[name].shape[:2]
            cameras[name] = nominal_camera((width, height), spectrum, model, hfov)
        transforms = {}
        if seen:
            first, second = (board_pose(seen[name], self.board, cameras[name]) for name in settings.names)
            transforms[settings.names[1]] = second @ np.linalg.inv(first)
        self._nominal = nominal_rig(cameras, transforms)
        self._propose_first()

    def views_changed(self) -> None:
        """Solve again; with ``background`` :meth:`poll` brings what comes of it."""
        if len(self.snapshots) < FEWEST_VIEWS:
            self.estimate, self.problem = None, ""
            self._propose_first()
            return
        if self._executor is None:
            done: Future[Estimate] = Future()
            try:
                done.set_result(solve(list(self.snapshots), self.board, self.settings, self._refused))
            except (RigsightError, np.linalg.LinAlgError) as error:
                done.set_exception(error)
            self._job = done
            self.poll()
        elif self._job is None:
            self._job = self._executor.submit(
                solve, list(self.snapshots), self.board, self.settings, list(self._refused)
            )
        else:
            self._stale = True

    def poll(self) -> None:
        """Take up a solution that is ready."""
        if self._job is None or not self._job.done():
            return
        job, self._job = self._job, None
        if self._stale:
            self._stale = False
            self.views_changed()
            return
        try:
            self.estimate, self.problem = job.result(), ""
        except (RigsightError, np.linalg.LinAlgError) as error:
            # What was known before no longer holds with this view: go on as before a solution.
            self.estimate = None
            self.problem = error.line() if isinstance(error, RigsightError) else "the views determine no rig"
            self._propose_first()
            return
        self.proposal = self.estimate.proposal
        if self.proposal is None:
            self.problem = "no further pose is seen by both cameras"
        self.history.append((len(self.snapshots), self.estimate.worst.bound_px))

    def refuse(self) -> None:
        """Propose another pose than this one and its likes, now and later."""
        if self.proposal is None:
            return
        self._refused.append(self.proposal.pose)
        if self.estimate is None:
            self._propose_first()
            return
        known = self.estimate
        proposal = best_proposal(
            known.rig,
            self.board,
            known.outlook,
            known.calibration.noise_px,
            [*self._refused, *known.calibration.solution.poses.values()],
        )
        self.estimate = replace(known, proposal=proposal)
        self.proposal = proposal

    def close(self) -> None:
        """Wait for a running solution and let its thread go."""
        if self._executor is not None:
            self._executor.shutdown(wait=True)
            self.poll()

    def _propose_first(self) -> None:
        """The next pose while nothing is solved."""
        if self._nominal is not None:
            taken = self.poses_taken()
            self.proposal = first_proposal(
                self._nominal, self.board, taken, self.settings.distances_m, [*self._refused, *taken]
            )
