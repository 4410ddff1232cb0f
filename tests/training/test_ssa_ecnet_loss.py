"""SSA-ECNet's loss and rate: eq. 2 by hand, its gradients, what 255 must not do, the annealing's end."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from rigsight.training.config import Rate
from rigsight.training.losses.group_lasso import group_lasso
from rigsight.training.losses.segmentation import class_weights
from rigsight.training.losses.ssa_ecnet import SsaEcnetLoss
from rigsight.training.losses.weighted_edge_dice import edges, weighted_edge_dice
from rigsight.training.systems.rates import rate


def two_class(probabilities: list[list[float]]) -> Tensor:
    """Logits [1,2,H,W] whose softmax gives class 1 these probabilities."""
    p = torch.tensor(probabilities, dtype=torch.float64)
    return torch.stack([torch.zeros_like(p), torch.log(p / (1 - p))])[None]


def test_edges_are_the_3x3_gradient_without_unlabelled_pixels() -> None:
    labels = torch.zeros(1, 5, 6, dtype=torch.long)
    labels[0, 2, 2] = 1
    labels[0, :, 5] = 255
    expected = torch.zeros(1, 5, 6, dtype=torch.bool)
    expected[0, 1:4, 1:4] = True
    assert torch.equal(edges(labels), expected)
    assert not edges(torch.full((1, 3, 3), 255)).any()
    assert not edges(torch.full((1, 3, 3), 2)).any()


def test_equation_2_by_hand() -> None:
    # One row of five: 0 0 0 1 255; the two pixels that see the other class are edges.
    labels = torch.tensor([[[0, 0, 0, 1, 255]]])
    p1 = [0.1, 0.2, 0.4, 0.7, 0.9]
    weights, edge, smooth = (0.5, 3.0), 2.0, 0.01
    v = [0.5, 0.5, 0.5 * 3, 3.0 * 3, 0.0]
    s = smooth * 4
    terms = []
    for foreground in (0, 1):
        p = p1 if foreground else [1 - x for x in p1]
        t = [1.0 if label == foreground else 0.0 for label in (0, 0, 0, 1, 255)]
        overlap = sum(a * b * c for a, b, c in zip(p, t, v, strict=True))
        size = sum((a + b) * c for a, b, c in zip(p, t, v, strict=True))
        terms.append(1 - (2 * overlap + s) / (size + s))
    got = weighted_edge_dice(two_class([p1]), labels, torch.tensor(weights), edge, smooth)
    assert got.item() == pytest.approx(sum(terms) / 2)


def test_a_perfect_mask_loses_nothing_and_the_opposite_nearly_all() -> None:
    labels = torch.zeros(2, 6, 6, dtype=torch.long)
    labels[:, 2:4] = 1
    sure = 40.0 * torch.nn.functional.one_hot(labels, 2).movedim(-1, 1)
    assert weighted_edge_dice(sure, labels).item() == pytest.approx(0, abs=1e-6)
    assert weighted_edge_dice(-sure, labels).item() == pytest.approx(1, abs=1e-4)


def test_the_printed_smooth_term_would_hide_the_error() -> None:
    labels = torch.zeros(1, 20, 20, dtype=torch.long)
    labels[:, 9:11, 9:11] = 1
    nothing = torch.zeros(1, 2, 20, 20)
    nothing[:, 0] = 40.0  # all background: the four pixels are missed
    assert weighted_edge_dice(nothing, labels, smooth=1.0).item() < 0.05
    assert weighted_edge_dice(nothing, labels, smooth=1e-5).item() > 0.5


def test_an_error_on_an_edge_costs_more_than_one_inside() -> None:
    labels = torch.zeros(1, 12, 12, dtype=torch.long)
    labels[:, 2:10, 2:10] = 1
    losses = []
    for row, column in ((5, 5), (2, 5)):
        logits = 20.0 * torch.nn.functional.one_hot(labels, 2).movedim(-1, 1).float()
        logits[0, :, row, column] = logits[0, :, row, column].flip(0)
        losses.append(weighted_edge_dice(logits, labels).item())
    assert losses[1] > 2 * losses[0]


def test_pictures_without_labels_lose_nothing_and_have_finite_gradients() -> None:
    logits = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = weighted_edge_dice(logits, torch.full((1, 3, 3), 255))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_unlabelled_pixels_get_no_gradient() -> None:
    logits = torch.randn(1, 2, 2, 3, requires_grad=True)
    weighted_edge_dice(logits, torch.tensor([[[0, 1, 255], [1, 0, 255]]])).backward()
    assert logits.grad is not None
    assert (logits.grad[..., 2] == 0).all()
    assert (logits.grad[..., :2] != 0).all()


def test_the_dice_has_right_gradients() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 3, (2, 3, 4))
    labels[0, 0, 0] = 255
    weights = torch.tensor([0.4, 1.0, 3.0])
    assert torch.autograd.gradcheck(lambda z: weighted_edge_dice(z, labels, weights), (logits,))


def test_the_lasso_counts_filters_of_convolutions_only() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Linear(3, 3), nn.Conv2d(3, 1, 1))
    weights = [layer.weight for layer in (network[0], network[3])]
    expected = sum(math.sqrt((row.detach() ** 2).sum().item()) for weight in weights for row in weight)
    assert group_lasso(network).item() == pytest.approx(expected, rel=1e-5)
    assert group_lasso(nn.ReLU()).item() == 0


def test_the_lasso_has_right_gradients_and_finite_ones_at_zero() -> None:
    layer = nn.Conv2d(2, 3, 2, bias=False).double()

    def of_weight(weight: Tensor) -> Tensor:
        again = nn.Conv2d(2, 3, 2, bias=False)
        del again.weight
        again.weight = weight  # type: ignore[assignment]
        return group_lasso(again)

    weight = layer.weight.detach().clone().requires_grad_(True)
    assert torch.autograd.gradcheck(of_weight, (weight,))
    zero = torch.zeros_like(weight, requires_grad=True)
    of_weight(zero).backward()
    assert zero.grad is not None
    assert (zero.grad == 0).all()


def test_the_whole_loss_is_its_two_terms() -> None:
    torch.manual_seed(0)
    network = nn.Conv2d(3, 2, 1)
    logits, labels = torch.randn(1, 2, 4, 4), torch.randint(0, 2, (1, 4, 4))
    shares = torch.tensor([0.9, 0.1])
    loss = SsaEcnetLoss(shares, lasso=0.01, edge_weight=1.0, class_weight_power=0.5)
    dice = weighted_edge_dice(logits, labels, class_weights(shares, 0.5), 1.0)
    expected = dice + 0.01 * group_lasso(network)
    assert loss({"logits": logits}, labels, network).item() == pytest.approx(expected.item())
    plain = SsaEcnetLoss(lasso=0.0)({"logits": logits}, labels, network)
    assert plain.item() == pytest.approx(weighted_edge_dice(logits, labels).item())


def test_the_papers_annealing_reaches_its_end_after_44_epochs() -> None:
    # 0.01 x 0.9^n = 0.0001 at n = ln(0.01) / ln(0.9) = 43.7: epochs count from 0, ten steps each.
    settings = Rate(kind="geometric", factor=0.9, floor=0.01)
    rates = [0.01 * rate(10 * epoch, 1000, 0, settings, steps_per_epoch=10) for epoch in range(100)]
    assert rates[:3] == pytest.approx([0.01, 0.009, 0.0081])
    assert rates[43] == pytest.approx(0.01 * 0.9**43)
    assert rates[43] > 1e-4
    assert rates[44:] == pytest.approx([1e-4] * 56)
    assert rate(19, 1000, 0, settings, steps_per_epoch=10) == pytest.approx(0.9)
