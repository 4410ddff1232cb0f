"""Where the pictures of a training come from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rigsight.base.schema import StrictModel
from rigsight.training.data.chosen import ids_of

Scene = Literal["street", "facade", "pipe"]
Split = Literal["train", "val", "test"]
SCENES: tuple[Scene, ...] = ("street", "facade", "pipe")


class SimulatedData(StrictModel):
    """Labelled sets from the simulated rig; every seed is another place, rig and weather."""

    kind: Literal["simulated"] = "simulated"
    scenes: tuple[Scene, ...] = Field(default=("street", "facade", "pipe"), min_length=1)
    seeds: int = Field(default=80, ge=1, description="training seeds of every scene")
    sets_per_seed: int = Field(default=10, ge=1)
    stride: int = Field(default=13, ge=1, description="time steps between two sets of a seed")
    validation_seeds: int = Field(default=6, ge=1)
    test_seeds: int = Field(default=10, ge=1)
    rotation_noise_deg: float = Field(
        default=0.05, ge=0, description="of the calibration, standard deviation"
    )
    classes: tuple[str, ...] = Field(
        default=(), description="of the simulator to tell from background (ids 1 and on); none = all"
    )
    cache: str = "out/cache"
    workers: int = Field(default=2, ge=0, le=64)

    @model_validator(mode="after")
    def _check(self) -> SimulatedData:
        ids_of(self.classes)
        return self


class PairFolders(StrictModel):
    """Aligned pictures with the same stems in two folders."""

    rgb: str
    thermal: str


class PairsData(StrictModel):
    """Aligned real pairs without labels: enough for fusion. Every n-th pair is kept for validation."""

    kind: Literal["pairs"] = "pairs"
    folders: tuple[PairFolders, ...] = Field(min_length=1)
    validation_every: int = Field(default=5, ge=2)


class DatasetData(StrictModel):
    """Labelled pictures that a dataset.yaml describes."""

    kind: Literal["dataset"] = "dataset"
    path: str = Field(description="dataset.yaml")
    train: str = Field(default="train", description="split to learn from")
    val: str | None = Field(default="val", description="split that is scored during training, if any")
    test: str | None = Field(default=None, description="split that is scored once, at the end")
    crop: bool = Field(
        default=False,
        description="learn from crops at the pictures' own resolution, not from whole resized pictures",
    )
    repeat: int = Field(default=1, ge=1, description="times that an epoch shows every picture")
    cache_mb: int = Field(default=2048, ge=0, description="memory for decoded pictures")
