"""What a case of the corpus is, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from good_set import GoodSet

Words = list[str]
Build = Callable[[GoodSet, Path], Words]


@dataclass(frozen=True)
class Refused:
    """Exit code other than 0 and one line on standard error: this code, and these words (a pattern)."""

    code: str
    says: str = ""


@dataclass(frozen=True)
class Unusable:
    """The verdict is "not usable" with these words (CAL-007), or the run is refused with one of ``codes``."""

    says: str = ""
    codes: tuple[str, ...] = ("CAL-007",)


@dataclass(frozen=True)
class Honest:
    """Accepted or not: what is accepted states an error at 10 m that the true one stays within."""


@dataclass(frozen=True)
class Works:
    """Calibrates; the views in ``rejected`` are listed with these words (patterns), and no others are.

    The order of the points is repaired in the views ``reordered``. The rig must align pictures at 10 m to
    within ``error_px`` of the truth, root mean square.
    """

    rejected: dict[str, str] = field(default_factory=dict)
    error_px: float = 0.6
    reordered: tuple[str, ...] = ()


Outcome = Refused | Unusable | Honest | Works


@dataclass(frozen=True)
class Case:
    """One input: ``build`` writes it into a folder and answers the words after ``rigsight``."""

    name: str
    outcome: Outcome
    build: Build


CASES: dict[str, Case] = {}


def case(outcome: Outcome) -> Callable[[Build], Build]:
    """Enter a function into the corpus under its own name."""

    def enter(build: Build) -> Build:
        CASES[build.__name__] = Case(build.__name__, outcome, build)
        return build

    return enter
