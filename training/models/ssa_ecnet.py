"""SSA-ECNet: MFNet with two cross-attention modules, AIC-AM (Li et al., SSA-ECNet, section III).

Both modules sit at a quarter of the picture's size: before the third pooling of the RGB encoder, and before
the third enlargement of the decoder. What the paper leaves open is in docs/fidelity.md.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field, ValidationError
from torch import Tensor, nn

from rigsight.base.schema import explain
from rigsight.training import codes
from rigsight.training.models.attention import CrossAttention
from rigsight.training.models.mfnet import DECODER_WIDTHS, IR_WIDTHS, RGB_WIDTHS, MfNet, MfNetOptions


class SsaEcnetOptions(MfNetOptions):
    """The defaults are our reading of the paper."""

    mode: Literal["cross", "self"] = Field(
        default="cross", description="weights from both modalities, or from the weighted features alone"
    )
    residual: bool = Field(default=False, description="W x + x instead of W x")


class FusedGate(nn.Module):
    """AIC-AM: W x, with W in (0, 1) from the "initial fused feature" of ``x`` and its guide.

    The fused feature is a 1x1 convolution of both; without a guide (``guide_channels`` 0) it is ``x``.
    """

    def __init__(self, channels: int, guide_channels: int, residual: bool) -> None:
        super().__init__()
        self.fuse = nn.Conv2d(channels + guide_channels, channels, 1) if guide_channels else None
        self.weigh = CrossAttention(channels)
        self.residual = residual

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """[N,C,H,W] and [N,G,H,W] -> [N,C,H,W]."""
        fused = x if self.fuse is None else self.fuse(torch.cat([x, guide], dim=1))
        weighted: Tensor = self.weigh(fused) * x
        return weighted + x if self.residual else weighted


class SsaEcnet(MfNet):
    """768,790 parameters for two classes: MFNet's 734,238 and 12,628 + 21,924 for the modules."""

    options: SsaEcnetOptions

    def __init__(self, options: SsaEcnetOptions) -> None:
        super().__init__(options)
        guide = IR_WIDTHS[2] if options.mode == "cross" else 0
        self.encoder_gate = FusedGate(RGB_WIDTHS[2], guide, options.residual)
        self.decoder_gate = FusedGate(DECODER_WIDTHS[1], guide, options.residual)

    def gate_encoder(self, rgb3: Tensor, ir3: Tensor) -> Tensor:
        """RGB features of stage 3, weighted; pooling and skip both take these."""
        gated: Tensor = self.encoder_gate(rgb3, ir3)
        return gated

    def gate_decoder(self, x: Tensor, ir3: Tensor) -> Tensor:
        """Decoder features, weighted with the infrared features of the same size as guide."""
        gated: Tensor = self.decoder_gate(x, ir3)
        return gated


def ssa_ecnet(**options: Any) -> SsaEcnet:
    """The network of the paper; options as in :class:`SsaEcnetOptions`. Raises TRN-102."""
    try:
        return SsaEcnet(SsaEcnetOptions.model_validate(options))
    except ValidationError as error:
        raise codes.MODEL_OPTIONS(explain(error, SsaEcnetOptions), where="model.options") from error
