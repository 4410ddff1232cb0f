"""NaDiNet's loss: worked values, unlabelled pixels, empty pictures, gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from rigsight.training.losses.nadinet import NadinetLoss, entropy_and_iou
from rigsight.training.losses.registry import build_loss

NETWORK = nn.Identity()  # which the loss does not look at


def test_one_map_has_the_worked_value() -> None:
    # p = 0.5, 0.8, 0.2 against 1, 1, 0: both 1.3, either 1.5 + 2 - 1.3.
    logits = torch.tensor([0.0, math.log(4), -math.log(4)]).view(1, 1, 1, 3)
    labels = torch.tensor([[[1, 1, 0]]])
    entropy = -(math.log(0.5) + 2 * math.log(0.8)) / 3
    value = NadinetLoss()({"logits": logits}, labels, NETWORK)
    assert value.item() == pytest.approx(entropy + 1 - 1.3 / 2.2, abs=1e-5)


def test_six_maps_weigh_the_same_and_pictures_are_averaged() -> None:
    torch.manual_seed(0)
    maps = [torch.randn(2, 1, 4, 4) for _ in range(6)]
    labels = torch.randint(0, 2, (2, 4, 4))
    whole = NadinetLoss()({"logits": maps[0], "sides": maps[1:]}, labels, NETWORK)
    alone = [NadinetLoss()({"logits": each}, labels, NETWORK) for each in maps]
    assert whole.item() == pytest.approx(sum(each.item() for each in alone), rel=1e-5)
    first = sum(NadinetLoss()({"logits": maps[0][i : i + 1]}, labels[i : i + 1], NETWORK) for i in range(2))
    assert alone[0].item() == pytest.approx(first.item() / 2, rel=1e-5)
    weaker = build_loss("nadinet", {"sides": 0.5})({"logits": maps[0], "sides": maps[1:]}, labels, NETWORK)
    assert weaker.item() == pytest.approx((alone[0] + 0.5 * sum(alone[1:])).item(), rel=1e-5)


def test_unlabelled_pixels_count_nowhere() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 1, 4, 6)
    labels = torch.randint(0, 2, (1, 4, 6))
    labels[:, :, 3:] = 255
    cut = NadinetLoss()({"logits": logits[..., :3]}, labels[..., :3], NETWORK)
    assert NadinetLoss()({"logits": logits}, labels, NETWORK).item() == pytest.approx(cut.item(), rel=1e-6)


@pytest.mark.parametrize("label", [0, 1, 255])
@pytest.mark.parametrize("logit", [-200.0, 0.0, 200.0])
def test_empty_full_and_unlabelled_pictures_give_finite_losses(label: int, logit: float) -> None:
    logits = torch.full((2, 1, 4, 4), logit, requires_grad=True)
    value = NadinetLoss()({"logits": logits, "sides": [logits] * 5}, torch.full((2, 4, 4), label), NETWORK)
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    if label == 255 or (label == 0 and logit < 0) or (label == 1 and logit > 0):
        assert value.item() == pytest.approx(0, abs=1e-5)  # without eps 0 / 0 here


def test_gradients_are_right() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 2, (2, 1, 3, 3)).double()
    known = torch.ones_like(target)
    known[0, 0, 0] = 0
    assert torch.autograd.gradcheck(lambda x: entropy_and_iou(x, target, known), (logits,))
    labels = torch.where(known.bool(), target, 255).long()[:, 0]
    assert torch.autograd.gradcheck(
        lambda x: NadinetLoss()({"logits": x, "sides": [2 * x, -x]}, labels, NETWORK), (logits,)
    )
