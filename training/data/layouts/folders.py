"""Your own pictures: a folder of each kind, files of the same name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rigsight.training import codes
from rigsight.training.data.layouts.grouping import Grouping, prefix
from rigsight.training.data.layouts.layout import Choices, Found, classes_of, require, stems_of
from rigsight.training.data.spec import Labels, Modality

_USUAL = {
    "rgb": ("rgb", "visible", "vi", "images", "photos"),
    "thermal": ("thermal", "infrared", "ir"),
    "masks": ("masks",),
}


@dataclass(frozen=True)
class Folders:
    """Folders named on the command line, or found under a usual name."""

    about: str = "your own: folders of photos, of thermal pictures, of masks, with files of the same name"
    licence: str = "yours"
    source: str = "recorded by the user"
    grouping: Grouping = prefix
    overlapping: bool = False

    def find(self, folder: Path, choices: Choices) -> Found:
        """See ``Layout``. Raises DAT-010."""
        named = {"rgb": choices.rgb, "thermal": choices.thermal, "masks": choices.masks}
        places = {kind: _place(folder, kind, name) for kind, name in named.items()}
        modalities: dict[Modality, str] = {}
        if places["rgb"]:
            modalities["rgb"] = places["rgb"] + "/{stem}.*"
        if places["thermal"]:
            modalities["thermal"] = places["thermal"] + "/{stem}.*"
        if not modalities:
            raise codes.LAYOUT("there is neither a folder rgb nor a folder thermal", where=folder)
        return self._found(folder, modalities, places["masks"], choices)

    def _found(
        self, folder: Path, modalities: dict[Modality, str], masks: str | None, choices: Choices
    ) -> Found:
        patterns: dict[str, str] = {str(kind): pattern for kind, pattern in modalities.items()}
        if masks:
            patterns["mask"] = masks + "/{stem}.*"
        stems = {kind: stems_of(folder, pattern) for kind, pattern in patterns.items()}
        for kind, found in stems.items():
            if not found:
                raise codes.LAYOUT(
                    f"the folder of the {kind} pictures is empty", where=folder / patterns[kind]
                )
        every = sorted(set().union(*stems.values()))
        require(folder, list(patterns.values()), every)
        suffixes = {kind: _suffix(folder, pattern, every) for kind, pattern in patterns.items()}
        exact: dict[Modality, str] = {
            kind: pattern[:-2] + suffixes[kind] for kind, pattern in modalities.items()
        }
        if masks is None:
            return Found(exact, Labels(kind="none"), (), {"train": every}, choices.counts)
        names = choices.classes or ("background", "defect")
        pattern = patterns["mask"][:-2] + suffixes["mask"]
        # Two classes: whatever is bright is the second, drawn with soft edges or without, 1 or 255.
        soft = len(names) == 2
        labels = Labels(
            kind="masks",
            pattern=pattern,
            encoding="threshold" if soft else "values",
            threshold=127 if soft else 0,
        )
        return Found(exact, labels, classes_of(names), {"train": every}, choices.counts)


def _place(folder: Path, kind: str, name: str | None) -> str | None:
    if name is not None:
        if not (folder / name).is_dir():
            raise codes.LAYOUT(f"there is no folder '{name}'", where=folder)
        return name
    return next((usual for usual in _USUAL[kind] if (folder / usual).is_dir()), None)


def _suffix(folder: Path, pattern: str, stems: list[str]) -> str:
    """The suffix all files share, or ``.*``."""
    place = folder / pattern.rpartition("/")[0]
    found = {path.suffix for path in place.iterdir() if path.stem in set(stems)}
    return found.pop() if len(found) == 1 else ".*"


folders = Folders()
