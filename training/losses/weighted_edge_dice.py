"""SSA-ECNet's overlap term: Dice in which classes and edges weigh (Li et al., eq. 2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from rigsight.training.losses.segmentation import IGNORED


def edges(labels: Tensor) -> Tensor:
    """Labelled pixels that see two classes within 3x3: the morphological gradient of the truth.

    Args:
        labels: int64 [N,H,W] of class ids below 255; 255 is unlabelled and makes no edge.

    Returns:
        bool [N,H,W].

    >>> edges(torch.tensor([[[0, 0, 1, 1, 255]]]))
    tensor([[[False,  True,  True, False, False]]])
    """
    ids = labels.float().unsqueeze(1)
    known = ids != IGNORED
    highest = F.max_pool2d(torch.where(known, ids, -1.0), 3, stride=1, padding=1)
    lowest = -F.max_pool2d(-ids, 3, stride=1, padding=1)  # 255 never is the lowest beside a known id
    return ((highest != lowest) & known).squeeze(1)


def weighted_edge_dice(
    logits: Tensor,
    labels: Tensor,
    weights: Tensor | None = None,
    edge_weight: float = 2.0,
    smooth: float = 1e-5,
) -> Tensor:
    """Mean over the classes of 1 - (2 sum P T V + S) / (sum P V + sum T V + S), sums over the batch; scalar.

    V = W E: the weight of the pixel's true class times 1 + ``edge_weight`` on edges. P is the softmax (the
    paper's "binary values" would have no gradient), S = smooth N with N labelled pixels. With smooth = 1 S
    outweighs every overlap and the loss is about 0 for any prediction, so it has to be small.

    Args:
        logits: [N,C,H,W].
        labels: int64 [N,H,W], 255 counts nowhere.
        weights: of the classes, [C]; None is 1 each.
        edge_weight: what an edge adds to the weight 1.
        smooth: share of the labelled pixels that S stands for.

    >>> logits = torch.zeros(1, 2, 1, 2)  # P = 1/2; every pixel is an edge, V = 3; N = 2
    >>> round(weighted_edge_dice(logits, torch.tensor([[[0, 1]]]), smooth=0.5).item(), 4)  # 1 - 4 / 7
    0.4286
    """
    classes = logits.shape[1]
    known = (labels != IGNORED).unsqueeze(1)
    ids = labels.where(labels != IGNORED, 0)
    p = logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(dim=1)
    truth = F.one_hot(ids, classes).movedim(-1, 1).to(p.dtype)
    v = known * (1 + edge_weight * edges(labels).unsqueeze(1).to(p.dtype))
    if weights is not None:
        v = v * weights.to(p)[ids].unsqueeze(1)
    s = smooth * known.sum()
    overlap = (p * truth * v).sum(dim=(0, 2, 3))
    size = (p * v).sum(dim=(0, 2, 3)) + (truth * v).sum(dim=(0, 2, 3))
    # Without a labelled pixel all is 0: the least number that float32 holds well keeps 0 / 0 away.
    tiny = torch.finfo(torch.float32).tiny
    return (1 - (2 * overlap + s + tiny) / (size + s + tiny)).mean()
