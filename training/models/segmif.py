"""SegMiF: fusion and segmentation as a cascade (Liu et al., Multi-interactive Feature Learning, ICCV 2023).

1. The saliency-weighted average of both pictures runs through stages 1 and 2 of the encoder.
2. The fusion network makes the fused luma, led by those features; the visible chroma colours it.
3. SegFormer (the same encoder, all stages) segments the fused picture.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field, ValidationError, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.base.schema import StrictModel, explain
from rigsight.training import codes
from rigsight.training.models.colour import chroma, luma, recolour
from rigsight.training.models.fusion_net import FusionNet
from rigsight.training.models.mit import SIZES, Mit
from rigsight.training.models.mlp_head import DetailHead, MlpHead
from rigsight.training.models.saliency import weighted_average

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SEMANTIC_STAGES = 2


class SegMiFOptions(StrictModel):
    """The defaults are the paper's network; ``segmif_nano`` is another configuration of the same classes."""

    classes: int = Field(default=9, ge=2, le=255)
    encoder: str = Field(default="mit_b3", pattern="^(" + "|".join(SIZES) + ")$")
    head_width: int = Field(default=256, ge=8)
    drop_path: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    fusion_channels: int = Field(default=64, ge=2)
    fusion_growth: int = Field(default=32, ge=1)
    fusion_heads: int = Field(default=8, ge=1)
    fusion_scale: int = Field(default=1, ge=1, le=4, description="the fusion net works at 1/scale")
    fusion_residual: bool = Field(default=False, description="fused = saliency-weighted average + net")
    detail: int = Field(default=0, ge=0, description="channels of the half-resolution branch, 0 = none")

    @model_validator(mode="after")
    def _check(self) -> SegMiFOptions:
        if self.fusion_channels % self.fusion_heads:
            raise ValueError("fusion_channels must be a multiple of fusion_heads")
        return self


_NANO: dict[str, Any] = {
    "encoder": "mit_nano",
    "head_width": 64,
    "drop_path": 0.0,
    "dropout": 0.0,
    "fusion_channels": 8,
    "fusion_growth": 4,
    "fusion_heads": 1,
    "fusion_scale": 2,
    "fusion_residual": True,
    "detail": 16,
}


class SegMiF(nn.Module):
    """Fusion network, encoder and head; 45,568,331 parameters with the defaults and 9 classes."""

    mean: Tensor
    std: Tensor

    def __init__(self, options: SegMiFOptions) -> None:
        super().__init__()
        self.options = options
        self.encoder = Mit(options.encoder, options.drop_path)
        widths = self.encoder.widths
        self.fusion = FusionNet(
            options.fusion_channels,
            options.fusion_growth,
            options.fusion_heads,
            semantic=(widths[0], widths[1]),
            scale=options.fusion_scale,
            residual=options.fusion_residual,
        )
        self.head: MlpHead | DetailHead
        if options.detail:
            self.head = DetailHead(
                widths, options.head_width, options.classes, options.detail, dropout=options.dropout
            )
        else:
            self.head = MlpHead(widths, options.head_width, options.classes, options.dropout)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, rgb: Tensor, thermal: Tensor, tables: Tensor) -> dict[str, Tensor]:
        """Both tasks.

        Args:
            rgb: float [N,3,H,W] in [0, 1]; zeros when missing.
            thermal: float [N,1,H,W] in [0, 1] after the AGC; zeros when missing.
            tables: float [N,2,256], ``rigsight.edge.saliency.vsm_tables`` of the two pictures.

        Returns:
            ``fused`` [N,3,H,W] and ``luma`` [N,1,H,W], both in [0, 1]; ``logits`` [N,classes,H,W].
        """
        grey = self.fuse(rgb, thermal, tables).clamp(0.0, 1.0)
        fused = self.colour(grey, rgb)
        return {"fused": fused, "luma": grey, "logits": self.segment(fused, rgb, thermal)}

    def fuse(self, rgb: Tensor, thermal: Tensor, tables: Tensor) -> Tensor:
        """Fused luma [N,1,H,W] before the clamp (losses need its gradient everywhere)."""
        return self.fuse_with_average(rgb, thermal, tables)[0]

    def fuse_with_average(self, rgb: Tensor, thermal: Tensor, tables: Tensor) -> tuple[Tensor, Tensor]:
        """Fused luma and the saliency-weighted average, which is the intensity loss's target."""
        visible = luma(rgb)
        average = weighted_average(visible, thermal, tables)
        stages = self.encoder(self._normalise(average.expand(-1, 3, -1, -1)), SEMANTIC_STAGES)
        fused: Tensor = self.fusion(visible, thermal, average, stages)
        return fused, average

    def colour(self, grey: Tensor, rgb: Tensor) -> Tensor:
        """The fused luma with the visible picture's chroma, [N,3,H,W] in [0, 1]."""
        return recolour(grey, *chroma(rgb, luma(rgb)))

    def segment(self, fused: Tensor, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Logits [N,classes,H,W] of a fused picture; the sources only feed the detail branch, if any."""
        stages = self.encoder(self._normalise(fused))
        if self.options.detail:
            pictures = torch.cat([fused, luma(rgb), thermal], dim=1) - 0.5
            full: Tensor = self.head(stages, pictures)
            return full
        return F.interpolate(self.head(stages), size=fused.shape[2:], mode="bilinear")

    def _normalise(self, picture: Tensor) -> Tensor:
        return (picture - self.mean) / self.std


def segmif(**options: Any) -> SegMiF:
    """The network of the paper; options as in :class:`SegMiFOptions`. Raises TRN-102."""
    try:
        return SegMiF(SegMiFOptions.model_validate(options))
    except ValidationError as error:
        raise codes.MODEL_OPTIONS(explain(error, SegMiFOptions), where="model.options") from error


def segmif_nano(**options: Any) -> SegMiF:
    """The small configuration for 320x240 on a CPU; options as in :class:`SegMiFOptions`. Raises TRN-102."""
    return segmif(**{**_NANO, **options})
