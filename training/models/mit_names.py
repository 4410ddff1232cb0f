"""A MiT encoder's weights under the names that :class:`rigsight.training.models.mit.Mit` has.

Three spellings are known: NVIDIA's own (SegFormer, and SegMiF's encoder), transformers 4's and 5's (ours).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor

_PREFIX = re.compile(r"^(?:backbone|encoder|segformer)\.(?:encoder\.)?")

# NVIDIA counts stages from 1.
_NVIDIA: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"^patch_embed(\d)\.norm\.", lambda m: f"stages.{int(m[1]) - 1}.patch_embeddings.layer_norm."),
    (r"^patch_embed(\d)\.", lambda m: f"stages.{int(m[1]) - 1}.patch_embeddings."),
    (r"^block(\d)\.", lambda m: f"stages.{int(m[1]) - 1}.blocks."),
    (r"^norm(\d)\.", lambda m: f"stages.{int(m[1]) - 1}.layer_norm."),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"\.attn\.q\.", ".attention.q_proj."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"\.attn\.sr\.", ".attention.sequence_reduction.sequence_reduction."),
    (r"\.attn\.norm\.", ".attention.sequence_reduction.layer_norm."),
)
_TRANSFORMERS_4: tuple[tuple[str, str], ...] = (
    (r"^patch_embeddings\.(\d)\.", r"stages.\1.patch_embeddings."),
    (r"^block\.(\d)\.", r"stages.\1.blocks."),
    (r"^layer_norm\.(\d)\.", r"stages.\1.layer_norm."),
    (r"\.layer_norm_1\.", ".layernorm_before."),
    (r"\.layer_norm_2\.", ".layernorm_after."),
    (r"\.attention\.self\.query\.", ".attention.q_proj."),
    (r"\.attention\.self\.key\.", ".attention.k_proj."),
    (r"\.attention\.self\.value\.", ".attention.v_proj."),
    (r"\.attention\.self\.sr\.", ".attention.sequence_reduction.sequence_reduction."),
    (r"\.attention\.self\.layer_norm\.", ".attention.sequence_reduction.layer_norm."),
    (r"\.attention\.output\.dense\.", ".attention.o_proj."),
    (r"\.mlp\.dense1\.", ".mlp.fc1."),
    (r"\.mlp\.dense2\.", ".mlp.fc2."),
)
_KEY_VALUE = ".attn.kv."


def renamed_mit(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's weights under our names; names of no known spelling stay as they are.

    NVIDIA's joint key and value layer [2C, C] is cut into its two halves, key first.

    >>> import torch
    >>> found = renamed_mit({"block1.0.attn.kv.bias": torch.arange(4.0), "norm4.bias": torch.zeros(1)})
    >>> {name: value.tolist() for name, value in found.items()}  # doctest: +NORMALIZE_WHITESPACE
    {'stages.0.blocks.0.attention.k_proj.bias': [0.0, 1.0],
     'stages.0.blocks.0.attention.v_proj.bias': [2.0, 3.0],
     'stages.3.layer_norm.bias': [0.0]}
    """
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        key = _renamed(_PREFIX.sub("", name))
        if _KEY_VALUE in key:
            halves = value.chunk(2)
            for part, half in zip(("k_proj", "v_proj"), halves, strict=True):
                found[key.replace(_KEY_VALUE, f".attention.{part}.")] = half.clone()
        else:
            found[key] = value
    return found


def _renamed(key: str) -> str:
    for pattern, ours in _NVIDIA:
        key = re.sub(pattern, ours, key)
    for pattern, plain in _TRANSFORMERS_4:
        key = re.sub(pattern, plain, key)
    return key
