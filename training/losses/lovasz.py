"""The Lovász hinge's sibling on probabilities: a surrogate of 1 - IoU for binary masks.

Berman et al., The Lovász-Softmax loss, CVPR 2018: errors of eq. 8, extension of eq. 9.
"""

from __future__ import annotations

import torch
from torch import Tensor


def jaccard_steps(truth: Tensor) -> Tensor:
    """How much 1 - IoU grows with each further wrong pixel, [N,P]; ``truth`` 0 or 1 [N,P], worst error first.

    Entry i is J(first i+1 wrong) - J(first i wrong), the gradient of the Lovász extension.

    >>> jaccard_steps(torch.tensor([[1.0, 0.0, 1.0]]))  # J = 1/2, 2/3, 1
    tensor([[0.5000, 0.1667, 0.3333]])
    """
    total = truth.sum(dim=1, keepdim=True)
    intersection = total - truth.cumsum(dim=1)
    union = total + (1 - truth).cumsum(dim=1)
    jaccard = 1 - intersection / union
    return torch.diff(jaccard, dim=1, prepend=torch.zeros_like(jaccard[:, :1]))


def lovasz(probability: Tensor, truth: Tensor) -> Tensor:
    """The Lovász extension of 1 - IoU at the errors |g - p| of every mask, [N].

    The paper's eq. 17 garbles the errors: they are 1 - p on the object and p elsewhere.

    Args:
        probability: [N,...] in [0, 1].
        truth: 0 or 1, the same shape.

    >>> lovasz(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]]))  # a hard mask: 1 - IoU
    tensor([0.5000])
    """
    truth = truth.flatten(1).to(probability.dtype)
    errors, order = (truth - probability.flatten(1)).abs().sort(dim=1, descending=True)
    return (errors * jaccard_steps(truth.gather(1, order))).sum(dim=1)
