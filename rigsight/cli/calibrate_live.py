"""``rigsight calibrate --live``: a source with both cameras, somebody with a board, and what to do next."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigsight import __version__

if TYPE_CHECKING:
    from rigsight.calibration.boards import Board
    from rigsight.calibration.guidance.capture import GuidedCapture
    from rigsight.calibration.guidance.keep import Kept
    from rigsight.calibration.guidance.state import GuidanceState
    from rigsight.calibration.result import Calibration
    from rigsight.edge.web.guided import CapturePage

Pictures = dict[str, dict[str, Any]]

DEFAULT_PORT = 8420
TARGET_PX = 0.3
MOST_VIEWS = 40
SIMULATED_DEADLINE_S = 5.0
LAST_WORD_S = 1.0  # for the page to hear how it ended
LINE_EVERY_S = 2.0  # at most, where the terminal is none


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
    feed: _Feed = _SimulatedFeed(source, board) if simulated else _SourceFeed(source)
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
        self.terminal = _Terminal(options.shown, self.page.url if self.page else None)

    def interrupt(self) -> None:
        """Stop after this picture."""
        self.interrupted = True

    def run(self, feed: _Feed) -> None:
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


class _Feed:
    """Pairs of pictures in time, and who looks at the guidance."""

    def pairs(self) -> Iterator[tuple[Mapping[str, Any], int]]:
        """Pictures by camera, and their stamp."""
        raise NotImplementedError

    def follow(self, capture: GuidedCapture) -> None:
        """After every step; people look for themselves."""

    def close(self) -> None:
        """Let go of devices."""


class _SimulatedFeed(_Feed):
    """The simulated rig and its operator."""

    def __init__(self, source: str, board: Board) -> None:
        from rigsight.edge.simulation.operator import OperatorSource
        from rigsight.edge.sources.sim import SimSource
        from rigsight.edge.sources.uri import parse_uri

        self._operator = OperatorSource(SimSource.from_uri(parse_uri(source, ["sim"])).simulated, board)

    def pairs(self) -> Iterator[tuple[Mapping[str, Any], int]]:
        yield from self._operator.pairs()

    def follow(self, capture: GuidedCapture) -> None:
        from rigsight.calibration.guidance.poses import outline

        if capture.proposal is not None and capture.rig is not None:
            self._operator.follow(outline(capture.rig, 0, capture.board, capture.proposal.pose))


class _SourceFeed(_Feed):
    """Cameras or files. In live pace pictures are shown when they are due, and late ones are left out."""

    def __init__(self, source: str) -> None:
        from rigsight.edge import codes
        from rigsight.edge.pairing import Pairer
        from rigsight.edge.sources.base import ROLES, open_source

        self._source = open_source(source)
        missing = [role for role in ROLES if role not in self._source.cameras]
        if missing:
            self._source.close()
            raise codes.LIVE_CAMERAS(f"there is no {missing[0]} camera", where=source)
        self._pairer = Pairer(self._source)

    def pairs(self) -> Iterator[tuple[Mapping[str, Any], int]]:
        from rigsight.edge.pairing import frame_sets

        began: tuple[float, int] | None = None
        for frames in frame_sets(self._source, self._pairer):
            try:
                if frames.missing:
                    continue
                if self._source.live:
                    began = began or (time.monotonic(), frames.captured_ns)
                    due = began[0] + (frames.captured_ns - began[1]) / 1e9 - time.monotonic()
                    if due < -0.1:
                        continue
                    time.sleep(max(due, 0.0))
                yield {role: frame.data for role, frame in frames.frames.items()}, frames.captured_ns
            finally:
                frames.release()

    def close(self) -> None:
        self._source.close()


@dataclass
class _Terminal:
    """Progress on standard error: a panel that renews itself, or lines where that is no terminal."""

    shown: bool
    url: str | None
    _panel: Any = None
    _last: tuple[Any, ...] = ()
    _next_s: float = field(default=0.0)

    def __enter__(self) -> _Terminal:
        if not self.shown:
            return self
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        if self.url:
            console.print(f"guided capture: {self.url}", highlight=False, soft_wrap=True)
        if console.is_terminal:
            self._panel = Live(console=console, refresh_per_second=8, transient=True)
            self._panel.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._panel is not None:
            self._panel.stop()

    def show(self, state: GuidanceState) -> None:
        """The state after a step."""
        if self._panel is not None:
            self._panel.update(panel(state))
        elif self.shown:
            self._line(state)

    def _line(self, state: GuidanceState) -> None:
        """Every view, and otherwise a changed instruction now and then."""
        views = len(state.views), state.phase, state.error_px
        changed = (*views, state.instruction)
        due = time.monotonic() >= self._next_s
        if changed == self._last or (views == self._last[:3] and not due):
            return
        self._last, self._next_s = changed, time.monotonic() + LINE_EVERY_S
        print(f"{len(state.views):3d} views  {error_text(state):<34} {state.instruction}", file=sys.stderr)


def error_text(state: GuidanceState) -> str:
    """The error against its target."""
    if state.error_px is None:
        return "error not known yet"
    return f"error below {state.error_px:.2f} px, target {state.target_px:g} px"


def panel(state: GuidanceState) -> Any:
    """The same as the page, in a few lines."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    colour = {"done": "green", "ended": "green"}.get(state.phase, "cyan")
    cameras = "   ".join(
        f"{camera.name}: {'held still' if camera.still else 'found' if camera.found else 'not seen'}"
        for camera in state.cameras
    )
    return Panel(
        Group(
            Text(state.instruction, style=f"bold {colour}"),
            Text(state.detail, style="dim"),
            ProgressBar(total=1.0, completed=state.progress),
            Text(f"{error_text(state)} at {', '.join(f'{d:g}' for d in state.distances_m)} m"),
            Text(f"{len(state.views)} views   {cameras}"),
        ),
        title="guided capture",
    )
