"""NAM, the normalised channel-wise self-attention (NaDiNet, section III-B)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_EPS = 1e-8


def channel_similarity(x: Tensor) -> Tensor:
    """Cosines between the channels of ``x`` [N,C,H,W] as [N,C,C] (eq. 2); rows of zeros for dead channels.

    Rows are normalised before the product, not after: the paper's order sums squares over all places first,
    which passes 65,504, the largest float16, at 384x384. Lengths are float32 whatever ``x`` is.

    >>> channel_similarity(torch.tensor([[[[3.0, 0.0]], [[1.0, 1.0]]]]))
    tensor([[[1.0000, 0.7071],
             [0.7071, 1.0000]]])
    """
    rows = x.flatten(2).float()
    lengths = torch.linalg.vector_norm(rows, dim=2, keepdim=True)
    # No sum of both: ONNX Runtime takes the addition of 1e-8 for none, and dead channels become 0 / 0.
    unit = (rows / lengths.clamp(min=_EPS)).to(x.dtype)
    similarity: Tensor = unit @ unit.transpose(1, 2)
    return similarity


class Nam(nn.Module):
    """sigma X A + A with X of :func:`channel_similarity` and one learnt sigma that starts at 0.

    Residual and sigma are those of DANet's channel attention (Fu et al., CVPR 2019, eq. 4).
    """

    def __init__(self) -> None:
        super().__init__()
        self.sigma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W], not negative -> [N,C,H,W]."""
        mixed = (channel_similarity(x) @ x.flatten(2)).view_as(x)
        return self.sigma * mixed + x
