"""Which pictures show the same place: they go into one split together, or validation tells a tale."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Grouping = Callable[[Sequence[str]], list[list[str]]]


def each(stems: Sequence[str]) -> list[list[str]]:
    """Every picture by itself."""
    return [[stem] for stem in stems]


def prefix(stems: Sequence[str]) -> list[list[str]]:
    """Crops of one picture: stems that differ in a last ``-number`` or ``_number`` alone.

    >>> prefix(["11116", "11116-1", "11116-2", "11117"])
    [['11116', '11116-1', '11116-2'], ['11117']]
    """
    groups: dict[str, list[str]] = {}
    for stem in stems:
        groups.setdefault(re.sub(r"[-_]\d+$", "", stem), []).append(stem)
    return list(groups.values())


def runs(gap: int) -> Grouping:
    """Tiles or frames numbered in order: a new group where the last number jumps by more than ``gap``.

    >>> runs(2)(["s9", "s10", "s12", "s15", "t16"])
    [['s9', 's10', 's12'], ['s15'], ['t16']]
    """

    def group(stems: Sequence[str]) -> list[list[str]]:
        numbered = sorted((_numbered(stem), stem) for stem in stems)
        groups: list[list[str]] = []
        before: tuple[str, int] | None = None
        for (text, number), stem in numbered:
            if before is None or text != before[0] or number - before[1] > gap:
                groups.append([])
            groups[-1].append(stem)
            before = (text, number)
        return groups

    return group


def by_pattern(pattern: str) -> Grouping:
    """Stems with the same match of a regular expression (its first group, if it has one)."""
    wanted = re.compile(pattern)

    def group(stems: Sequence[str]) -> list[list[str]]:
        groups: dict[str, list[str]] = {}
        for stem in stems:
            match = wanted.search(stem)
            key = stem if match is None else (match.group(1) if wanted.groups else match.group(0))
            groups.setdefault(key, []).append(stem)
        return list(groups.values())

    return group


def _numbered(stem: str) -> tuple[str, int]:
    match = re.search(r"(\d+)(?=\D*$)", stem)
    return (
        (stem, 0)
        if match is None
        else (stem[: match.start()] + "#" + stem[match.end() :], int(match.group()))
    )
