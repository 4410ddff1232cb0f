"""The guided capture itself: pictures go in, state and annotated pictures come out. It knows no display."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from queue import Empty, SimpleQueue

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.guidance import words
from rigsight.calibration.guidance.coverage import coverage
from rigsight.calibration.guidance.drawing import annotate
from rigsight.calibration.guidance.estimate import Estimate, Settings, Snapshot, solve
from rigsight.calibration.guidance.finder import Finder, LiveFinder
from rigsight.calibration.guidance.poses import outline
from rigsight.calibration.guidance.proposal import (
    Proposal,
    alike,
    best_proposal,
    first_proposal,
    nominal_camera,
    nominal_rig,
)
from rigsight.calibration.guidance.state import CameraState, GuidanceState, Phase, SnapshotState
from rigsight.calibration.guidance.stillness import Stillness
from rigsight.calibration.pictures import Image
from rigsight.calibration.rig import Camera
from rigsight.calibration.solve.camera import FEWEST_VIEWS, rms
from rigsight.calibration.solve.first_guess import board_pose
from rigsight.calibration.solve.state import State

# A view is worth taking when it lowers the error by this part of what the proposed one would, in logarithms;
# who holds still for longer means it.
WORTH, WORTH_AFTER_PATIENCE = 0.6, 0.25
PATIENCE_NS = 2_000_000_000
UNSEEN_NS = 1_000_000_000


class GuidedCapture:
    """Leads somebody with a board to a good calibration in few views.

    Call :meth:`step` with every pair of pictures from one thread; the requests (:meth:`snap`,
    :meth:`undo`, …) may come from others and take effect in the next step.
    """

    def __init__(self, board: Board, settings: Settings | None = None, finder: Finder | None = None) -> None:
        """``finder`` looks for the board in the pictures, a :class:`LiveFinder` by default."""
        self.board, self.settings = board, settings or Settings()
        self.snapshots: list[Snapshot] = []
        self.estimate: Estimate | None = None
        self.finished = False
        self._finder: Finder = finder or LiveFinder(board)
        self._pictures: Mapping[str, Image] = {}
        self._seen: dict[str, Detection | None] = dict.fromkeys(self.settings.names)
        self._stillness = {name: Stillness() for name in self.settings.names}
        self._still_since: int | None = None
        self._unseen_since: int | None = None
        self._proposal: Proposal | None = None
        self._refused: list[Float64] = []
        self._nominal: State | None = None
        self._history: list[tuple[int, float]] = []
        self._problem = ""
        self._notice = ""
        self._taken = self._count = 0
        self._requests: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._executor = ThreadPoolExecutor(1, "solve") if self.settings.background else None
        self._job: Future[Estimate] | None = None
        self._stale = False

    def snap(self) -> None:
        """Take the present view, whatever it is worth."""
        self._requests.put(lambda: self._take("the board is not seen by both cameras"))

    def undo(self) -> None:
        """Forget the last view."""
        self._requests.put(lambda: self._forget(self.snapshots[-1].name) if self.snapshots else None)

    def delete(self, name: str) -> None:
        """Forget a view; unknown names are ignored."""
        self._requests.put(lambda: self._forget(name))

    def skip(self) -> None:
        """Propose another pose: the operator cannot reach this one."""
        self._requests.put(self._refuse)

    def finish(self) -> None:
        """End the capture with what there is."""
        self._requests.put(lambda: setattr(self, "finished", True))

    def close(self) -> None:
        """Wait for a running solution and let its thread go."""
        if self._executor is not None:
            self._executor.shutdown(wait=True)
            self._poll()

    @property
    def proposal(self) -> Proposal | None:
        """Where the board is wanted next."""
        return self._proposal

    @property
    def rig(self) -> State | None:
        """The rig as far as it is known: solved, else a guess; None before the first pictures."""
        return self.estimate.rig if self.estimate is not None else self._nominal

    def step(self, pictures: Mapping[str, Image], stamp_ns: int) -> GuidanceState:
        """Take the pictures of one instant, uint8 or uint16 [H,W] or [H,W,3], and say what to do.

        Args:
            pictures: of both cameras, by name.
            stamp_ns: when they were taken; differences count.
        """
        self._count += 1
        self._pictures = pictures
        for name, picture in pictures.items():
            self._seen[name] = self._finder.follow(name, picture)
            self._stillness[name].add(self._seen[name], stamp_ns)
        self._stamp_ns = stamp_ns
        if self._nominal is None:
            self._guess_rig({})
        self._poll()
        self._answer_requests()
        self._refuse_the_unseen(stamp_ns)
        still = all(its.still for its in self._stillness.values())
        self._still_since = None if not still else self._still_since or stamp_ns
        if still and self.settings.automatic and self.phase != "done" and self._worth_taking(stamp_ns):
            self._take("the board is lost")
        return self.state()

    def rest(self) -> None:
        """Answer requests and finished solutions without new pictures."""
        self._poll()
        self._answer_requests()

    @property
    def phase(self) -> Phase:
        """Where the capture stands."""
        if self.finished:
            return "ended"
        if self.estimate is None:
            return "first views"
        return "done" if self.estimate.good_enough(self.settings.target_px) else "improving"

    def annotated(self) -> dict[str, Image]:
        """The last pictures with the board's points and the outline of the next pose, uint8 [H,W,3] RGB."""
        drawn = {}
        for index, name in enumerate(self.settings.names):
            if name not in self._pictures:
                continue
            ghost = None
            if self._proposal is not None and self.rig is not None and self.phase not in ("done", "ended"):
                ghost = outline(self.rig, index, self.board, self._proposal.pose)
            views = [shot.seen[name] for shot in self.snapshots]
            drawn[name] = annotate(
                self._pictures[name], self._seen[name], ghost, self._stillness[name].still, views
            )
        return drawn

    # What follows runs inside step().

    def _answer_requests(self) -> None:
        while True:
            try:
                request = self._requests.get_nowait()
            except Empty:
                return
            request()

    def _worth_taking(self, stamp_ns: int) -> bool:
        """Whether the present view, held still, is worth a snapshot."""
        pose = self._pose()
        if pose is None or self._job is not None or self._still_since is None:
            return False
        patient = stamp_ns - self._still_since >= PATIENCE_NS
        known = [pose_of for shot in self.snapshots if (pose_of := self._pose(shot.seen)) is not None]
        if self.estimate is None:
            arrived = self._proposal is not None and self._move(pose).arrived
            # A proposal is never like a view that was taken: whoever arrives there has something new.
            return arrived or (patient and not any(alike(pose, other) for other in known))
        if self._proposal is not None and self._move(pose).arrived:
            return True
        if known and alike(pose, known[-1]):
            return False
        wanted = (WORTH_AFTER_PATIENCE if patient else WORTH) * self.estimate.best_gain()
        return self.estimate.gain(pose, self.board) >= wanted

    def _pose(self, seen: Mapping[str, Detection | None] | None = None) -> Float64 | None:
        """T_reference_board of what was seen, by default now; by the reference camera if it saw the board."""
        seen = self._seen if seen is None else seen
        for index, name in enumerate(self.settings.names):
            detection = seen[name]
            if detection is not None and self.rig is not None:
                pose = board_pose(detection, self.board, self.rig.cameras[index])
                back: Float64 = np.linalg.inv(self.rig.extrinsics[index]) @ pose
                return back
        return None

    def _refuse_the_unseen(self, stamp_ns: int) -> None:
        """A pose that the operator reached and that one camera does not see is worth no waiting."""
        held = [name for name in self.settings.names if self._stillness[name].still]
        lost = [name for name in self.settings.names if self._seen[name] is None]
        pose = self._pose() if held and lost else None
        if pose is None or self._proposal is None or not self._move(pose).arrived:
            self._unseen_since = None
        elif self._unseen_since is None:
            self._unseen_since = stamp_ns
        elif stamp_ns - self._unseen_since > UNSEEN_NS:
            self._unseen_since = None
            self._refuse()

    def _move(self, pose: Float64) -> words.Move:
        assert self._proposal is not None
        return words.move_between(pose, self._proposal.pose, self.board)

    def _take(self, reason: str) -> None:
        seen: dict[str, Detection] = {}
        for name in self.settings.names:
            # Not the tracked points: the same pictures must give the same calibration later.
            found = None if self._seen[name] is None else self._finder.search(self._pictures[name])
            if found is None:
                self._notice = f"No view taken: {reason}"
                return
            seen[name] = found
        self._taken += 1
        pictures = {name: np.array(self._pictures[name]) for name in self.settings.names}
        self.snapshots.append(Snapshot(f"{self._taken:03d}", self._stamp_ns, pictures, seen))
        self._notice = ""
        if self.estimate is None:
            self._guess_rig(seen)
        self._views_changed()

    def resume(self, views: Mapping[str, Mapping[str, Image]]) -> int:
        """Begin with views of an earlier capture: name -> camera -> picture. Returns how many are of use."""
        before = len(self.snapshots)
        for view, pictures in views.items():
            found = {name: self._finder.search(pictures[name]) for name in self.settings.names}
            seen = {camera: detection for camera, detection in found.items() if detection is not None}
            if len(seen) == len(found):
                self.snapshots.append(Snapshot(view, 0, pictures, seen))
                self._taken = max(self._taken, int(view) if view.isdecimal() else 0)
        if self.snapshots:
            self._pictures = self.snapshots[-1].pictures
            self._guess_rig(self.snapshots[-1].seen)
            self._views_changed()
        return len(self.snapshots) - before

    def _forget(self, name: str) -> None:
        kept = [shot for shot in self.snapshots if shot.name != name]
        if len(kept) < len(self.snapshots):
            self.snapshots = kept
            self._views_changed()

    def _refuse(self) -> None:
        if self._proposal is None:
            return
        self._refused.append(self._proposal.pose)
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
        self._proposal = proposal

    def _guess_rig(self, seen: Mapping[str, Detection]) -> None:
        """Nominal lenses, and a relative pose from what both cameras saw at once."""
        settings = self.settings
        cameras: dict[str, Camera] = {}
        for name, spectrum, model, hfov in zip(
            settings.names, settings.spectra, settings.models, settings.hfov_deg, strict=True
        ):
            height, width = self._pictures[name].shape[:2]
            cameras[name] = nominal_camera((width, height), spectrum, model, hfov)
        transforms = {}
        if seen:
            first, second = (board_pose(seen[name], self.board, cameras[name]) for name in settings.names)
            transforms[settings.names[1]] = second @ np.linalg.inv(first)
        self._nominal = nominal_rig(cameras, transforms)
        self._propose_first()

    def _propose_first(self) -> None:
        if self._nominal is not None:
            found = [self._pose(shot.seen) for shot in self.snapshots]
            taken = [pose for pose in found if pose is not None]
            self._proposal = first_proposal(
                self._nominal,
                self.board,
                taken,
                self.settings.distances_m,
                [*self._refused, *taken],
            )

    def _views_changed(self) -> None:
        if len(self.snapshots) < FEWEST_VIEWS:
            self.estimate, self._problem = None, ""
            self._propose_first()
            return
        if self._executor is None:
            done: Future[Estimate] = Future()
            try:
                done.set_result(solve(list(self.snapshots), self.board, self.settings, self._refused))
            except (RigsightError, np.linalg.LinAlgError) as error:
                done.set_exception(error)
            self._job = done
            self._poll()
        elif self._job is None:
            self._job = self._executor.submit(
                solve, list(self.snapshots), self.board, self.settings, list(self._refused)
            )
        else:
            self._stale = True

    def _poll(self) -> None:
        if self._job is None or not self._job.done():
            return
        job, self._job = self._job, None
        if self._stale:
            self._stale = False
            self._views_changed()
            return
        try:
            self.estimate, self._problem = job.result(), ""
        except (RigsightError, np.linalg.LinAlgError) as error:
            # What was known before no longer holds with this view: go on as before a solution.
            self.estimate = None
            self._problem = error.line() if isinstance(error, RigsightError) else "the views determine no rig"
            self._propose_first()
            return
        self._proposal = self.estimate.proposal
        if self._proposal is None:
            self._problem = "no further pose is seen by both cameras"
        self._history.append((len(self.snapshots), self.estimate.worst.bound_px))

    def state(self) -> GuidanceState:
        """What there is to show."""
        estimate, settings = self.estimate, self.settings
        instruction, mirrored, detail = self._words()
        bound = None if estimate is None else estimate.worst.bound_px
        expected = None
        if estimate is not None and bound is not None and estimate.proposal is not None:
            expected = bound * float(np.exp(-estimate.best_gain()))
        return GuidanceState(
            phase=self.phase,
            instruction=instruction,
            mirrored=mirrored,
            detail=detail,
            hold=min(its.held for its in self._stillness.values()),
            error_px=bound,
            expected_px=expected,
            target_px=settings.target_px,
            progress=self._progress(bound),
            distances_m=settings.distances_m,
            errors=()
            if estimate is None
            else tuple(
                (e.distance_m, e.low_px, e.rms_px, e.bound_px) for e in estimate.calibration.alignment
            ),
            history=tuple(self._history),
            held_out=None if estimate is None else estimate.held_out,
            solving=self._job is not None,
            problem=self._problem,
            views=self._views(),
            cameras=tuple(self._camera(name) for name in settings.names),
            count=self._count,
        )

    def _progress(self, bound: float | None) -> float:
        if bound is None:
            return 0.0
        first = max(error for _, error in self._history)
        if self.phase == "done":
            return 1.0
        if bound <= self.settings.target_px:
            return 0.97  # the held-out error has to confirm it
        way = np.log(first / bound) / np.log(first / self.settings.target_px)
        return float(np.clip(way, 0, 0.97))

    def _camera(self, name: str) -> CameraState:
        its = self._stillness[name]
        drift = its.drift_px
        return CameraState(
            name=name,
            found=self._seen[name] is not None,
            still=its.still,
            drift_px=drift if np.isfinite(drift) else None,
            coverage=coverage(shot.seen[name] for shot in self.snapshots),
        )

    def _views(self) -> tuple[SnapshotState, ...]:
        known = None if self.estimate is None else self.estimate.calibration
        states = []
        for shot in self.snapshots:
            off = None if known is None else known.residuals.get(shot.name)
            note = "" if known is None else known.views_rejected.get(shot.name, "")
            states.append(SnapshotState(shot.name, None if not off else rms(*off.values()), note))
        return tuple(states)

    def _words(self) -> tuple[str, str, str]:
        """Instruction, the same for mirrored pictures, and a second line."""
        names = self.settings.names
        if self.phase == "ended":
            return ("Finished",) * 2 + ("",)
        if self.phase == "done":
            return ("Done",) * 2 + ("The error stays below the target. Finish, or go on taking views.",)
        missing = [name for name in names if self._seen[name] is None]
        left = FEWEST_VIEWS - len(self.snapshots)
        detail = self._notice or self._problem
        if not detail and self.estimate is None and left > 0:
            detail = f"{left} more view{'s' * (left > 1)} until the first solution"
        if (
            not detail
            and self.estimate is not None
            and self.estimate.worst.bound_px <= self.settings.target_px
        ):
            detail = "The target is reached; a further view or two must confirm it"
        if len(missing) == len(names):
            return (words.SHOW,) * 2 + (detail,)
        if self._job is not None:
            return ("View taken",) * 2 + ("Computing; go on to the next pose when it shows",)
        pose = self._pose()
        if pose is None or self._proposal is None:
            return ("Hold the board in another way",) * 2 + (detail,)
        move = self._move(pose)
        if missing:
            unseen = f"{missing[0].capitalize()} does not see the whole board"
            return (
                (unseen, unseen, detail) if move.arrived else (move.text(), move.text(mirrored=True), unseen)
            )
        return move.text(), move.text(mirrored=True), detail
