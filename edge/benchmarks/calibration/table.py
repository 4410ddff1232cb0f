"""A figure beside its goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One measured value.

    Attributes:
        name: what was measured, with its conditions.
        value: in ``unit``.
        unit: such as ``px``, ``%`` or ``ms``; empty for counts.
        goal: what it should reach, None where it only informs.
        better: on which side of the goal it should lie.
    """

    name: str
    value: float
    unit: str = ""
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one.

        >>> Figure("found", 99.5, "%", goal=99, better="higher").met
        True
        """
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal
