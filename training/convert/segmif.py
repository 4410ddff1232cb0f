"""SegMiF's names (JinyuanLiu-CV/SegMiF): a file of the fusion network and one of the segmentation network.

Fusion_Network3_ac has a second attention module that is never called, and the segmentation network a
classifier that is never used; both stay behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from rigsight.training.convert.origin import Origin, Weights
from rigsight.training.models.mit import SIZES
from rigsight.training.models.mit_names import renamed_mit
from rigsight.training.models.pretrained import NVIDIA_LICENCE

_ENCODER = "encoder."
_CONVOLUTIONS = (
    ("conv1_ir", "first_ir"),
    ("conv1_vis", "first_vis"),
    ("conv3", "semantic.0"),
    ("conv4", "semantic.1"),
    ("conv2", "decoder.0"),
    ("conv21", "decoder.1"),
    ("conv22", "decoder.2"),
    ("relu", "activation"),
)
_HIA = (
    ("channel_proj1", "embed.ir"),
    ("channel_proj2", "embed.vis"),
    ("channel_proj3", "embed.seg"),
    (r"cross_attn2\.kv1", "key_value.ir"),
    (r"cross_attn2\.kv2", "key_value.vis"),
    (r"cross_attn\.kv3", "key_value.seg"),
    ("end_proj1", "merge.ir"),
    ("end_proj2", "merge.vis"),
    ("norm1", "norm.ir"),
    ("norm2", "norm.vis"),
)


def _names() -> Iterable[tuple[str, str]]:
    for theirs, ours in _CONVOLUTIONS:
        yield rf"{theirs}\.(weight|bias)", rf"fusion.{ours}.\1"
    for block in range(4):
        for layer in range(5):
            pattern = rf"DRDB{block + 1}\.Dcov{layer + 1}\.(\w+)"
            yield pattern, rf"fusion.drdb.{block}.layers.{layer}.\1"
        yield rf"DRDB{block + 1}\.conv\.(\w+)", rf"fusion.drdb.{block}.merge.\1"
    for theirs, ours in _HIA:
        yield rf"ffm\.cross\.{theirs}\.(\w+)", rf"fusion.interact.0.{ours}.\1"
    yield r"denoise_net\.encoder\.(.+)", rf"{_ENCODER}\1"  # the encoder's own names change in _prepare
    for stage in range(4):
        yield rf"denoise_net\.decoder\.linear_c{stage + 1}\.proj\.(\w+)", rf"head.project.{stage}.\1"
    yield r"denoise_net\.decoder\.linear_fuse\.conv\.(\w+)", r"head.merge.0.\1"
    yield r"denoise_net\.decoder\.linear_fuse\.bn\.(\w+)", r"head.merge.1.\1"
    yield r"denoise_net\.decoder\.linear_pred\.(\w+)", r"head.classify.\1"


def _prepare(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """MiT's names become ours, and the head's layers over tokens 1x1 convolutions (the same product)."""
    encoder = {name: value for name, value in weights.items() if name.startswith(_ENCODER)}
    rest = {name: value for name, value in weights.items() if name not in encoder}
    for name, value in rest.items():
        if name.startswith("head.project.") and value.ndim == 2:
            rest[name] = value[:, :, None, None]
    return {**rest, **{_ENCODER + name: value for name, value in renamed_mit(encoder).items()}}


def _options(weights: Weights) -> dict[str, Any]:
    """Encoder, head, fusion network and classes, from shapes."""
    shape = {name: tuple(value.shape) for name, value in weights.items()}
    options: dict[str, Any] = {}
    depths = tuple(
        len({name.split(".")[4] for name in shape if name.startswith(f"{_ENCODER}stages.{i}.blocks.")})
        for i in range(4)
    )
    width = shape.get("encoder.stages.0.patch_embeddings.proj.weight", (0,))[0]
    for name, size in SIZES.items():
        if size.depths == depths and size.widths[0] == width:
            options["encoder"] = name
    if "head.classify.weight" in shape:
        options["classes"], options["head_width"] = shape["head.classify.weight"][:2]
    if "fusion.drdb.0.layers.0.weight" in shape:
        growth, channels = shape["fusion.drdb.0.layers.0.weight"][:2]
        options["fusion_growth"], options["fusion_channels"] = growth, channels
    return options


SEGMIF = Origin(
    title="SegMiF (JinyuanLiu-CV/SegMiF)",
    licence=f"none stated, so all rights reserved; encoder: {NVIDIA_LICENCE}",
    names=tuple(_names()),
    dead=(r"ffm2\..+", r"denoise_net\.classifier\..+"),
    options=_options,
    prepare=_prepare,
    parts=(
        ("fusion.", "the fusion network"),
        (_ENCODER, "the segmentation network"),
        ("head.", "the segmentation network"),
    ),
)
