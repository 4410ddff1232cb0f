"""Instances in COCO's format: one file for all pictures, or one for every split."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rigsight.training import codes
from rigsight.training.data.layouts.grouping import Grouping, each
from rigsight.training.data.layouts.layout import Choices, Found, Splits, classes_of
from rigsight.training.data.spec import DatasetClass, Labels, Modality

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
_PLACES = ("images/{folder}/", "images/", "{folder}/", "data/", "")


@dataclass(frozen=True)
class Coco:
    """COCO instances of thermal pictures, or of visible ones with ``--rgb``."""

    about: str = "COCO instances: annotations/*.json (one a split, or one in all), images/ or images/SPLIT/"
    licence: str = "not stated"
    source: str = "COCO file of the user"
    grouping: Grouping = each
    overlapping: bool = False

    def find(self, folder: Path, choices: Choices) -> Found:
        """See ``Layout``. Raises DAT-010: no COCO file, not one, or pictures missing."""
        home = folder / "annotations"
        files = sorted((home if home.is_dir() else folder).glob("*.json"))
        if not files:
            raise codes.LAYOUT("there is no COCO file; expected annotations/*.json", where=folder)
        read = {path: read_coco(path) for path in files}
        prefix = "instances_" if all(path.stem.startswith("instances_") for path in files) else ""
        place = home.name + "/" if home.is_dir() else ""
        splits: Splits = {}
        names: list[tuple[str, str]] = []  # the {folder} of a picture, and its file name
        for path, data in read.items():
            part = path.stem.removeprefix(prefix) if len(files) > 1 else ""
            pictures = [str(image["file_name"]) for image in data["images"]]
            if part and any("/" in name for name in pictures):
                raise codes.LAYOUT(
                    "several COCO files, and pictures in subfolders", where=path, fix="Merge the files."
                )
            names += [(part, name) for name in pictures]
            stems = [_stem(part, name) for name in pictures]
            splits.setdefault(_split(part), []).extend(stems)
        modality: Modality = "rgb" if choices.rgb is not None else "thermal"
        given = choices.rgb if choices.rgb is not None else choices.thermal
        pattern = _pattern(folder, names, [given.rstrip("/") + "/"] if given else _PLACES)
        many = len(files) > 1
        label_pattern = f"{place}{prefix}{{folder}}.json" if many else place + files[0].name
        labels = Labels(kind="coco", pattern=label_pattern)
        return Found(
            {modality: pattern}, labels, coco_classes(read[files[0]], files[0]), splits, choices.counts
        )


def read_coco(path: Path) -> dict[str, Any]:
    """The file with its lists ``images``, ``annotations`` and ``categories``. Raises DAT-010."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise codes.LAYOUT("the COCO file is no readable JSON", where=path) from error
    for key in ("images", "annotations", "categories"):
        rows = data.get(key) if isinstance(data, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise codes.LAYOUT(f"the COCO file has no list '{key}'", where=path)
    for key, field in (("images", "file_name"), ("categories", "name"), ("categories", "id")):
        if not all(field in row for row in data[key]):
            raise codes.LAYOUT(f"an entry of '{key}' has no {field}", where=path)
    plain: dict[str, Any] = data
    return plain


def coco_classes(data: Mapping[str, Any], path: Path) -> tuple[DatasetClass, ...]:
    """Background, then the categories in order of their ids: class k is the k-th category."""
    rows = sorted(data["categories"], key=lambda row: int(row["id"]))
    names = ["background", *(str(row["name"]) for row in rows)]
    if len(rows) == 0:
        raise codes.LAYOUT("the COCO file has no categories", where=path)
    return classes_of(names)


def _stem(part: str, file_name: str) -> str:
    stem = file_name.rpartition(".")[0] or file_name
    return f"{part}/{stem}" if part else stem


def _split(part: str) -> str:
    words = part.lower().rstrip("0123456789").strip("_-")
    return _SPLITS.get(words, _SPLITS.get(words.rpartition("_")[2], "train"))


def _pattern(folder: Path, names: Sequence[tuple[str, str]], places: Sequence[str]) -> str:
    """Where the pictures are: the first place that has the most of them. Raises DAT-010 if any is missing."""
    best: tuple[int, str, list[str]] | None = None
    for place in places:
        missing = [
            n for part, n in names if not (folder / place.replace("{folder}", part or ".") / n).is_file()
        ]
        if best is None or len(missing) < best[0]:
            best = (len(missing), place, missing)
    assert best is not None
    count, place, missing = best
    if not names:
        raise codes.LAYOUT("the COCO file names no pictures", where=folder)
    if count:
        more = f" (and {count - 1} more of {len(names)})" if count > 1 else ""
        raise codes.LAYOUT(
            f"the COCO file names '{missing[0]}', which is not there{more}", where=folder / place
        )
    suffixes = {Path(name).suffix for _, name in names}
    suffix = suffixes.pop() if len(suffixes) == 1 else ".*"
    return place + ("{name}" if "{folder}" in place else _name_of(names)) + suffix


def _name_of(names: Sequence[tuple[str, str]]) -> str:
    return "{name}" if any(part for part, _ in names) else "{stem}"


coco = Coco()
