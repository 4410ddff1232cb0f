"""SegMiF for robots: the same cascade in at most 15 GMAC at 480x640, of operators that quantise well."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError

from rigsight.base.schema import StrictModel, explain
from rigsight.training import codes
from rigsight.training.models.conv_encoder import ConvEncoder
from rigsight.training.models.fusion_edge import EdgeFusionNet
from rigsight.training.models.mlp_head import DetailHead
from rigsight.training.models.segmif import SegMiF


class SegMiFEdgeOptions(StrictModel):
    """The defaults with nine classes have 2,652,445 parameters and take 11.1 GMAC at 480x640."""

    classes: int = Field(default=9, ge=2, le=255)
    widths: tuple[int, int, int, int] = Field(
        default=(32, 64, 128, 192), description="of the encoder's stages"
    )
    depths: tuple[int, int, int, int] = Field(default=(1, 2, 2, 2), description="residual blocks a stage")
    head_width: int = Field(default=128, ge=8)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    fusion_channels: int = Field(default=16, ge=2)
    detail: int = Field(default=16, ge=1, description="channels of the half-resolution branch")


def segmif_edge(**options: Any) -> SegMiF:
    """The student for robots; options as in :class:`SegMiFEdgeOptions`. Raises TRN-102."""
    try:
        chosen = SegMiFEdgeOptions.model_validate(options)
    except ValidationError as error:
        raise codes.MODEL_OPTIONS(explain(error, SegMiFEdgeOptions), where="model.options") from error
    encoder = ConvEncoder(chosen.widths, chosen.depths)
    fusion = EdgeFusionNet(chosen.fusion_channels, (chosen.widths[0], chosen.widths[1]))
    head = DetailHead(chosen.widths, chosen.head_width, chosen.classes, chosen.detail, dropout=chosen.dropout)
    return SegMiF(chosen, encoder, fusion, head)
