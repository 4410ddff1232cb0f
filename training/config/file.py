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
from rigsight.training.config.augmentation import Augmentation
from rigsight.training.config.data import DatasetData, PairsData, SimulatedData
from rigsight.training.config.model import ModelConfig
from rigsight.training.config.optimisation import Schedule
from rigsight.training.config.recipes import InstancesRecipe, InteractiveRecipe, MasksRecipe

SHORT = {"from": "model.start_from"}  # what the command line calls by a shorter name


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
    teacher: str | None = Field(default=None, description="checkpoint of a network to learn from as well")
    data: Annotated[SimulatedData | PairsData | DatasetData, Field(discriminator="kind")]
    augmentation: Augmentation = Augmentation()
    recipe: Annotated[InteractiveRecipe | MasksRecipe | InstancesRecipe, Field(discriminator="kind")]
    schedule: Schedule = Schedule()

    @model_validator(mode="after")
    def _check(self) -> TrainConfig:
        if self.width % 16 or self.height % 16:
            raise ValueError("width and height must be multiples of 16")
        if self.recipe.kind == "interactive":
            fusion, segmentation = self.recipe.fusion.steps, self.recipe.segmentation.steps
            if self.data.kind == "pairs" and segmentation:
                raise ValueError("pairs have no labels: set recipe.segmentation.steps to 0")
            if fusion + segmentation == 0:
                raise ValueError("nothing to train: the steps of fusion and segmentation are both 0")
        elif self.data.kind == "pairs":
            raise ValueError("pairs have no labels: only recipe.kind interactive learns from them")
        if self.teacher is not None and self.recipe.kind != "masks":
            raise ValueError("only recipe.kind masks learns from a teacher")
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

    >>> data = {"schedule": {"batch": 4}}
    >>> apply_override(data, "schedule.batch=2"); apply_override(data, "recipe.optimizer.lr=1e-4"); data
    {'schedule': {'batch': 2}, 'recipe': {'optimizer': {'lr': 0.0001}}}
    >>> apply_override(data, "from=model.safetensors"); data["model"]
    {'start_from': 'model.safetensors'}

    Raises:
        RigsightError: TRN-002.
    """
    key, equals, text = override.partition("=")
    *parents, last = SHORT.get(key.strip(), key.strip()).split(".")
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
