"""Optimisers, learning rates, and what all ways of training share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rigsight.base.schema import StrictModel


class Optimizer(StrictModel):
    """One optimiser; ``lr`` is the highest rate."""

    name: Literal["sgd", "adam", "adamw"] = "adamw"
    lr: float = Field(default=1e-3, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of SGD")
    weight_decay: float = Field(default=0.0, ge=0, description="none on norms and biases")


class Rate(StrictModel):
    """How the learning rate falls, as a share of the highest; the warm-up comes before.

    ``poly`` is (1 - t)^power; ``geometric`` is factor^epoch, at least ``floor``; ``step`` multiplies by
    ``factor`` at each of ``at`` (shares of the training).
    """

    kind: Literal["constant", "cosine", "poly", "step", "geometric"] = "cosine"
    power: float = Field(default=0.9, gt=0)
    factor: float = Field(default=0.1, gt=0, le=1)
    floor: float = Field(default=0.0, ge=0, le=1)
    at: tuple[float, ...] = Field(default=(0.7, 0.9))


class Schedule(StrictModel):
    """Batches, precision, averaging and devices."""

    batch: int = Field(default=8, ge=1, description="pictures a step of one process")
    accumulate: int = Field(default=1, ge=1, description="steps whose gradients make one change of weights")
    warmup_steps: int = Field(default=0, ge=0)
    clip_norm: float = Field(default=0.0, ge=0, description="of the gradients, 0 = as they are")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", description="of matrix products and convolutions; weights stay float32"
    )
    ema_decay: float = Field(default=0.995, ge=0, lt=1, description="of the averaged weights, 0 = none")
    devices: int = Field(default=1, ge=1, description="GPUs (or processes on CPUs) of a machine")
    nodes: int = Field(default=1, ge=1)
    loaders: int = Field(default=0, ge=0, description="processes that prepare pictures, 0 = none")
    validate_every: int = Field(default=1, ge=1, description="epochs")
