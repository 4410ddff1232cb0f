"""Ways of training, one for each kind of network; ``recipe.kind`` chooses."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from rigsight.base.schema import StrictModel
from rigsight.training.config.optimisation import Optimizer, Rate


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


class InteractiveRecipe(StrictModel):
    """SegMiF: rounds of one fusion and one segmentation phase each."""

    kind: Literal["interactive"] = "interactive"
    rounds: int = Field(default=4, ge=1)
    fusion: FusionTraining = FusionTraining()
    segmentation: SegmentationTraining = SegmentationTraining()
    poly_power: float = Field(default=1.0, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    checkpoint_steps: int = Field(default=200, ge=1, description="an interrupted run loses at most these")


class Distillation(StrictModel):
    """What the student takes from the teacher (Hinton et al. 2015): soft targets at a temperature."""

    weight: float = Field(default=1.0, ge=0, description="of the teacher's term beside the labels' loss")
    temperature: float = Field(default=2.0, gt=0)


class MasksRecipe(StrictModel):
    """Networks that give a mask: semantic or binary, one loss, one optimiser."""

    kind: Literal["masks"] = "masks"
    loss: str = Field(default="segmentation", description="name in training/losses/registry.py")
    loss_options: dict[str, Any] = {}
    epochs: int = Field(default=100, ge=1)
    optimizer: Optimizer = Optimizer()
    rate: Rate = Rate()
    distil: Distillation = Distillation()


class InstancesRecipe(StrictModel):
    """Mask R-CNN. The losses are options of the network; ``rpn_weight`` and the others weigh their terms."""

    kind: Literal["instances"] = "instances"
    epochs: int = Field(default=100, ge=1)
    optimizer: Optimizer = Optimizer(name="sgd", lr=1e-3, momentum=0.9, weight_decay=1e-4)
    rate: Rate = Rate(kind="step", factor=0.1, at=(0.7, 0.9))
    rpn_weight: float = Field(default=1.0, ge=0, description="of both losses of the region proposals")
    class_weight: float = Field(default=1.0, ge=0)
    box_weight: float = Field(default=1.0, ge=0)
    mask_weight: float = Field(default=1.0, ge=0)
