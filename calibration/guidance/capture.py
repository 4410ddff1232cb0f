"""The guided capture itself: pictures go in, state and annotated pictures come out. It knows no display."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue

import numpy as np

from rigsight.calibration.boards import Board
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.guidance.drawing import annotate
from rigsight.calibration.guidance.estimate import Estimate, Settings, Snapshot
from rigsight.calibration.guidance.finder import Finder, LiveFinder
from rigsight.calibration.guidance.planner import Planner
from rigsight.calibration.guidance.poses import outline
from rigsight.calibration.guidance.proposal import Proposal, alike
from rigsight.calibration.guidance.state import GuidanceState, Phase
from rigsight.calibration.guidance.stillness import Stillness
from rigsight.calibration.guidance.telling import Present, tell
from rigsight.calibration.pictures import Image
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
        self.finished = False
        self._plan = Planner(board, self.settings)
        self._finder: Finder = finder or LiveFinder(board)
        self._pictures: Mapping[str, Image] = {}
        self._seen: dict[str, Detection | None] = dict.fromkeys(self.settings.names)
        self._stillness = {name: Stillness() for name in self.settings.names}
        self._still_since: int | None = None
        self._unseen_since: int | None = None
        self._notice = ""
        self._taken = self._count = 0
        self._requests: SimpleQueue[Callable[[], None]] = SimpleQueue()

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
        self._requests.put(self._plan.refuse)

    def finish(self) -> None:
        """End the capture with what there is."""
        self._requests.put(lambda: setattr(self, "finished", True))

    def close(self) -> None:
        """Wait for a running solution and let its thread go."""
        self._plan.close()

    @property
    def snapshots(self) -> list[Snapshot]:
        """The views taken so far."""
        return self._plan.snapshots

    @property
    def estimate(self) -> Estimate | None:
        """What they say; None before the first solution."""
        return self._plan.estimate

    @property
    def proposal(self) -> Proposal | None:
        """Where the board is wanted next."""
        return self._plan.proposal

    @property
    def rig(self) -> State | None:
        """The rig as far as it is known: solved, else a guess; None before the first pictures."""
        return self._plan.rig

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
            last = self.snapshots[-1]
            self._pictures = last.pictures
            self._plan.guess_rig(last.pictures, last.seen)
            self._plan.views_changed()
        return len(self.snapshots) - before

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
        if self.rig is None:
            self._plan.guess_rig(pictures, {})
        self._plan.poll()
        self._answer_requests()
        self._refuse_the_unseen(stamp_ns)
        still = all(its.still for its in self._stillness.values())
        self._still_since = None if not still else self._still_since or stamp_ns
        if still and self.settings.automatic and self.phase != "done" and self._worth_taking(stamp_ns):
            self._take("the board is lost")
        return self.state()

    def rest(self) -> None:
        """Answer requests and finished solutions without new pictures."""
        self._plan.poll()
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
            if self.proposal is not None and self.rig is not None and self.phase not in ("done", "ended"):
                ghost = outline(self.rig, index, self.board, self.proposal.pose)
            views = [shot.seen[name] for shot in self.snapshots]
            drawn[name] = annotate(
                self._pictures[name], self._seen[name], ghost, self._stillness[name].still, views
            )
        return drawn

    def state(self) -> GuidanceState:
        """What there is to show."""
        return tell(self._plan, Present(self.phase, self._seen, self._stillness, self._notice, self._count))

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
        pose = self._plan.pose_of(self._seen)
        if pose is None or self._plan.solving or self._still_since is None:
            return False
        patient = stamp_ns - self._still_since >= PATIENCE_NS
        known = self._plan.poses_taken()
        # A proposal is never like a view that was taken: whoever arrives there has something new.
        move = self._plan.move_from(pose)
        if move is not None and move.arrived:
            return True
        if self.estimate is None:
            return patient and not any(alike(pose, other) for other in known)
        if known and alike(pose, known[-1]):
            return False
        wanted = (WORTH_AFTER_PATIENCE if patient else WORTH) * self.estimate.best_gain()
        return self.estimate.gain(pose, self.board) >= wanted

    def _refuse_the_unseen(self, stamp_ns: int) -> None:
        """A pose that the operator reached and that one camera does not see is worth no waiting."""
        held = [name for name in self.settings.names if self._stillness[name].still]
        lost = [name for name in self.settings.names if self._seen[name] is None]
        pose = self._plan.pose_of(self._seen) if held and lost else None
        move = None if pose is None else self._plan.move_from(pose)
        if move is None or not move.arrived:
            self._unseen_since = None
        elif self._unseen_since is None:
            self._unseen_since = stamp_ns
        elif stamp_ns - self._unseen_since > UNSEEN_NS:
            self._unseen_since = None
            self._plan.refuse()

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
            self._plan.guess_rig(pictures, seen)
        self._plan.views_changed()

    def _forget(self, name: str) -> None:
        kept = [shot for shot in self.snapshots if shot.name != name]
        if len(kept) < len(self.snapshots):
            self._plan.snapshots = kept
            self._plan.views_changed()
