"""Deep supervision: one loss on several maps of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def supervised(loss: Callable[[Tensor], Tensor], maps: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Weighted sum of ``loss`` over the maps; scalar.

    >>> supervised(lambda x: x.mean(), [torch.ones(2), torch.full((2,), 3.0)], (0.5, 1.0)).item()
    3.5

    Raises:
        ValueError: maps and weights differ in number.
    """
    terms = [weight * loss(each) for each, weight in zip(maps, weights, strict=True)]
    return torch.stack(terms).sum()
