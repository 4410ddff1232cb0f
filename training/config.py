"""The training configuration: strict YAML, with ``key=value`` overrides from the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from rigsight.base.schema import StrictModel, parse_model, read_yaml
from rigsight.edge.bundle.spec import Preprocessing
from rigsight.training import codes

Scene = Literal["street", "facade", "pipe"]
Split = Literal["train", "val", "test"]
SCENES: tuple[Scene, ...] = ("street", "facade", "pipe")


class ModelConfig(StrictModel):
    """Which network; ``options`` as its builder takes them."""

    name: str = "segmif_nano"
    options: dict[str, int | float | bool | str] = {}
    start_from: str | None = Field(default=None, description="checkpoint whose weights to start with")


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
    cache: str = "out/cache"
    workers: int = Field(default=2, ge=0, le=64)


class PairFolders(StrictModel):
    """Aligned pictures with the same stems in two folders."""

    rgb: str
    thermal: str


class PairsData(StrictModel):
    """Aligned real pairs without labels: enough for fusion. Every n-th pair is kept for validation."""

    kind: Literal["pairs"] = "pairs"
    folders: tuple[PairFolders, ...] = Field(min_length=1)
    validation_every: int = Field(default=5, ge=2)


class Augmentation(StrictModel):
    """Random changes of a training set; the ranges are half-widths or standard deviations."""

    flip: float = Field(default=0.5, ge=0, le=1)
    scale: tuple[float, float] = (0.85, 1.3)
    rotation_deg: float = Field(default=4.0, ge=0)
    shift: float = Field(default=0.08, ge=0, description="of the picture's size")
    brightness: float = Field(default=0.3, ge=0, lt=1)
    contrast: float = Field(default=0.25, ge=0, lt=1)
    tint: float = Field(default=0.08, ge=0, lt=1)
    noise: float = Field(default=6.0, ge=0, description="grey levels")
    agc: float = Field(default=0.12, ge=0, description="of the AGC's span, each bound on its own")
    thermal_noise: float = Field(default=3.0, ge=0, description="grey levels")
    drop_rgb: float = Field(default=0.1, ge=0, le=1, description="share of samples without RGB")
    drop_thermal: float = Field(default=0.1, ge=0, le=1, description="share of samples without thermal")


class FusionTraining(StrictModel):
    """The fusion phase: the fusion network learns, encoder and head rest."""

    steps: int = Field(default=100, ge=0, description="every round")
    lr: float = Field(default=1e-3, gt=0)
    eta_gradient: float = Field(default=0.1, ge=0)
    structure: float = Field(default=1.0, ge=0)
    intensity: float = Field(default=1.0, ge=0)
    maximum: Literal["signed", "absolute"] = "signed"
    share: float = Field(default=0.4, ge=0, description="eta_f of the dynamic factor, divided by the round")
    segmentation_share: float = Field(default=0.8, ge=0, description="eta_s of the dynamic factor")
    temperature: float = Field(default=2.0, gt=0)
    rate_window: int = Field(default=20, ge=1, description="steps whose mean loss the rates compare")


class SegmentationTraining(StrictModel):
    """The segmentation phase: encoder and head learn on fused pictures."""

    steps: int = Field(default=600, ge=0, description="every round")
    lr: float = Field(default=1e-3, gt=0)
    head_lr_factor: float = Field(default=1.0, gt=0)
    class_weight_power: float = Field(default=0.5, ge=0, le=1)
    dice: float = Field(default=0.5, ge=0)


class Schedule(StrictModel):
    """Rounds of one fusion and one segmentation phase each."""

    rounds: int = Field(default=4, ge=1)
    batch: int = Field(default=8, ge=1)
    warmup_steps: int = Field(default=100, ge=0)
    poly_power: float = Field(default=1.0, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="of matrix products and convolutions; weights stay float32"
    )
    ema_decay: float = Field(default=0.995, ge=0, lt=1)
    checkpoint_steps: int = Field(default=200, ge=1, description="an interrupted run loses at most these")


class TrainConfig(StrictModel):
    """The whole file."""

    version: Literal[1] = 1
    out: str = Field(description="folder of the run")
    seed: int = Field(default=1, ge=0)
    threads: int = Field(default=0, ge=0, description="of torch; 0 = all cores")
    width: int = Field(default=320, ge=32)
    height: int = Field(default=240, ge=32)
    model: ModelConfig = ModelConfig()
    preprocessing: Preprocessing = Preprocessing()
    data: Annotated[SimulatedData | PairsData, Field(discriminator="kind")]
    augmentation: Augmentation = Augmentation()
    fusion: FusionTraining = FusionTraining()
    segmentation: SegmentationTraining = SegmentationTraining()
    schedule: Schedule = Schedule()

    @model_validator(mode="after")
    def _check(self) -> TrainConfig:
        if self.width % 16 or self.height % 16:
            raise ValueError("width and height must be multiples of 16")
        if self.data.kind == "pairs" and self.segmentation.steps:
            raise ValueError("pairs have no labels: set segmentation.steps to 0")
        if self.fusion.steps + self.segmentation.steps == 0:
            raise ValueError("nothing to train: fusion.steps and segmentation.steps are both 0")
        return self


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a configuration and apply ``key=value`` overrides (dotted keys, YAML values).

    Raises:
        RigsightError: TRN-001 for the file, TRN-002 for an override.
    """
    data = read_yaml(path, codes.CONFIG_UNREADABLE)
    parse_model(data, TrainConfig, codes.CONFIG_UNREADABLE, where=path)
    for override in overrides:
        apply_override(data, override)
    return parse_model(data, TrainConfig, codes.BAD_OVERRIDE if overrides else codes.CONFIG_UNREADABLE, path)


def apply_override(data: dict[str, Any], override: str) -> None:
    """Set one dotted key of nested plain values.

    >>> data = {"schedule": {"rounds": 4}}
    >>> apply_override(data, "schedule.rounds=2"); apply_override(data, "fusion.lr=1e-4"); data
    {'schedule': {'rounds': 2}, 'fusion': {'lr': 0.0001}}

    Raises:
        RigsightError: TRN-002.
    """
    key, equals, text = override.partition("=")
    *parents, last = key.strip().split(".")
    if not equals or not all([*parents, last]):
        raise codes.BAD_OVERRIDE(f"'{override}' is not key=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise codes.BAD_OVERRIDE(f"the value of '{override}' is not YAML") from error
    if isinstance(value, str):  # YAML 1.1 reads 1e-4 as text
        with contextlib.suppress(ValueError):
            value = float(value)
    place = data
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise codes.BAD_OVERRIDE(f"'{parent}' of '{key}' holds no keys")
    place[last] = value
