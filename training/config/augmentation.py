"""Random changes of the pictures."""

from __future__ import annotations

from pydantic import Field

from rigsight.base.schema import StrictModel


class Augmentation(StrictModel):
    """Random changes of a training set; the ranges are half-widths or standard deviations."""

    flip: float = Field(default=0.5, ge=0, le=1)
    flip_vertical: float = Field(default=0.0, ge=0, le=1)
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
