"""Hierarchical interactive attention: segmentation features and modality features inform each other.

SegMiF, section 3.2. Attention is linear in the pixels: K^T V first, one d x d context a head. MoAM follows
the text (Q of the modality, context of the segmentation), not the printed formula; see docs/fidelity.md.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

STREAMS = ("ir", "vis", "seg")


class HIA(nn.Module):
    """SoAM and MoAM for both modalities; 66,304 parameters with 64 channels.

    With one of the two (the paper's ablation, table 3) only what that one needs is built.
    """

    def __init__(self, channels: int, heads: int, soam: bool = True, moam: bool = True) -> None:
        """Raises ValueError when neither attention is wanted."""
        super().__init__()
        self.ways = soam + moam
        if not self.ways:
            raise ValueError("HIA without SoAM and MoAM is no attention")
        self.channels, self.heads, self.soam, self.moam = channels, heads, soam, moam
        self.scale = (channels // heads) ** -0.5
        contexts = (STREAMS[:2] if soam else ()) + (STREAMS[2:] if moam else ())
        self.embed = nn.ModuleDict({name: nn.Linear(channels, self.ways * channels) for name in STREAMS})
        self.key_value = nn.ModuleDict(
            {name: nn.Linear(channels, 2 * channels, bias=False) for name in contexts}
        )
        self.merge = nn.ModuleDict({name: nn.Linear(self.ways * channels, channels) for name in STREAMS[:2]})
        self.norm = nn.ModuleDict({name: nn.LayerNorm(channels) for name in STREAMS[:2]})

    def forward(self, ir: Tensor, vis: Tensor, seg: Tensor) -> tuple[Tensor, Tensor]:
        """Three maps [N,C,H,W] -> the two modality maps, enriched, [N,C,H,W] each."""
        maps = {"ir": ir, "vis": vis, "seg": seg}
        tokens = {name: x.permute(0, 2, 3, 1).flatten(1, 2) for name, x in maps.items()}
        y, u = {}, {}  # for SoAM, for MoAM
        for name, x in tokens.items():
            halves = torch.relu(self.embed[name](x)).chunk(self.ways, dim=-1)
            y[name], u[name] = halves[0], halves[-1]
        seg_context = self._context("seg", u["seg"]) if self.moam else None
        out = []
        for name in ("ir", "vis"):
            found = []
            if self.soam:
                found.append(self._attend(y["seg"], self._context(name, y[name])))
            if seg_context is not None:
                found.append(self._attend(u[name], seg_context))
            merged = self.merge[name](torch.cat(found, dim=-1))
            x = self.norm[name](tokens[name] + merged)
            out.append(x.reshape(ir.shape[0], *ir.shape[2:], self.channels).permute(0, 3, 1, 2))
        return out[0], out[1]

    def _context(self, name: str, x: Tensor) -> Tensor:
        """softmax over rows of s K^T V, [N,heads,d,d].

        In float32 whatever the rest computes in: a sum over all pixels passes the range of float16.
        """
        key, value = self.key_value[name](x).chunk(2, dim=-1)
        key, value = self._split(key).float(), self._split(value).float()
        context = (key * self.scale).transpose(-2, -1) @ value
        attention: Tensor = context.softmax(dim=-2).to(x.dtype)
        return attention

    def _attend(self, query: Tensor, context: Tensor) -> Tensor:
        return (self._split(query) @ context).transpose(1, 2).flatten(2)

    def _split(self, x: Tensor) -> Tensor:
        """[N,L,C] -> [N,heads,L,d]."""
        batch, length, channels = x.shape
        return x.reshape(batch, length, self.heads, channels // self.heads).transpose(1, 2)
