"""The L2,1 norm of a network's convolutions (SSA-ECNet eq. 2; Yuan and Lin, group lasso, 2006)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_AT_ZERO = 1e-12  # added inside the root, whose gradient at 0 is not finite


def group_lasso(network: nn.Module) -> Tensor:
    """Sum over all output filters of all convolutions of the filter's Euclidean norm; scalar.

    A filter is a row: weights [out, in, k, k] are seen as out rows. Biases and norms do not count. The norm
    draws whole filters to zero, which leaves sparse rows.

    >>> layer = nn.Conv2d(1, 2, (1, 2), bias=False)
    >>> layer.weight.data = torch.tensor([3.0, 4.0, 0.0, 2.0]).view(2, 1, 1, 2)
    >>> round(group_lasso(layer).item(), 4)  # 5 + 2
    7.0
    """
    rows = [
        (module.weight.flatten(1).square().sum(dim=1) + _AT_ZERO).sqrt().sum()
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    return torch.stack(rows).sum() if rows else torch.zeros(())
