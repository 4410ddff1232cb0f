"""What a check of a data set found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Fault:
    """One file that cannot be used. ``stem`` is empty where the fault is of a whole split."""

    split: str
    stem: str
    code: str
    what: str

    @property
    def line(self) -> str:
        """The fault in words."""
        return f"{self.split}, {self.stem}: {self.what}" if self.stem else f"{self.split}: {self.what}"


@dataclass(frozen=True)
class Leak:
    """One picture in two splits. ``correlation`` of the thumbnails; None where every pixel is equal."""

    splits: tuple[str, str]
    stems: tuple[str, str]
    correlation: float | None

    @property
    def line(self) -> str:
        """The leak in words."""
        (one, other), (here, there) = self.splits, self.stems
        how = "is the same picture as" if self.correlation is None else f"looks like ({self.correlation:.3f})"
        return f"{one} '{here}' {how} {other} '{there}'"


@dataclass
class SplitCounts:
    """Sums over one split. ``pixels`` and ``shown`` count pixels and pictures of every class."""

    pixels: NDArray[np.int64]
    shown: NDArray[np.int64]
    pictures: int = 0
    labelled: int = 0
    unlabelled_pixels: int = 0
    empty: int = 0
    instances: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)

    def add_labels(self, labels: NDArray[np.uint8]) -> None:
        """Count one mask of class ids; empty is one that shows at most class 0."""
        counts = np.bincount(labels.ravel(), minlength=256)
        known = counts[: len(self.pixels)]
        self.pixels += known
        self.shown += known > 0
        self.labelled += 1
        self.unlabelled_pixels += int(counts[255])
        self.empty += not known[1:].any()

    @property
    def pixel_shares(self) -> list[float]:
        """Share of every class among the labelled pixels."""
        return [float(n) for n in self.pixels / max(int(self.pixels.sum()), 1)]

    @property
    def picture_shares(self) -> list[float]:
        """Share of the labelled pictures that show a class."""
        return [float(n) for n in self.shown / max(self.labelled, 1)]

    @property
    def unlabelled_share(self) -> float:
        """Share of the unlabelled pixels."""
        return self.unlabelled_pixels / max(int(self.pixels.sum()) + self.unlabelled_pixels, 1)

    def sizes_text(self) -> str:
        """The sizes as width x height, the most frequent first, three at most."""
        told = [f"{width}x{height}" for (width, height), _ in self.sizes.most_common(3)]
        more = len(self.sizes) - len(told)
        return ", ".join(told) + (f" and {more} more" if more else "")

    def notes(self) -> list[str]:
        """What is unusual, but no fault."""
        told = [f"{form}: {count}" for form, count in sorted(self.forms.items())]
        if self.empty:
            told.append(f"masks that show nothing but class 0: {self.empty}")
        return told


@dataclass(frozen=True)
class CheckReport:
    """All of it. ``leaks_sought`` is False where nobody looked for leaks."""

    name: str
    licence: str
    classes: tuple[str, ...]
    splits: dict[str, SplitCounts]
    faults: list[Fault]
    leaks: list[Leak]
    leaks_sought: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "licence": self.licence,
            "splits": {name: self._split(counts) for name, counts in self.splits.items()},
            "faults": [vars(fault) | {"line": fault.line} for fault in self.faults],
            "leaks": [vars(leak) | {"line": leak.line} for leak in self.leaks] if self.leaks_sought else None,
        }

    def _split(self, counts: SplitCounts) -> dict[str, Any]:
        sizes = {f"{width}x{height}": n for (width, height), n in counts.sizes.most_common()}
        told: dict[str, Any] = {"pictures": counts.pictures, "sizes": sizes, "notes": counts.notes()}
        if counts.labelled:
            rows = zip(self.classes, counts.pixel_shares, counts.picture_shares, strict=True)
            told |= {
                "labelled": counts.labelled,
                "empty_masks": counts.empty,
                "instances": counts.instances,
                "unlabelled_share": counts.unlabelled_share,
                "classes": {name: {"pixel_share": p, "picture_share": q} for name, p, q in rows},
            }
        return told
