"""What a layout is: where a data set keeps its files, what its classes are, which splits it prescribes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rigsight.training import codes
from rigsight.training.data.layouts.grouping import Grouping, each
from rigsight.training.data.spec import DatasetClass, Labels, Modality, filled

Splits = dict[str, list[str]]


@dataclass(frozen=True)
class Choices:
    """What the caller may decide where a layout leaves it open; None is the layout's own choice."""

    rgb: str | None = None
    thermal: str | None = None
    masks: str | None = None
    classes: tuple[str, ...] | None = None
    counts: bool = False


@dataclass(frozen=True)
class Found:
    """A data set as a layout finds it in a folder. Patterns are relative to that folder."""

    modalities: dict[Modality, str]
    labels: Labels
    classes: tuple[DatasetClass, ...]
    splits: Splits
    counts: bool = False


class Layout(Protocol):
    """One way to lay a data set out."""

    @property
    def about(self) -> str:
        """A line for people: what it is, and what is expected in the folder."""

    @property
    def licence(self) -> str:
        """Licence of the pictures."""

    @property
    def source(self) -> str:
        """Where they come from."""

    @property
    def grouping(self) -> Grouping:
        """Which pictures must not be parted, because they overlap, as far as names tell."""

    @property
    def overlapping(self) -> bool:
        """Must the pictures themselves be asked which of them overlap?"""

    def find(self, folder: Path, choices: Choices) -> Found:
        """Look into ``folder``.

        Raises:
            RigsightError: DAT-010 where the folder is not laid out so.
        """


@dataclass(frozen=True)
class Files:
    """A layout of plain files: patterns, splits by subfolder or by list file.

    Attributes:
        folders: value of ``{folder}`` -> split; without it the patterns hold ``{stem}`` alone.
        lists: list file -> split; every line begins with a stem or with a path whose stem counts.
        cut: a split by the stem itself, for sets whose official split is a range of numbers.
        anchor: the files whose names are the stems: a modality, or ``labels``.
        left_out: stems that must not be used, for the reason in ``about``.
    """

    about: str
    licence: str
    source: str
    modalities: dict[Modality, str]
    labels: Labels
    classes: tuple[DatasetClass, ...]
    folders: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    cut: tuple[tuple[str, str], ...] = ()
    anchor: str = "rgb"
    grouping: Grouping = each
    overlapping: bool = False
    left_out: frozenset[str] = frozenset()
    counts: bool = False

    def find(self, folder: Path, choices: Choices) -> Found:
        """See :class:`Layout`."""
        splits = self._splits(folder)
        splits = {
            name: kept
            for name, stems in splits.items()
            if (kept := [stem for stem in stems if stem not in self.left_out])
        }
        if not splits:
            places = ", ".join(sorted({self._anchor, *self.lists}))
            raise codes.LAYOUT("no pictures found; expected " + places, where=folder)
        patterns = [p for p in (*self.modalities.values(), self.labels.pattern) if p is not None]
        for stems in splits.values():
            require(folder, patterns, stems)
        return Found(self.modalities, self.labels, self.classes, splits, self.counts)

    @property
    def _anchor(self) -> str:
        if self.anchor == "labels":
            return self.labels.pattern or ""
        return self.modalities["thermal" if self.anchor == "thermal" else "rgb"]

    def _splits(self, folder: Path) -> Splits:
        listed = {split: folder / name for name, split in self.lists.items() if (folder / name).is_file()}
        if listed:
            return {split: listed_stems(path) for split, path in listed.items()}
        if self.folders:
            found: Splits = {}
            for name, split in self.folders.items():
                found.setdefault(split, []).extend(stems_of(folder, self._anchor, name))
            return found
        stems = stems_of(folder, self._anchor)
        splits: Splits = {}
        for stem in stems:
            split = next((split for last, split in self.cut if stem <= last), "train")
            splits.setdefault(split, []).append(stem)
        return splits


def stems_of(root: Path, pattern: str, folder: str = "") -> list[str]:
    """The stems of all files that ``pattern`` fits, in natural order; ``folder`` fills ``{folder}``.

    A picture beside its mask in one folder is told apart by the suffix alone, so a pattern
    ``{name}.png`` never takes ``a_GT.png``, which ``{name}_GT.png`` fits too.
    """
    directory, _, file_name = pattern.replace("{folder}", folder or ".").rpartition("/")
    place = root / directory
    if not place.is_dir():
        return []
    before, _, after = file_name.partition("{name}" if "{name}" in file_name else "{stem}")
    tail = r"\.(?:png|jpe?g|bmp|tiff?)" if after == ".*" else re.escape(after)
    fits = re.compile(re.escape(before) + r"(.+)" + tail, re.IGNORECASE)
    names = [m.group(1) for entry in place.iterdir() if entry.is_file() and (m := fits.fullmatch(entry.name))]
    names = sorted(set(names) - {n for n in names if re.search(r"_(GT|mask|label)$", n)}, key=natural)
    return [f"{folder}/{name}" for name in names] if folder else names


def listed_stems(path: Path) -> list[str]:
    """The stems of a list file: the first word of every line, without folder and suffix."""
    words = [line.split()[0] for line in path.read_text(encoding="utf-8-sig").splitlines() if line.split()]
    return list(dict.fromkeys(Path(word).stem if "." in word else word.rpartition("/")[2] for word in words))


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A sorting key that orders numbers as numbers.

    >>> sorted(["s10", "s9", "a"], key=natural)
    ['a', 's9', 's10']
    """
    return tuple((int(n or -1), word) for word, n in re.findall(r"(\D*)(\d*)", text))


def require(folder: Path, patterns: Sequence[str], stems: Sequence[str]) -> None:
    """Raise DAT-010 where a stem lacks one of the files; the first is named, the others counted."""
    for pattern in patterns:
        missing = [stem for stem in stems if not exists(folder, pattern, stem)]
        if missing:
            more = f" (and {len(missing) - 1} more)" if missing[1:] else ""
            raise codes.LAYOUT(f"'{missing[0]}' has no {filled(pattern, missing[0])}{more}", where=folder)


def exists(folder: Path, pattern: str, stem: str) -> bool:
    """Is there a file of this stem?"""
    path = folder / filled(pattern, stem)
    if pattern.endswith(".*"):
        return any(path.parent.glob(glob_escape(path.name.removesuffix(".*")) + ".*"))
    return path.is_file()


def glob_escape(name: str) -> str:
    """``name`` with nothing left that a glob would take for a wildcard."""
    return re.sub(r"([*?[])", r"[\1]", name)


def classes_of(names: Sequence[str], colors: Sequence[tuple[int, int, int]] = ()) -> tuple[DatasetClass, ...]:
    """Classes with the colours given, or well-parted ones; the first is black."""
    made = list(colors) or [voc_color(i) for i in range(len(names))]
    return tuple(DatasetClass(name=name, color=color) for name, color in zip(names, made, strict=True))


def voc_color(number: int) -> tuple[int, int, int]:
    """The colour that Pascal VOC's development kit gives a class: bits of the number, spread over RGB.

    >>> voc_color(0), voc_color(1), voc_color(2), voc_color(15)
    ((0, 0, 0), (128, 0, 0), (0, 128, 0), (192, 128, 128))
    """
    red = green = blue = 0
    for place in range(7, -1, -1):
        red |= (number & 1) << place
        green |= (number >> 1 & 1) << place
        blue |= (number >> 2 & 1) << place
        number >>= 3
    return red, green, blue
