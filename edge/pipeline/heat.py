"""What gives first when the board is too hot or throttles: the rate, the model, or the run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, monotonic_ns
from typing import Any

from rigsight.edge.board import BoardState, read_board
from rigsight.edge.profile import HeatSettings

PERIOD_S = 1.0
Look = Callable[[], BoardState]
Note = Callable[[str], None]


class HeatGuard:
    """Watches the board once a second, and says what to do.

    Hot is what throttles, or is at ``above_c`` or more; it ends when nothing throttles and all is
    ``hysteresis_c`` below. ``hot_s`` counts the seconds, ``changes`` how often it began.
    """

    def __init__(self, settings: HeatSettings, look: Look | None = None, note: Note = lambda _: None) -> None:
        self.settings, self._look, self._note = settings, look or read_board, note
        self.state = BoardState()
        self.hot = False
        self.changes, self.hot_s = 0, 0.0
        self.highest_c: float | None = None
        self._since: float | None = None
        self._next_ns = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="heat", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching. Stopping twice, or before the start, is harmless."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def skips(self) -> bool:
        """Whether the set that is due now is left out, to keep to the rate of a hot board."""
        if not self.hot or self.settings.gives != "rate":
            return False
        now = monotonic_ns()
        if now < self._next_ns:
            return True
        self._next_ns = max(self._next_ns, now - 1) + round(1e9 / self.settings.rate_hz)
        return False

    @property
    def lighter(self) -> bool:
        """Whether the lighter model is to run."""
        return self.hot and self.settings.gives == "model"

    @property
    def must_stop(self) -> bool:
        """Whether the run is to end."""
        return self.hot and self.settings.gives == "stop"

    def report(self) -> dict[str, Any]:
        """The board now, the highest temperature, and how long it was too hot."""
        hot_s = self.hot_s + (monotonic() - self._since if self._since is not None else 0.0)
        return {
            **self.state.as_json(),
            "highest_c": self.highest_c,
            "times_hot": self.changes,
            "hot_s": round(hot_s, 1),
        }

    def look(self) -> None:
        """Look once; what the thread does every second."""
        self.state = state = self._look()
        hottest = state.hottest_c
        if hottest is not None:
            self.highest_c = max(hottest, self.highest_c if self.highest_c is not None else hottest)
        limit = self.settings.above_c - (self.settings.hysteresis_c if self.hot else 0.0)
        hot = bool(state.throttled) or (hottest is not None and hottest >= limit)
        if hot == self.hot:
            return
        self.hot = hot
        if hot:
            self.changes += 1
            self._since = monotonic()
            why = ", ".join(state.throttled) or f"{hottest:.0f} degrees Celsius"
            self._note(f"the board is hot ({why}): {self._gives()}")
        else:
            if self._since is not None:
                self.hot_s += monotonic() - self._since
            self._since = None
            self._note("the board has cooled down: all as before")

    def _gives(self) -> str:
        return {
            "nothing": "nothing is changed",
            "rate": f"at most {self.settings.rate_hz:g} sets a second from now on",
            "model": "the lighter model runs from now on",
            "stop": "the run ends",
        }[self.settings.gives]

    def _watch(self) -> None:
        while not self._over.is_set():
            self.look()
            self._over.wait(PERIOD_S)
