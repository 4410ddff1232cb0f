"""Progress of long work on the terminal; plain lines where there is none."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any


class Progress:
    """A bar for the task at hand; without a terminal one line every ``every_s`` seconds."""

    def __init__(self, every_s: float = 30.0) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.every_s, self._printed = every_s, 0.0
        self._live = sys.stderr.isatty()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        from rich.console import Console

        self._bar = Bar(*columns, console=Console(stderr=True), disable=not self._live)
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, name: str, done: int, total: int, note: str = "") -> None:
        """``name`` stands at ``done`` of ``total``."""
        if self._live:
            if name not in self._tasks:
                self._tasks[name] = self._bar.add_task(name, total=total, note="")
            self._bar.update(self._tasks[name], completed=done, total=total, note=note)
        elif done >= total or time.monotonic() - self._printed >= self.every_s:
            self._printed = time.monotonic()
            self.say(f"{name}: {done}/{total}{' ' if note else ''}{note}")

    def say(self, line: str) -> None:
        """One line that stays."""
        if self._live:
            self._bar.console.print(line, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)
