"""What CVAT exports: "Segmentation mask 1.1" (masks by colour) and "COCO 1.0" (instances)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rigsight.training import codes
from rigsight.training.data.layouts.coco import coco
from rigsight.training.data.layouts.grouping import Grouping, each
from rigsight.training.data.layouts.layout import Choices, Found, Splits, exists, require
from rigsight.training.data.spec import DatasetClass, Labels, Modality

_SPLITS = {"default": "train", "train": "train", "validation": "val", "val": "val", "test": "test"}
_PICTURES = ("JPEGImages/{stem}.*", "images/{stem}.*", "{stem}.*")


@dataclass(frozen=True)
class Cvat:
    """An unpacked export; pictures lie in it when "save images" was ticked, else put them into images/."""

    about: str = "CVAT: an unpacked export 'Segmentation mask 1.1' or 'COCO 1.0', with its images"
    licence: str = "yours"
    source: str = "labelled by the user in CVAT"
    grouping: Grouping = each
    overlapping: bool = False

    def find(self, folder: Path, choices: Choices) -> Found:
        """See ``Layout``. Raises DAT-010."""
        if (folder / "SegmentationClass").is_dir():
            return _masks(folder, choices)
        if (folder / "annotations").is_dir():
            return coco.find(folder, choices)
        if (folder / "annotations.xml").is_file():
            raise codes.LAYOUT(
                "this is the export 'CVAT for images', polygons in XML",
                where=folder,
                fix="Export the task as 'Segmentation mask 1.1' (semantic) or 'COCO 1.0' (instances).",
            )
        raise codes.LAYOUT("there is neither SegmentationClass/ nor annotations/", where=folder)


def _masks(folder: Path, choices: Choices) -> Found:
    splits: Splits = {}
    for path in sorted((folder / "ImageSets" / "Segmentation").glob("*.txt")):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        stems = [line.strip() for line in lines if line.strip()]
        if stems:
            splits.setdefault(_SPLITS.get(path.stem.lower(), "train"), []).extend(stems)
    if not splits:
        raise codes.LAYOUT("ImageSets/Segmentation/*.txt lists no pictures", where=folder)
    stems = [stem for part in splits.values() for stem in part]
    given = choices.rgb if choices.rgb is not None else choices.thermal
    places = (given.rstrip("/") + "/{stem}.*",) if given else _PICTURES
    pattern = next((p for p in places if exists(folder, p, stems[0])), places[0])
    modality: Modality = "thermal" if choices.thermal is not None else "rgb"
    labels = Labels(kind="masks", pattern="SegmentationClass/{stem}.png", encoding="colors")
    require(folder, [pattern, "SegmentationClass/{stem}.png"], stems)
    return Found({modality: pattern}, labels, labelmap(folder / "labelmap.txt"), splits, choices.counts)


def labelmap(path: Path) -> tuple[DatasetClass, ...]:
    """Classes of a labelmap.txt, black first (what nobody outlined). Raises DAT-010.

    Its lines read ``name:red,green,blue:parts:actions``.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise codes.LAYOUT("there is no labelmap.txt", where=path.parent) from error
    classes = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, color = line.split(":")[:2]
            red, green, blue = (int(part) for part in color.split(","))
            classes.append(DatasetClass(name=name, color=(red, green, blue)))
        except ValueError as error:
            raise codes.LAYOUT(f"line {number} is not name:red,green,blue", where=path) from error
    black = [c for c in classes if c.color == (0, 0, 0)] or [DatasetClass(name="background", color=(0, 0, 0))]
    return (*black, *(c for c in classes if c.color != (0, 0, 0)))


cvat = Cvat()
