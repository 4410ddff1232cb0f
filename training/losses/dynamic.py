"""The dynamic factor that balances fusion and segmentation (SegMiF eq. 8 and 9)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any


def dynamic_factor(rates: Sequence[float], shares: Sequence[float], temperature: float = 2.0) -> list[float]:
    """lambda_i = eta_i K exp(r_i / T) / sum_k exp(r_k / T), r_i = L_i(n-1) / L_i(n-2), K tasks.

    Eq. 9 with the K of dynamic weight average (Liu et al. 2019, eq. 7), which the printed formula lacks.
    A loss that falls more slowly gets more weight, as the formula (not the text) says.

    >>> dynamic_factor([1.0, 1.0], [0.4, 0.8])
    [0.4, 0.8]
    """
    powers = [math.exp(rate / temperature) for rate in rates]
    total = sum(powers)
    return [eta * len(powers) * power / total for eta, power in zip(shares, powers, strict=True)]


class LossRates:
    """r_i from the means of the last two windows of steps (single steps are too noisy); 1 until then."""

    def __init__(self, tasks: int, window: int) -> None:
        self.window = window
        self._running = [0.0] * tasks
        self._steps = 0
        self._means: deque[list[float]] = deque(maxlen=2)

    def add(self, losses: Sequence[float]) -> None:
        """Take one step's losses."""
        self._running = [total + loss for total, loss in zip(self._running, losses, strict=True)]
        self._steps += 1
        if self._steps == self.window:
            self._means.append([total / self.window for total in self._running])
            self._running, self._steps = [0.0] * len(self._running), 0

    def rates(self) -> list[float]:
        """r_i = mean of the last window / mean of the one before."""
        if len(self._means) < 2:
            return [1.0] * len(self._running)
        before, last = self._means
        return [new / old if old > 0 else 1.0 for old, new in zip(before, last, strict=True)]

    def state(self) -> dict[str, list[float] | list[list[float]] | int]:
        """Everything needed to go on, as plain values."""
        return {"running": list(self._running), "steps": self._steps, "means": [list(m) for m in self._means]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self._running, self._steps = list(state["running"]), int(state["steps"])
        self._means = deque((list(m) for m in state["means"]), maxlen=2)
