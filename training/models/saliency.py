"""The saliency-weighted average of both pictures: what SegMiF's encoder sees before there is a fused one."""

from __future__ import annotations

import torch
from torch import Tensor


def weighted_average(visible: Tensor, thermal: Tensor, tables: Tensor) -> Tensor:
    """m1 Y + m2 T with m1 = .5 + (V_Y - V_T) / 2 and m2 = 1 - m1 (Ma et al. 2017, base-layer rule).

    Args:
        visible: luma [N,1,H,W] in [0, 1]; looked up in ``tables[:, 0]`` after rounding to 8 bits.
        thermal: [N,1,H,W] in [0, 1]; looked up in ``tables[:, 1]``.
        tables: saliency of every grey level, float32 [N,2,256] (``rigsight.edge.saliency.vsm_tables``).

    Returns:
        [N,1,H,W] in [0, 1].

    >>> tables = torch.zeros(1, 2, 256); tables[0, 0, 255] = 1.0
    >>> weighted_average(torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1), tables).item()
    1.0
    """
    first = 0.5 + (_look_up(visible, tables[:, 0]) - _look_up(thermal, tables[:, 1])) / 2
    return first * visible + (1 - first) * thermal


def _look_up(grey: Tensor, table: Tensor) -> Tensor:
    """``table`` [N,256] at the 8-bit levels of ``grey`` [N,1,H,W]; one Gather, which every engine has."""
    levels = (grey * 255.0 + 0.5).clamp(0.0, 255.0).to(torch.int64)
    offset = torch.arange(table.shape[0], device=grey.device).view(-1, 1, 1, 1) * table.shape[1]
    return table.reshape(-1).index_select(0, (levels + offset).reshape(-1)).reshape(grey.shape)
