"""SegMiF: fusion and segmentation as a cascade (Liu et al., Multi-interactive Feature Learning, ICCV 2023).

1. The saliency-weighted average of both pictures runs through stages 1 and 2 of the encoder.
2. The fusion network makes the fused luma, led by those features; the visible chroma colours it.
3. SegFormer (the same encoder, all stages) segments the fused picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import Field, ValidationError, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.base.schema import StrictModel, explain
from rigsight.training import codes
from rigsight.training.models.colour import chroma, luma, recolour
from rigsight.training.models.fusion_net import FusionNet
from rigsight.training.models.interaction import Interaction
from rigsight.training.models.mit import SIZES, Mit
from rigsight.training.models.mlp_head import DetailHead, MlpHead
from rigsight.training.models.pretrained import load_backbone
from rigsight.training.models.provenance import PretrainedWeights
from rigsight.training.models.saliency import weighted_average

if TYPE_CHECKING:
    from rigsight.training.models.conv_encoder import ConvEncoder
    from rigsight.training.models.fusion_edge import EdgeFusionNet
    from rigsight.training.models.segmif_edge import SegMiFEdgeOptions

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
    interaction: Interaction = Field(default="hia", description="what brings semantic features into fusion")
    detail: int = Field(default=0, ge=0, description="channels of the half-resolution branch, 0 = none")
    backbone_weights: str | None = Field(
        default=None, description="of the encoder: 'download', or a .pth or .safetensors file"
    )

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

    task: ClassVar[str] = "semantic"
    inputs: ClassVar[tuple[str, ...]] = ("rgb", "thermal", "tables")
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        options: SegMiFOptions | SegMiFEdgeOptions,
        encoder: Mit | ConvEncoder,
        fusion: FusionNet | EdgeFusionNet,
        head: MlpHead | DetailHead,
    ) -> None:
        super().__init__()
        self.options, self.encoder, self.fusion, self.head = options, encoder, fusion, head
        self.pretrained: tuple[PretrainedWeights, ...] = ()
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
        stages: list[Tensor] = []
        if self.fusion.guided:
            stages = self.encoder(self._normalise(average.expand(-1, 3, -1, -1)), SEMANTIC_STAGES)
        fused: Tensor = self.fusion(visible, thermal, average, stages)
        return fused, average

    def colour(self, grey: Tensor, rgb: Tensor) -> Tensor:
        """The fused luma with the visible picture's chroma, [N,3,H,W] in [0, 1]."""
        return recolour(grey, *chroma(rgb, luma(rgb)))

    def segment(self, fused: Tensor, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Logits [N,classes,H,W] of a fused picture; the sources only feed the detail branch, if any."""
        stages = self.encoder(self._normalise(fused))
        if isinstance(self.head, DetailHead):
            pictures = torch.cat([fused, luma(rgb), thermal], dim=1) - 0.5
            full: Tensor = self.head(stages, pictures)
            return full
        return F.interpolate(self.head(stages), size=fused.shape[2:], mode="bilinear")

    def _normalise(self, picture: Tensor) -> Tensor:
        return (picture - self.mean) / self.std


def segmif(**options: Any) -> SegMiF:
    """The network of the paper; options as in :class:`SegMiFOptions`. Raises TRN-102 to TRN-105."""
    try:
        chosen = SegMiFOptions.model_validate(options)
    except ValidationError as error:
        raise codes.MODEL_OPTIONS(explain(error, SegMiFOptions), where="model.options") from error
    encoder = Mit(chosen.encoder, chosen.drop_path)
    widths = encoder.widths
    fusion = FusionNet(
        chosen.fusion_channels,
        chosen.fusion_growth,
        chosen.fusion_heads,
        semantic=(widths[0], widths[1]),
        scale=chosen.fusion_scale,
        residual=chosen.fusion_residual,
        interaction=chosen.interaction,
    )
    head: MlpHead | DetailHead
    if chosen.detail:
        head = DetailHead(widths, chosen.head_width, chosen.classes, chosen.detail, dropout=chosen.dropout)
    else:
        head = MlpHead(widths, chosen.head_width, chosen.classes, chosen.dropout)
    network = SegMiF(chosen, encoder, fusion, head)
    if chosen.backbone_weights is not None:
        network.pretrained = (load_backbone(encoder, chosen.encoder, chosen.backbone_weights),)
    return network


def segmif_nano(**options: Any) -> SegMiF:
    """The small configuration for 320x240 on a CPU; options as in :class:`SegMiFOptions`. Raises TRN-102."""
    return segmif(**{**_NANO, **options})
