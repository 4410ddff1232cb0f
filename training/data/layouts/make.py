"""A folder in one of the known layouts -> dataset.yaml."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

from rigsight.edge.frames import UInt8
from rigsight.training import codes
from rigsight.training.data.dataset import Dataset
from rigsight.training.data.layouts import cracks, streets, surfaces
from rigsight.training.data.layouts.coco import coco
from rigsight.training.data.layouts.cvat import cvat
from rigsight.training.data.layouts.folders import folders
from rigsight.training.data.layouts.grouping import Grouping
from rigsight.training.data.layouts.layout import Choices, Layout, Splits
from rigsight.training.data.layouts.overlap import joined
from rigsight.training.data.layouts.splitting import cut_off
from rigsight.training.data.pictures import read_grey
from rigsight.training.data.spec import DatasetSpec, Labels, Modality, Split

LAYOUTS: dict[str, Layout] = {
    "mfnet": streets.mfnet,
    "msrs": streets.msrs,
    "fmb": streets.fmb,
    "pst900": streets.pst900,
    "pst900-counts": streets.pst900_counts,
    "deepcrack": cracks.deepcrack,
    "crackforest": cracks.crackforest,
    "uav": cracks.uav,
    "crack500": cracks.crack500,
    "codebrim": cracks.codebrim,
    "metu": cracks.metu,
    "kolektorsdd2": surfaces.kolektorsdd2,
    "nrsd-mn": surfaces.nrsd_mn,
    "coco": coco,
    "cvat": cvat,
    "pairs": folders,
}


def make_spec(
    layout: str,
    folder: Path,
    out: Path,
    *,
    name: str | None = None,
    val: float = 0.15,
    seed: int = 1,
    grouping: Grouping | None = None,
    overlapping: bool | None = None,
    choices: Choices | None = None,
    report: Callable[[int, int], None] | None = None,
) -> DatasetSpec:
    """What ``out`` (a dataset.yaml) should say of ``folder``; writes nothing.

    The splits are the data set's own. Where it has none for validation, ``val`` of the training pictures
    are taken by ``seed``, in whole groups: those of ``grouping``, joined where pictures overlap if
    ``overlapping`` (which compares all pictures, and reports progress to ``report``). None is the layout's.

    Raises:
        RigsightError: DAT-009 for an unknown layout, DAT-010 where the folder is not laid out so.
    """
    if layout not in LAYOUTS:
        near = difflib.get_close_matches(layout, LAYOUTS, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else None
        raise codes.UNKNOWN_LAYOUT(f"there is no layout '{layout}'", fix=hint)
    if not folder.is_dir():
        raise codes.LAYOUT("there is no such folder", where=folder)
    kind = LAYOUTS[layout]
    found = kind.find(folder, choices or Choices())
    modalities: dict[Modality, str] = {m: _seen_from(out, folder, p) for m, p in found.modalities.items()}
    pattern = found.labels.pattern
    labels: Labels = found.labels.model_copy(
        update={"pattern": None if pattern is None else _seen_from(out, folder, pattern)}
    )
    whole = DatasetSpec(
        name=name or layout.replace("-", "_"),
        modalities=modalities,
        thermal_input="counts16" if found.counts else "camera8",
        labels=labels,
        classes=found.classes,
        splits=_ordered(found.splits),
        licence=kind.licence,
        source=kind.source,
    )
    if "val" in found.splits or "train" not in found.splits or val <= 0:
        return whole
    groups = (grouping or kind.grouping)(found.splits["train"])
    if kind.overlapping if overlapping is None else overlapping:
        groups = joined(groups, _grey_reader(Dataset(whole, out.parent)), report)
    train, cut = cut_off(groups, val, seed)
    splits = found.splits | ({"train": train, "val": cut} if cut else {})
    return whole.model_copy(update={"splits": _ordered(splits)})


def _ordered(splits: Splits) -> dict[str, Split]:
    return {name: Split.of(splits[name]) for name in ("train", "val", "test") if name in splits}


def _grey_reader(dataset: Dataset) -> Callable[[str], UInt8]:
    what = "rgb" if "rgb" in dataset.spec.modalities else "thermal"

    def read(stem: str) -> UInt8:
        path = dataset.path(what, stem)
        assert path is not None
        return read_grey(path)

    return read


def _seen_from(out: Path, folder: Path, pattern: str) -> str:
    """The pattern relative to where dataset.yaml lies when that is above the pictures, else absolute."""
    base, home = folder.resolve(), out.resolve().parent
    if base.is_relative_to(home):
        return os.path.join(base.relative_to(home), pattern).removeprefix("./")
    return str(base / pattern)
