"""Progress of a live capture in the terminal."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rigsight.calibration.guidance.state import GuidanceState

LINE_EVERY_S = 2.0  # at most, where the terminal is none


@dataclass
class Terminal:
    """Progress on standard error: a panel that renews itself, or lines where that is no terminal."""

    shown: bool
    url: str | None
    _panel: Any = None
    _last: tuple[Any, ...] = ()
    _next_s: float = 0.0

    def __enter__(self) -> Terminal:
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
