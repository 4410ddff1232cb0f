"""``rigsight calibrate --live``: a source with both cameras, somebody with a board, and what to do next."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigsight import __version__
from rigsight.cli.calibrate_live_feeds import Feed, SimulatedFeed, SourceFeed
from rigsight.cli.calibrate_live_terminal import Terminal

if TYPE_CHECKING:
    from rigsight.calibration.boards import Board
    from rigsight.calibration.guidance.capture import GuidedCapture
    from rigsight.calibration.guidance.keep import Kept
    from rigsight.calibration.result import Calibration
    from rigsight.edge.web.guided import CapturePage

Pictures = dict[str, dict[str, Any]]

DEFAULT_PORT = 8420
TARGET_PX = 0.3
MOST_VIEWS = 40
SIMULATED_DEADLINE_S = 5.0
LAST_WORD_S = 1.0  # for the page to hear how it ended


@dataclass(frozen=True)
class LiveOptions:
    """What the command line says about a live capture.

    Attributes:
        distance_m: of the rig's reference plane.
        distances_m: where the target must be reached; ``target_px`` with 95 % probability.
        judged_m: where the final verdict is asked for, with ``tolerance_px``.
        models: of the lenses, reference first.
        hfov_deg: rough fields of view, for planning the first views.
        bend: estimate the board's bend in the final solution.
        keep: folder for the views.
        port: of the page at ``host``, None for no page.
        shown: print progress.
        most_views: end after so many, target or not.
    """

    distance_m: float = 10.0
    distances_m: tuple[float, ...] = (10.0,)
    judged_m: tuple[float, ...] = (10.0,)
    target_px: float = TARGET_PX
    tolerance_px: float = 1.0
    models: tuple[Any, Any] = ("pinhole-radtan", "pinhole-radtan")
    hfov_deg: tuple[float, float] = (55.0, 55.0)
    bend: bool = False
    keep: Path | None = None
    host: str = "127.0.0.1"
    port: int | None = DEFAULT_PORT
    shown: bool = True
    most_views: int = MOST_VIEWS


def capture(source: str, board: Board, options: LiveOptions | None = None) -> tuple[Calibration, Pictures]:
    """Lead the operator until the target is reached, the source ends or somebody finishes.

    Args:
        source: URI with both cameras; ``sim:`` brings an operator of its own.
        board: what is held.
        options: see there.

    Returns:
        the calibration from the views taken, and view -> camera -> picture.

    Raises:
        RigsightError: CAL-050 a camera is missing, CAL-051 too few views when the pictures ended, CAL-052 and
            CAL-053, WEB-001, WEB-002, SRC-… of the source, and the solver's.
        KeyboardInterrupt: Ctrl-C; the views in ``keep`` stay.
    """
    from rigsight.calibration.guidance.capture import GuidedCapture
    from rigsight.calibration.guidance.estimate import Settings
    from rigsight.calibration.guidance.finder import LiveFinder
    from rigsight.edge.pipeline.signals import StopSignals

    options = options or LiveOptions()
    simulated = source.partition(":")[0] == "sim"
    settings = Settings(
        distances_m=options.distances_m,
        target_px=options.target_px,
        models=options.models,
        hfov_deg=options.hfov_deg,
        background=not simulated,  # simulated time stands still while the solver works
    )
    feed: Feed = SimulatedFeed(source, board) if simulated else SourceFeed(source)
    # Simulated pictures wait until they were looked at.
    finder = LiveFinder(board, SIMULATED_DEADLINE_S) if simulated else LiveFinder(board)
    session = _Session(GuidedCapture(board, settings, finder), options)
    try:
        with StopSignals(session.interrupt), session.terminal:
            session.run(feed)
    finally:
        feed.close()
        session.capture.close()
        session.close()
    if session.interrupted:
        raise KeyboardInterrupt
    return session.result()


class _Session:
    """One capture with its page, terminal and folder."""

    def __init__(self, capture: GuidedCapture, options: LiveOptions) -> None:
        self.capture, self.options = capture, options
        self.interrupted = False
        self.page: CapturePage | None = None
        self.kept: Kept | None = _kept(options.keep, capture)
        if options.port is not None:
            from rigsight.edge.web.guided import CapturePage

            self.page = CapturePage(capture, options.host, options.port)
        self.terminal = Terminal(options.shown, self.page.url if self.page else None)

    def interrupt(self) -> None:
        """Stop after this picture."""
        self.interrupted = True

    def run(self, feed: Feed) -> None:
        """Until the end, for whatever reason."""
        for pictures, stamp_ns in feed.pairs():
            state = self.capture.step(pictures, stamp_ns)
            feed.follow(self.capture)
            if self.kept is not None:
                self.kept.follow(self.capture.snapshots)
            if self.page is not None:
                self.page.show()
            self.terminal.show(state)
            enough = (
                state.phase in ("done", "ended") or len(self.capture.snapshots) >= self.options.most_views
            )
            if self.interrupted or enough:
                break
        self.capture.finish()
        self.capture.rest()

    def result(self) -> tuple[Calibration, Pictures]:
        """The calibration from the views taken, as ``rigsight calibrate`` makes it from the kept ones."""
        from rigsight.calibration.from_detections import solve_detected
        from rigsight.calibration.guidance.estimate import setups_of
        from rigsight.calibration.rig import Plane, Provenance
        from rigsight.calibration.solve.camera import FEWEST_VIEWS
        from rigsight.edge import codes

        shots, settings, options = self.capture.snapshots, self.capture.settings, self.options
        if len(shots) < FEWEST_VIEWS:
            raise codes.LIVE_ENDED(f"{len(shots)} views were taken, {FEWEST_VIEWS} are the least")
        calibration = solve_detected(
            {name: {shot.name: shot.seen[name] for shot in shots} for name in settings.names},
            [shot.name for shot in shots],
            self.capture.board,
            setups_of(settings),
            surface=Plane(distance_m=options.distance_m),
            bend=options.bend,
            distances_m=options.judged_m,
            tolerance_px=options.tolerance_px,
            provenance=Provenance(tool_version=__version__, command="rigsight calibrate --live"),
        )
        return calibration, {shot.name: dict(shot.pictures) for shot in shots}

    def close(self) -> None:
        """Tell the page how it ended, and end it."""
        if self.page is None:
            return
        count = len(self.capture.snapshots)
        where = f", kept in {self.options.keep}" if self.options.keep else ""
        self.page.show(f"{count} view{'s' * (count != 1)}{where}. The rest is printed in the terminal.")
        time.sleep(LAST_WORD_S)
        self.page.close()


def _kept(folder: Path | None, capture: GuidedCapture) -> Kept | None:
    """The folder for the views; what an earlier capture left there is taken up."""
    if folder is None:
        return None
    from rigsight.calibration.guidance.keep import Kept
    from rigsight.edge import codes

    others = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    strange = sorted(set(others) - set(capture.settings.names))
    if strange:
        raise codes.LIVE_KEEP(f"'{strange[0]}' is not of a guided capture", where=folder)
    kept = Kept(folder, capture.settings.names)
    capture.resume(kept.load())
    return kept
