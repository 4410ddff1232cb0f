"""Reads what dataset.yaml describes. No torch: a bundle is judged with it, and workers import it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rigsight.base.schema import load_model
from rigsight.edge.frames import Image, UInt8
from rigsight.training import codes
from rigsight.training.data.masks import MaskReader, mask_reader
from rigsight.training.data.pictures import read_picture, read_rgb, read_thermal, split_packed
from rigsight.training.data.spec import DatasetSpec, filled


@dataclass(frozen=True)
class Record:
    """One labelled instant, all arrays of one height and width.

    ``rgb`` uint8 [H,W,3] or None; ``thermal`` uint8 or uint16 [H,W] (as ``thermal_input`` says) or None;
    ``labels`` uint8 [H,W] of class ids, 255 unlabelled, or None where the data set has no masks.
    """

    rgb: UInt8 | None
    thermal: Image | None
    labels: UInt8 | None


class Item:
    """One stem of a data set: where its files lie, and their contents."""

    def __init__(self, dataset: Dataset, stem: str) -> None:
        self._dataset, self.stem = dataset, stem

    def __repr__(self) -> str:
        return f"Item({self.stem!r})"

    @property
    def rgb_path(self) -> Path | None:
        """The visible picture."""
        return self._dataset.path("rgb", self.stem)

    @property
    def thermal_path(self) -> Path | None:
        """The thermal picture; the same file as :attr:`rgb_path` where they share four channels."""
        return self._dataset.path("thermal", self.stem)

    @property
    def label_path(self) -> Path | None:
        """The mask, or the COCO file this stem is described in."""
        return self._dataset.path("labels", self.stem)

    def read(self) -> Record:
        """All there is of this stem.

        Raises:
            RigsightError: DAT-003 for a missing file, DAT-004 for a broken one, DAT-005 for a thermal picture
                of the other depth, DAT-006 for a mask of another encoding, DAT-007 for unknown ids,
                DAT-008 where the sizes differ.
        """
        rgb, thermal = self._pictures()
        labels = self.read_labels()
        sizes = {
            n: a.shape[:2] for n, a in (("rgb", rgb), ("thermal", thermal), ("mask", labels)) if a is not None
        }
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"{name} {width}x{height}" for name, (height, width) in sizes.items())
            raise codes.SIZES_DIFFER(f"the pictures of one stem differ in size: {told}", where=self.stem)
        return Record(rgb, thermal, labels)

    def read_labels(self) -> UInt8 | None:
        """The mask alone: uint8 [H,W] of class ids, 255 unlabelled; None where the labels are no masks.

        Raises:
            RigsightError: as :meth:`read`.
        """
        if self._dataset.spec.labels.kind != "masks":
            return None
        path = self.label_path
        assert path is not None
        return self._dataset.read_mask(path)

    def _pictures(self) -> tuple[UInt8 | None, Image | None]:
        spec, rgb, thermal = self._dataset.spec, self.rgb_path, self.thermal_path
        if spec.packed and rgb is not None:
            return split_packed(read_picture(rgb), rgb)
        counts = spec.thermal_input == "counts16"
        return (
            None if rgb is None else read_rgb(rgb),
            None if thermal is None else read_thermal(thermal, counts),
        )


class Dataset:
    """A data set on disk. Opening one reads dataset.yaml alone; pictures are read item by item.

    Attributes:
        spec: what dataset.yaml says.
        folder: what its paths are relative to.
    """

    def __init__(self, spec: DatasetSpec, folder: str | Path) -> None:
        self.spec, self.folder = spec, Path(folder)
        self._listings: dict[Path, dict[str, list[Path]]] = {}

    def items(self, split: str) -> list[Item]:
        """The items of a split in the order of dataset.yaml. Raises DAT-002 where there is no such split."""
        if split not in self.spec.splits:
            known = ", ".join(sorted(self.spec.splits))
            raise codes.NO_SPLIT(f"{self.spec.name} has no split '{split}', only {known}", where=self.folder)
        return [Item(self, stem) for stem in self.spec.splits[split].stems]

    def path(self, what: str, stem: str) -> Path | None:
        """The file of ``rgb``, ``thermal`` or ``labels``; None where the data set has none.

        Raises:
            RigsightError: DAT-003 where a pattern that ends in ``.*`` meets no file, or several.
        """
        pattern = self.spec.labels.pattern if what == "labels" else self.spec.modalities.get(what)  # type: ignore[call-overload]
        if pattern is None:
            return None
        path = self.folder / filled(pattern, stem)
        return self._only(path) if pattern.endswith(".*") else path

    @cached_property
    def read_mask(self) -> MaskReader:
        """Reads one mask file: uint8 [H,W] of class ids."""
        return mask_reader(self.spec)

    def _only(self, path: Path) -> Path:
        """The one file that is called like ``path`` but for its suffix; folders are listed once."""
        folder, stem = path.parent, path.name.removesuffix(".*")
        if folder not in self._listings:
            found: dict[str, list[Path]] = {}
            for file in sorted(folder.iterdir()) if folder.is_dir() else ():
                found.setdefault(file.stem, []).append(file)
            self._listings[folder] = found
        files = self._listings[folder].get(stem, [])
        if len(files) != 1:
            raise codes.FILE_MISSING(f"{len(files) or 'no'} files of that name", where=path)
        return files[0]


def open_dataset(path: str | Path) -> Dataset:
    """The data set that dataset.yaml (or the folder that holds one) describes.

    Raises:
        RigsightError: DAT-001 where the file cannot be read or says something impossible.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "dataset.yaml"
    return Dataset(load_model(path, DatasetSpec, codes.DATASET_UNREADABLE), path.parent)
