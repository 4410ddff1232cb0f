"""dataset.yaml: labelled pairs, their splits and their licence. Paths are relative to the file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rigsight.base.schema import StrictModel


class Labels(StrictModel):
    """How the truth is stored. ``ids`` maps a mask value to a class id; None means they are equal."""

    kind: Literal["masks", "coco", "boxes", "none"]
    pattern: str | None = Field(default=None, description="path with {stem}, or the COCO file")
    ids: dict[int, int] | None = None


class Split(StrictModel):
    """Stems of one split. ``sha256`` is over the sorted stems, one a line."""

    stems: tuple[str, ...] = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class DatasetClass(StrictModel):
    """One class: its id is its place in the list."""

    name: str
    color: tuple[int, int, int] = Field(description="RGB, 0..255")


class DatasetSpec(StrictModel):
    """The whole of dataset.yaml. A calibration set for INT8 is a split like any other."""

    version: Literal[1] = 1
    name: str
    modalities: dict[Literal["rgb", "thermal"], str] = Field(
        min_length=1, description="modality -> path with {stem}, for example rgb/{stem}.png"
    )
    thermal_input: Literal["counts16", "camera8"] = "camera8"
    labels: Labels
    classes: tuple[DatasetClass, ...] = ()
    splits: dict[str, Split] = Field(min_length=1)
    licence: str
    source: str

    @model_validator(mode="after")
    def _check(self) -> DatasetSpec:
        for modality, pattern in self.modalities.items():
            if "{stem}" not in pattern:
                raise ValueError(f"the pattern of '{modality}' holds no {{stem}}")
        if self.labels.kind != "none" and not self.classes:
            raise ValueError("labelled data needs classes")
        return self
