"""Source and sink URIs: ``scheme:path?key=value&key=value``, with options that are checked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rigsight.base.errors import ErrorCode
from rigsight.edge import codes

_SECONDS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}


@dataclass(frozen=True)
class Uri:
    """A parsed URI. ``text`` is what the user wrote; ``options`` are still text.

    Who opens it calls :meth:`check` with the options that it knows, then reads them with :meth:`integer`,
    :meth:`number`, :meth:`seconds` and :meth:`choice`. All of them raise RigsightError ``error``, SRC-001
    for sources and sinks.
    """

    scheme: str
    path: str
    options: dict[str, str] = field(default_factory=dict)
    text: str = ""
    error: ErrorCode = codes.BAD_URI

    def check(self, known: Iterable[str]) -> None:
        """Refuse options that are not ``known``, naming the nearest one."""
        known = sorted(known)
        for key in self.options:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
                hint = f"Did you mean '{near[0]}'? " if near else ""
                listed = ", ".join(known) or "none"
                raise self.error(
                    f"'{self.scheme}:' knows no option '{key}'",
                    where=self.text,
                    fix=f"{hint}Its options: {listed}.",
                )

    def integer(self, key: str, default: int, low: int = 0) -> int:
        """A whole number of at least ``low``."""
        text = self.options.get(key)
        if text is None:
            return default
        if not re.fullmatch(r"[+-]?\d{1,18}", text) or int(text) < low:
            raise self.bad(key, f"a whole number of at least {low}")
        return int(text)

    def number(self, key: str, default: float, low: float = 0.0, high: float = float("inf")) -> float:
        """A number between ``low`` and ``high``, both included."""
        text = self.options.get(key)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            limits = f"of at least {low:g}" if high == float("inf") else f"between {low:g} and {high:g}"
            raise self.bad(key, f"a number {limits}")
        return value

    def seconds(self, key: str, default: float) -> float:
        """A duration of zero or more in seconds, written ``0.2``, ``0.2s``, ``5ms`` or ``300us``."""
        text = self.options.get(key)
        if text is None:
            return default
        match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)(s|ms|us|)", text)
        if match is None:
            raise self.bad(key, "a duration such as 5ms or 0.2s")
        return float(match[1]) * _SECONDS[match[2]]

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        """One word of ``allowed``."""
        text = self.options.get(key, default)
        if text not in allowed:
            raise self.bad(key, " or ".join(f"'{word}'" for word in allowed))
        return text

    def bad(self, key: str, expected: str) -> Exception:
        """The error for an option whose value is not what was ``expected``."""
        value = self.options.get(key, "")
        return self.error(f"the option {key}={value} is not {expected}", where=self.text)


def parse_uri(text: str, schemes: Iterable[str], error: ErrorCode = codes.BAD_URI) -> Uri:
    """Split ``scheme:path?key=value&…`` and check the scheme. Raises ``error``, SRC-001 by default.

    >>> parse_uri("sim:street?seed=3&jitter=5ms", ["sim"]).options
    {'seed': '3', 'jitter': '5ms'}
    >>> parse_uri("sim:street?jitter=5ms", ["sim"]).seconds("jitter", 0.0)
    0.005
    """
    schemes = sorted(schemes)
    known = ", ".join(f"{name}:" for name in schemes)
    scheme, colon, rest = text.partition(":")
    if not colon:
        raise error("there is no scheme before a colon", where=text, fix=f"Write one of {known}.")
    if scheme not in schemes:
        near = difflib.get_close_matches(scheme, schemes, n=1)
        hint = f"Did you mean '{near[0]}:'? " if near else ""
        raise error(f"the scheme '{scheme}:' is unknown", where=text, fix=f"{hint}Known: {known}.")
    path, _, query = rest.partition("?")
    if not path:
        raise error(f"nothing stands after '{scheme}:'", where=text)
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if not equals or not key or key in options:
            problem = "is given twice" if key in options else "is not key=value"
            raise error(f"the option '{part}' {problem}", where=text)
        options[key] = value
    return Uri(scheme, path, options, text, error)


def relocated(text: str, folder: str | Path) -> str:
    """The URI with its relative paths taken as relative to ``folder``; only file sources have paths.

    >>> relocated("pairs:rgb,/data/ir?fps=5", "there")
    'pairs:there/rgb,/data/ir?fps=5'
    >>> relocated("sim:street?seed=3", "there")
    'sim:street?seed=3'
    """
    scheme, _, rest = text.partition(":")
    if scheme not in ("pairs", "images", "video", "rjpeg"):
        return text
    path, mark, query = rest.partition("?")
    parts = path.split(",") if scheme == "pairs" else [path]
    return f"{scheme}:{','.join(str(Path(folder) / part) for part in parts)}{mark}{query}"
