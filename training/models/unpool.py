"""2x2 max pooling that remembers where its maxima were, and the unpooling that puts values back there.

torch has both as ``max_pool2d(..., return_indices=True)`` and ``max_unpool2d``, but TensorRT's ONNX parser
knows neither MaxUnpool nor the indices. The same from slices and comparisons: the four phases of the map
(even and odd rows and columns), each compared with the maximum; the first phase that equals it, in reading
order, is where torch's index points, so both forms agree to the bit, ties included.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def phases(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The values of every 2x2 window in reading order: [N,C,2h,2w] -> four times [N,C,h,w]."""
    return x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2], x[..., 1::2, 1::2]


def pool_select(x: Tensor) -> tuple[Tensor, Tensor]:
    """Maxima of the 2x2 windows, and which of the four phases held them.

    Args:
        x: [N,C,2h,2w] without NaN.

    Returns:
        maxima [N,C,h,w]; selectors bool [N,C,4,h,w], one of four true.

    >>> largest, where = pool_select(torch.tensor([[[[0.0, 2.0], [2.0, 1.0]]]]))
    >>> largest.item(), where.flatten().tolist()
    (2.0, [False, True, False, False])
    """
    a, b, c, d = phases(x)
    top, bottom = torch.maximum(a, b), torch.maximum(c, d)
    largest = torch.maximum(top, bottom)
    upper = top >= bottom
    left, lower_left = a >= b, c >= d
    where = [upper & left, upper & ~left, ~upper & lower_left, ~upper & ~lower_left]
    return largest, torch.stack(where, dim=2)


def unpool_select(y: Tensor, where: Tensor) -> Tensor:
    """Every value where its window's maximum was, zeros elsewhere: [N,C,h,w] -> [N,C,2h,2w]."""
    spread = y.unsqueeze(2) * where.to(y.dtype)
    return F.pixel_shuffle(spread.flatten(1, 2), 2)


def pool(x: Tensor, indices: bool) -> tuple[Tensor, Tensor]:
    """Maxima and what :func:`unpool` needs: torch's indices (faster), or the selectors (exportable)."""
    if not indices:
        return pool_select(x)
    largest, where = F.max_pool2d(x, 2, return_indices=True)
    return largest, where


def unpool(y: Tensor, where: Tensor) -> Tensor:
    """Put the values [N,C,h,w] back to where :func:`pool` found the maxima; [N,C,2h,2w]."""
    return unpool_select(y, where) if where.dtype == torch.bool else F.max_unpool2d(y, where, [2, 2])
