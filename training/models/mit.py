"""Mix Transformer encoders (SegFormer), as implemented by transformers, with the paper's normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

BLOCK_NORM_EPS = 1e-6


@dataclass(frozen=True)
class MitSize:
    """Widths, depths and heads of the four stages."""

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    heads: tuple[int, int, int, int]


SIZES: dict[str, MitSize] = {
    "mit_b0": MitSize((32, 64, 160, 256), (2, 2, 2, 2), (1, 2, 5, 8)),
    "mit_b1": MitSize((64, 128, 320, 512), (2, 2, 2, 2), (1, 2, 5, 8)),
    "mit_b2": MitSize((64, 128, 320, 512), (3, 4, 6, 3), (1, 2, 5, 8)),
    "mit_b3": MitSize((64, 128, 320, 512), (3, 4, 18, 3), (1, 2, 5, 8)),
    # Narrower than any published one: the shipped demo model runs on a CPU.
    "mit_nano": MitSize((16, 32, 64, 96), (2, 2, 2, 2), (1, 2, 2, 3)),
}


class Mit(nn.Module):
    """MiT encoder: four stages at 1/4, 1/8, 1/16 and 1/32 (MiT-b3: 44,072,128 parameters).

    transformers builds every LayerNorm with eps 1e-5; the blocks' and stages' have 1e-6 in SegFormer.
    """

    def __init__(self, size: str, drop_path: float = 0.1) -> None:
        super().__init__()
        from transformers import SegformerConfig, SegformerModel

        chosen = SIZES[size]
        self.widths = chosen.widths
        config: Any = SegformerConfig(  # type: ignore[call-arg]
            depths=chosen.depths,
            hidden_sizes=chosen.widths,
            num_attention_heads=chosen.heads,
            drop_path_rate=drop_path,
            attn_implementation="eager",
        )
        stages: Any = SegformerModel(config).stages
        self.stages: nn.ModuleList = stages
        for stage in stages:
            stage.layer_norm.eps = BLOCK_NORM_EPS
            for block in stage.blocks:
                block.layernorm_before.eps = BLOCK_NORM_EPS
                block.layernorm_after.eps = BLOCK_NORM_EPS

    def forward(self, x: Tensor, stages: int = 4) -> list[Tensor]:
        """Normalised picture [N,3,H,W] -> the first ``stages`` feature maps, NCHW."""
        features = []
        for stage in self.stages[:stages]:
            x = stage(x)
            features.append(x)
        return features
