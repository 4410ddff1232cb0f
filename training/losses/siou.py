"""SIoU and Focal-SIoU box losses (Gevorgyan, arXiv 2205.12740; Wang & Ren, Symmetry 2025, eq. 7 to 12).

The printed formulas have lost their minus signs; these are the originals. Boxes are x0, y0, x1, y1.
"""

from __future__ import annotations

import torch
from torch import Tensor

EPS = 1e-7
SHAPE_POWER = 4
LEAST_IOU = 1e-6


def box_iou_pairs(a: Tensor, b: Tensor) -> Tensor:
    """IoU of box n of ``a`` with box n of ``b``, both [N,4]; [N].

    >>> box_iou_pairs(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2]])).item()  # 2 / 6
    0.3333333432674408
    """
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    both = (high - low).clamp(min=0).prod(dim=1)
    either = (a[:, 2:] - a[:, :2]).prod(dim=1) + (b[:, 2:] - b[:, :2]).prod(dim=1) - both
    return both / (either + EPS)


def angle_cost(offset: Tensor) -> Tensor:
    """Lambda of eq. 7 from the offset of the centres [N,2]: 0 along an axis, 1 on a diagonal; [N].

    1 - 2 sin^2(arcsin(c_h / sigma) - pi/4) = sin 2 alpha = 2 c_w c_h / sigma^2. The right side is used:
    it has no arcsin, whose gradient is infinite where the centres stand above each other.

    >>> angle_cost(torch.tensor([[2.0, 0.0], [3.0, 3.0], [0.0, 0.0], [2.0, 1.0]]))
    tensor([0.0000, 1.0000, 0.0000, 0.8000])
    """
    squared = offset.square().sum(dim=1)
    return 2 * offset.abs().prod(dim=1) / (squared + EPS)


def siou(predicted: Tensor, truth: Tensor) -> Tensor:
    """1 - IoU + (distance + shape) / 2 of eq. 9 to 11, between 0 and 3; boxes [N,4] -> [N].

    >>> true = torch.tensor([[10.0, 10, 50, 40]])
    >>> round(siou(true + torch.tensor([2.0, 0, 2, 0]), true).item(), 4)
    0.0975
    """
    offset = (truth[:, 2:] + truth[:, :2] - predicted[:, 2:] - predicted[:, :2]) / 2
    enclosing = torch.maximum(predicted[:, 2:], truth[:, 2:]) - torch.minimum(predicted[:, :2], truth[:, :2])
    gamma = (2 - angle_cost(offset)).unsqueeze(1)
    rho = (offset / (enclosing + EPS)).square()
    distance = (1 - torch.exp(-gamma * rho)).sum(dim=1)
    size, true_size = predicted[:, 2:] - predicted[:, :2], truth[:, 2:] - truth[:, :2]
    omega = (size - true_size).abs() / (torch.maximum(size, true_size) + EPS)
    shape = (1 - torch.exp(-omega)).pow(SHAPE_POWER).sum(dim=1)
    return 1 - box_iou_pairs(predicted, truth) + (distance + shape) / 2


def focal_siou(predicted: Tensor, truth: Tensor, gamma: float = 0.5) -> Tensor:
    """IoU^gamma SIoU of eq. 12; boxes [N,4] -> [N].

    The factor is a weight: no gradient flows through it (that of IoU^0.5 at 0 is infinite).

    >>> true = torch.tensor([[10.0, 10, 50, 40]])
    >>> round(focal_siou(true + torch.tensor([2.0, 0, 2, 0]), true).item(), 4)
    0.0927
    """
    weight = box_iou_pairs(predicted, truth).detach().clamp(min=LEAST_IOU).pow(gamma)
    return weight * siou(predicted, truth)
