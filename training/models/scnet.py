"""SCNet: crack segmentation with attention at every scale (Sharma, Pradhan, Purushothaman, ICVGIP 2021).

A VGG16 encoder whose pooling places lead the unpooling of its mirror; a gate after each of the blocks; an
enhancement encoder that carries the encoder's refined maps downwards; one logit map a scale, all fused.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field, ValidationError, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.base.schema import StrictModel, explain
from rigsight.training import codes
from rigsight.training.models.scnet_sides import FusedSides, ScaleAttention, enhanced
from rigsight.training.models.scnet_trunk import VGG_DEPTHS, VGG_WIDTHS, Down, Lift, pooled


class ScnetOptions(StrictModel):
    """The defaults are the paper's network with five levels; ``scnet_edge`` is another configuration."""

    levels: Literal[4, 5] = 5
    width: float = Field(default=1.0, gt=0, le=2, description="factor of VGG16's channels")
    widths: tuple[int, ...] | None = Field(default=None, description="channels of the levels, over width")
    depths: tuple[int, ...] | None = Field(default=None, description="convolutions of the levels")
    norm: Literal["instance", "batch"] = "instance"
    act: Literal["relu"] = "relu"
    edge: Literal["hed", "canny", "none"] = Field(default="hed", description="the prior in a fourth channel")
    hed_weights: str | None = Field(
        default=None, description="file of HED's weights: the network makes its edge maps itself"
    )
    attention: bool = Field(default=True, description="False: the baseline without gates")
    attention_in_trunk: bool = Field(default=True, description="False: gates only lead to the side maps")
    refined: int = Field(default=1, ge=1, le=64, description="channels of F_r, C' of equation 1")
    align_corners: bool = Field(default=True, description="how side maps are enlarged")
    up: Literal["unpool", "bilinear", "nearest"] = "unpool"
    skip: Literal["none", "add", "concat"] = "none"
    context: tuple[int, ...] | None = Field(default=None, description="dilations of the deepest level")
    cells: Literal[1, 2, 4] = Field(
        default=1, description="the network works on cells of so many pixels squared; the finest map is full"
    )
    gain: float = Field(default=0.02, gt=0, description="of Xavier's normal distribution, in the trunk")
    prior: float | None = Field(default=None, gt=0, lt=1, description="foreground share at the start")

    @model_validator(mode="after")
    def _check(self) -> ScnetOptions:
        for name in ("widths", "depths"):
            given = getattr(self, name)
            if given is not None and (len(given) != self.levels or min(given) < 1):
                raise ValueError(f"{name} must be {self.levels} numbers, one a level")
        if self.hed_weights is not None and self.edge != "hed":
            raise ValueError("hed_weights belong to edge: hed")
        if self.context is not None and len(self.context) != self.channels_and_depths()[1][-1]:
            raise ValueError("context must be one dilation for each convolution of the deepest level")
        return self

    def channels_and_depths(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Channels and numbers of convolutions of the levels, full resolution first.

        >>> ScnetOptions(levels=4, width=0.25).channels_and_depths()
        ((16, 32, 64, 128), (2, 2, 3, 3))
        """
        widths = tuple(max(round(self.width * w), 1) for w in VGG_WIDTHS[: self.levels])
        return self.widths or widths, self.depths or VGG_DEPTHS[: self.levels]


_EDGE: dict[str, Any] = {
    "levels": 4,
    "cells": 2,
    "widths": (32, 64, 96, 128),
    "depths": (2, 2, 2, 2),
    "norm": "batch",
    "edge": "none",
    "align_corners": False,
    "up": "nearest",
    "skip": "concat",
    "gain": 1.0,
    "prior": 0.05,
}


class Scnet(nn.Module):
    """29,461,683 parameters with the defaults, 15,303,847 with four levels."""

    task = "binary"

    def __init__(self, options: ScnetOptions) -> None:
        super().__init__()
        self.options = options
        # In a list: HED rests, and its weights are no part of this network's.
        self._hed: list[nn.Module] = []
        if options.hed_weights is not None:
            from rigsight.training.models.hed import load_hed

            self._hed.append(load_hed(options.hed_weights).requires_grad_(False))
        alone = options.edge == "none" or self._hed
        self.inputs: tuple[str, ...] = ("rgb",) if alone else ("rgb", "edges")
        widths, depths = options.channels_and_depths()
        area = options.cells**2
        enters = ((3 if options.edge == "none" else 4) * area, *widths[:-1])
        leaves = (widths[0], *widths[:-1])
        dilations = (*[None] * (options.levels - 1), options.context)
        self.down = nn.ModuleList(
            Down(a, b, depth, options.norm, dilation)
            for a, b, depth, dilation in zip(enters, widths, depths, dilations, strict=True)
        )
        self.lift = nn.ModuleList(
            Lift(a, b, depth, options.norm, options.up, options.skip)
            for a, b, depth in zip(widths, leaves, depths, strict=True)
        )
        # Of the finest level every pixel of a cell has its own refined maps.
        refined = (options.refined * area, *[options.refined] * (options.levels - 1))
        self.attend_down = nn.ModuleList(
            ScaleAttention(c, r, options.attention) for c, r in zip(widths, refined, strict=True)
        )
        self.attend_up = nn.ModuleList(
            ScaleAttention(c, r, options.attention) for c, r in zip(leaves, refined, strict=True)
        )
        self.sides = FusedSides(refined, options.align_corners, options.cells)
        self._start()

    def forward(self, rgb: Tensor, edges: Tensor | None = None) -> dict[str, Tensor | list[Tensor]]:
        """Crack logits.

        Args:
            rgb: float [N,3,H,W] in [0, 1], of any size: it is padded by its border to a multiple of
                cells 2^levels, and the maps are cut to its size again.
            edges: float [N,1,H,W], 0 or 1; only if :attr:`inputs` names it.

        Returns:
            ``logits`` [N,1,H,W]; in training also ``sides``, one [N,1,H,W] a level, full resolution first.
        """
        height, width = rgb.shape[2:]
        for hed in self._hed:
            edges = _above_half(hed.to(rgb.device), rgb)
        x = rgb if edges is None else torch.cat([rgb, edges], dim=1)
        x = self._pad((x - 0.5) / 0.5)
        fused, sides = self._maps(F.pixel_unshuffle(x, self.options.cells) if self.options.cells > 1 else x)
        out: dict[str, Tensor | list[Tensor]] = {"logits": fused[..., :height, :width]}
        if self.training:
            out["sides"] = [side[..., :height, :width] for side in sides]
        return out

    def _maps(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        up, trunk = self.options.up, self.options.attention_in_trunk
        encoded, places, refined = [], [], []
        for down, attend in zip(self.down, self.attend_down, strict=True):
            features = down(x)
            gated, side = attend(features)
            encoded.append(gated if trunk else features)
            refined.append(side)
            # Training takes torch's own kernels, evaluation the form that exports; both agree to the bit.
            x, where = pooled(encoded[-1], up, indices=self.training)
            places.append(where)
        decoded: list[Tensor] = []
        for i in reversed(range(self.options.levels)):
            features = self.lift[i](x, places[i], encoded[i])
            gated, side = self.attend_up[i](features)
            x = gated if trunk else features
            decoded.insert(0, side)
        fused, sides = self.sides(enhanced(refined), decoded)
        return fused, sides

    def _pad(self, x: Tensor) -> Tensor:
        step = self.options.cells * 2**self.options.levels
        right, below = -x.shape[3] % step, -x.shape[2] % step
        return F.pad(x, (0, right, 0, below), mode="replicate") if right or below else x

    def _start(self) -> None:
        """Xavier's normal distribution; behind a norm its gain is the learning rate's factor, gain^-2."""
        heads = {m for part in (self.attend_down, self.attend_up, self.sides) for m in part.modules()}
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_normal_(module.weight, 1.0 if module in heads else self.options.gain)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.options.prior is not None:
            self.sides.start_from(self.options.prior)


@torch.no_grad()
def _above_half(hed: nn.Module, rgb: Tensor) -> Tensor:
    """Binary edge map float [N,1,H,W], in full precision whatever the network computes in."""
    with torch.autocast(rgb.device.type, enabled=False):
        probability: Tensor = hed(rgb.float())
        return (probability > 0.5).to(rgb.dtype)


def scnet(**options: Any) -> Scnet:
    """The network of the paper; options as in :class:`ScnetOptions`.

    Raises:
        RigsightError: TRN-102 for options that it does not take, TRN-103 for a file that is not HED's.
    """
    try:
        return Scnet(ScnetOptions.model_validate(options))
    except ValidationError as error:
        raise codes.MODEL_OPTIONS(explain(error, ScnetOptions), where="model.options") from error


def scnet_4level(**options: Any) -> Scnet:
    """Four levels, half the parameters; options as in :class:`ScnetOptions`. Raises TRN-102."""
    return scnet(**{"levels": 4, **options})


def scnet_edge(**options: Any) -> Scnet:
    """The small configuration for robots; options as in :class:`ScnetOptions`. Raises TRN-102."""
    return scnet(**{**_EDGE, **options})
