"""Errors for people: a code, what is wrong, where, and what to do.

Each room declares its codes in ``<room>/codes.py`` with :func:`define`; together they are the one
registry behind ``docs/errors.md``. Raise one by calling it::

    raise codes.RIG_NOT_A_ROTATION("determinant is -1.000", where=path)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

USER_INPUT = 2
ENVIRONMENT = 1


class RigsightError(Exception):
    """One line that a user can act on.

    Attributes:
        code: ``CAL-001`` and the like; a heading in ``docs/errors.md``.
        what: what is wrong, in this case.
        where: file, camera, option or None.
        fix: what to do about it.
        exit_code: 2 when the user's input is at fault, 1 when the environment is.
    """

    def __init__(self, code: str, what: str, where: str | None, fix: str, exit_code: int) -> None:
        self.code, self.what, self.where, self.fix, self.exit_code = code, what, where, fix, exit_code
        super().__init__(self.line())

    def line(self) -> str:
        """The whole message on one line, whatever its parts contained."""
        place = f" [{self.where}]" if self.where else ""
        return " ".join(f"{self.code}: {self.what}{place}. {self.fix}".split())


@dataclass(frozen=True)
class ErrorCode:
    """A registered code; calling it makes the error to raise."""

    code: str
    title: str
    remedy: str
    exit_code: int = USER_INPUT

    def __call__(
        self, what: str, *, where: str | Path | None = None, fix: str | None = None
    ) -> RigsightError:
        """Make the error: ``what`` went wrong, ``where``, and a ``fix`` more exact than the remedy."""
        place = None if where is None else str(where)
        return RigsightError(self.code, what.rstrip("."), place, fix or self.remedy, self.exit_code)


_registry: dict[str, ErrorCode] = {}


def define(code: str, title: str, remedy: str, exit_code: int = USER_INPUT) -> ErrorCode:
    """Register a code. Raises ValueError when the code is taken."""
    if code in _registry:
        raise ValueError(f"error code {code} is defined twice")
    _registry[code] = ErrorCode(code, title, remedy, exit_code)
    return _registry[code]


def registered() -> list[ErrorCode]:
    """All codes defined by the modules imported so far, sorted."""
    return [_registry[code] for code in sorted(_registry)]
