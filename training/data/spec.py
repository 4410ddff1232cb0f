"""dataset.yaml: labelled pictures, their splits and their licence. Paths are relative to the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from rigsight.base.schema import StrictModel
from rigsight.edge.frames import UNLABELLED

MAX_CLASSES = 254

Modality = Literal["rgb", "thermal"]


class Labels(StrictModel):
    """How the truth is stored.

    ``encoding`` says what a pixel of a mask means:

    - ``values``: a number, looked up in ``ids``; without ``ids`` it is the class id, 255 unlabelled. Of a
      palette PNG the number is the index.
    - ``threshold``: grey above ``threshold`` is class 1, the rest class 0 (binary masks with soft edges).
    - ``colors``: the colour of a class, or one of ``unlabelled_colors``.
    - ``mat``: a number in the array ``key`` of a MATLAB 5 file, read as ``values``.
    """

    kind: Literal["masks", "coco", "boxes", "none"]
    pattern: str | None = Field(
        default=None, description="path of the mask with {stem}; of the COCO file with {folder} or nothing"
    )
    encoding: Literal["values", "threshold", "colors", "mat"] = "values"
    ids: dict[int, int] | None = Field(default=None, description="mask value -> class id, 255 unlabelled")
    threshold: int = Field(default=127, ge=0, le=254)
    key: str | None = Field(default=None, description="array in a .mat file, like groundTruth.Segmentation")
    unlabelled_colors: tuple[tuple[int, int, int], ...] = Field(default=(), description="RGB, 0..255")

    @model_validator(mode="after")
    def _check(self) -> Labels:
        if self.kind in ("masks", "coco", "boxes") and not self.pattern:
            raise ValueError(f"labels of kind '{self.kind}' need a pattern")
        if self.kind in ("masks", "boxes") and self.pattern and not has_stem(self.pattern):
            raise ValueError("the pattern of the labels holds neither {stem} nor {name}")
        if (self.encoding == "mat") != (self.key is not None):
            raise ValueError("'key' goes with 'encoding: mat', and each needs the other")
        if self.ids is not None and self.encoding not in ("values", "mat"):
            raise ValueError(f"'ids' has no meaning with 'encoding: {self.encoding}'")
        return self


class Split(StrictModel):
    """Stems of one split. ``sha256`` is :func:`stems_hash`; without it the list is not guarded."""

    stems: tuple[str, ...] = Field(min_length=1)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")

    @classmethod
    def of(cls, stems: Iterable[str]) -> Split:
        """A split with its hash, stems sorted."""
        ordered = tuple(sorted(stems))
        return cls(stems=ordered, sha256=stems_hash(ordered))

    @model_validator(mode="after")
    def _check(self) -> Split:
        if len(set(self.stems)) != len(self.stems):
            twice = next(stem for stem in self.stems if self.stems.count(stem) > 1)
            raise ValueError(f"the stem '{twice}' stands twice in one split")
        if self.sha256 is not None and self.sha256 != stems_hash(self.stems):
            raise ValueError(
                "the stems are not those that sha256 was taken of; delete the key to accept them"
            )
        return self


class DatasetClass(StrictModel):
    """One class: its id is its place in the list."""

    name: str
    color: tuple[int, int, int] = Field(description="RGB, 0..255")


class DatasetSpec(StrictModel):
    """The whole of dataset.yaml. A calibration set for INT8 is a split like any other.

    A pattern is a path with ``{stem}``; a stem like ``train/0001`` may also be taken apart into ``{folder}``
    (``train``) and ``{name}`` (``0001``). A pattern that ends in ``.*`` takes the one file there is. The same
    pattern for both modalities means one picture of four channels, thermal the fourth.
    """

    version: Literal[1] = 1
    name: str
    modalities: dict[Modality, str] = Field(
        min_length=1, description="modality -> path with {stem}, for example rgb/{stem}.png"
    )
    thermal_input: Literal["counts16", "camera8"] = "camera8"
    labels: Labels = Labels(kind="none")
    classes: tuple[DatasetClass, ...] = Field(default=(), max_length=MAX_CLASSES)
    splits: dict[str, Split] = Field(min_length=1)
    licence: str
    source: str

    @model_validator(mode="after")
    def _check(self) -> DatasetSpec:
        for modality, pattern in self.modalities.items():
            if not has_stem(pattern):
                raise ValueError(f"the pattern of '{modality}' holds neither {{stem}} nor {{name}}")
        if self.labels.kind != "none" and not self.classes:
            raise ValueError("labelled data needs classes")
        for value, class_id in (self.labels.ids or {}).items():
            if class_id != UNLABELLED and not 0 <= class_id < len(self.classes):
                raise ValueError(f"labels.ids maps {value} to {class_id}, and there is no such class")
        if self.labels.encoding == "threshold" and len(self.classes) != 2:
            raise ValueError("'encoding: threshold' makes exactly two classes")
        colors = [c.color for c in self.classes] + list(self.labels.unlabelled_colors)
        if self.labels.encoding == "colors" and len(set(colors)) != len(colors):
            raise ValueError("'encoding: colors' needs a colour of its own for every class")
        return self

    @property
    def packed(self) -> bool:
        """Is every picture one file of four channels, thermal the fourth?"""
        return len(self.modalities) == 2 and len(set(self.modalities.values())) == 1


def has_stem(pattern: str) -> bool:
    """Does a pattern name one file a stem?"""
    return "{stem}" in pattern or "{name}" in pattern


def filled(pattern: str, stem: str) -> str:
    """The path of a stem.

    >>> filled("{folder}/ir/{name}.png", "train/0001"), filled("rgb/{stem}.png", "a")
    ('train/ir/0001.png', 'rgb/a.png')
    """
    folder, _, name = stem.rpartition("/")
    return pattern.replace("{stem}", stem).replace("{folder}", folder or ".").replace("{name}", name)


def stems_hash(stems: Iterable[str]) -> str:
    """SHA-256 over the sorted stems, line feeds between them.

    >>> stems_hash(["b", "a"]) == stems_hash(["a", "b"])
    True
    """
    return hashlib.sha256("\n".join(sorted(stems)).encode()).hexdigest()
