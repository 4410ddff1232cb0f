"""The file of an ablation: variants of one configuration, seeds, and the claim they are to test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from rigsight.base.schema import StrictModel, load_model
from rigsight.training import codes
from rigsight.training.config import TrainConfig, load_config


class Ablation(StrictModel):
    """The whole file. The first variant is the one that all others are compared with."""

    version: Literal[1] = 1
    title: str
    claim: str = Field(description="what the paper says, in words")
    base: str = Field(description="training configuration, relative to this file")
    common: tuple[str, ...] = Field(default=(), description="key=value for all variants")
    variants: dict[str, tuple[str, ...]] = Field(min_length=2, description="name -> its key=value")
    seeds: tuple[int, ...] = Field(default=(1, 2, 3), min_length=1)
    metric: str = Field(description="place in a training's scores, for example facade.both")
    better: Literal["higher", "lower"] = "higher"
    percent: bool = Field(
        default=True, description="scores in [0, 1] are shown, and the goal is given, x 100"
    )
    goal: float = Field(default=0.0, ge=0, description="improvement over the first variant that is claimed")

    @model_validator(mode="after")
    def _check(self) -> Ablation:
        if len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ValueError("seeds must differ and be 0 or more")
        if len({folder_name(name) for name in self.variants}) < len(self.variants):
            raise ValueError("two variants have the same name but for signs")
        return self

    @property
    def factor(self) -> float:
        """From scores to what is shown."""
        return 100.0 if self.percent else 1.0


def load_ablation(path: str | Path) -> Ablation:
    """Read the file. Raises TRN-401."""
    return load_model(path, Ablation, codes.ABLATION_UNREADABLE)


def folder_name(variant: str) -> str:
    """A variant's name as a folder.

    >>> folder_name("AIC-AM + loss")
    'AIC-AM_loss'
    """
    return re.sub(r"[^A-Za-z0-9.-]+", "_", variant).strip("_")


def run_config(
    spec: Ablation, path: str | Path, variant: str, seed: int, out: Path, overrides: tuple[str, ...] = ()
) -> TrainConfig:
    """The configuration of one run: base, ``common``, the variant's, then ``overrides``; its own folder.

    Raises:
        RigsightError: TRN-001 for the base, TRN-002 for a key=value.
    """
    base = Path(path).parent / spec.base
    config = load_config(base, [*spec.common, *spec.variants[variant], *overrides])
    folder = out / folder_name(variant) / f"seed{seed}"
    return config.model_copy(update={"seed": seed, "out": str(folder)})
