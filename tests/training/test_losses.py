"""Losses against worked values."""

from __future__ import annotations

import math

import pytest
import torch

from rigsight.training.losses.dynamic import LossRates, dynamic_factor
from rigsight.training.losses.fusion import (
    FusionLoss,
    detail,
    gradient_loss,
    intensity_loss,
    ssim,
    structure_loss,
)
from rigsight.training.losses.gauss import blur, gaussian
from rigsight.training.losses.segmentation import class_weights, cross_entropy, soft_dice


def flat(value: float) -> torch.Tensor:
    return torch.full((1, 1, 16, 16), value)


def test_blur_keeps_constants_and_spreads_an_impulse_by_the_gaussian() -> None:
    torch.testing.assert_close(blur(flat(0.3), 7, 2.0), flat(0.3))
    impulse = torch.zeros(2, 1, 9, 9)
    impulse[1, 0, 4, 4] = 1
    taps = gaussian(5, 2.0)
    torch.testing.assert_close(blur(impulse, 5, 2.0)[1, 0, 2:7, 2:7], torch.outer(taps, taps))
    assert blur(impulse, 5, 2.0)[0].abs().max() == 0


def test_ssim_of_equals_is_one_and_of_constants_the_luminance_term() -> None:
    picture = torch.rand(2, 1, 20, 24)
    assert ssim(picture, picture).item() == pytest.approx(1.0, abs=1e-5)
    a, b = 0.2, 0.6
    expected = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)
    assert ssim(flat(a), flat(b)).item() == pytest.approx(expected, rel=1e-4)
    assert structure_loss(flat(a), flat(a), flat(b)).item() == pytest.approx((1 - expected) / 2, rel=1e-3)


def test_the_intensity_loss_is_least_at_the_average_where_equation_4_as_printed_is_at_half() -> None:
    x, y, m = 0.8, 0.6, 0.7
    average = m * x + (1 - m) * y
    u = torch.linspace(0, 1, 1001)
    printed = (u - m * x) ** 2 + (u - (1 - m) * y) ** 2
    assert u[printed.argmin()].item() == pytest.approx(0.37, abs=1e-3)
    ours = torch.stack([intensity_loss(flat(float(v)), flat(average)) for v in u])
    assert u[ours.argmin()].item() == pytest.approx(0.74, abs=1e-3)
    assert intensity_loss(flat(0.5), flat(0.74)).item() == pytest.approx(0.24**2, rel=1e-5)


def test_the_gradient_loss_worked_out_for_an_impulse() -> None:
    impulse = torch.zeros(1, 1, 15, 15)
    impulse[0, 0, 7, 7] = 1.0
    zero = torch.zeros_like(impulse)
    assert gradient_loss(impulse, impulse, impulse).item() == 0
    # max(D x, 0) keeps the impulse's positive centre only: (1 - g0^2)^2 / pixels for every size.
    expected = sum((1 - gaussian(k, 2.0)[k // 2].item() ** 2) ** 2 for k in (3, 5, 7)) / 225
    assert gradient_loss(zero, impulse, zero).item() == pytest.approx(expected, rel=1e-4)
    assert gradient_loss(impulse, impulse, zero, "absolute").item() == 0
    assert detail(flat(0.4), 5).abs().max().item() < 1e-6


def test_a_dark_detail_is_lost_by_the_signed_maximum_and_kept_by_the_absolute_one() -> None:
    dark = torch.full((1, 1, 15, 15), 0.5)
    dark[0, 0, 7, 7] = 0.0
    even = torch.full_like(dark, 0.5)
    assert gradient_loss(dark, dark, even, "absolute").item() == 0
    assert gradient_loss(dark, dark, even, "signed").item() > gradient_loss(even, dark, even, "signed").item()


def test_the_fusion_loss_adds_its_terms_and_has_finite_gradients() -> None:
    u, x, y = (torch.rand(2, 1, 16, 16) for _ in range(3))
    average = (x + y) / 2
    u.requires_grad_(True)
    loss = FusionLoss(eta=0.1)(u, x, y, average)
    terms = structure_loss(u, x, y) + intensity_loss(u, average) + 0.1 * gradient_loss(u, x, y)
    assert loss.item() == pytest.approx(terms.item())
    loss.backward()
    assert u.grad is not None
    assert torch.isfinite(u.grad).all()


def test_cross_entropy_ignores_255_and_weighs_classes() -> None:
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 1, 0, 1] = math.log(3.0)
    labels = torch.tensor([[[0, 1, 255]]])
    plain = (math.log(2) + math.log(4 / 3)) / 2
    assert cross_entropy(logits, labels).item() == pytest.approx(plain)
    weighted = (1 * math.log(2) + 3 * math.log(4 / 3)) / 4
    assert cross_entropy(logits, labels, torch.tensor([1.0, 3.0])).item() == pytest.approx(weighted)
    assert cross_entropy(logits, torch.full((1, 1, 3), 255)).item() == 0


def test_soft_dice_worked_out() -> None:
    logits = torch.zeros(1, 3, 1, 4)  # p = 1/3 everywhere
    labels = torch.tensor([[[0, 0, 1, 255]]])
    zero = (2 * 2 / 3 + 1) / (1 + 2 + 1)
    one = (2 * 1 / 3 + 1) / (1 + 1 + 1)
    assert soft_dice(logits, labels).item() == pytest.approx(1 - (zero + one) / 2)
    sure = torch.full((1, 2, 1, 2), -50.0)
    sure[0, 0, 0, 0] = sure[0, 1, 0, 1] = 50.0
    assert soft_dice(sure, torch.tensor([[[0, 1]]])).item() == pytest.approx(0, abs=1e-6)


def test_segmentation_losses_have_right_gradients() -> None:
    logits = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[[0, 2], [255, 1]]])
    assert torch.autograd.gradcheck(lambda z: soft_dice(z, labels) + cross_entropy(z, labels), (logits,))


def test_class_weights_give_the_mean_pixel_weight_one() -> None:
    counts = torch.tensor([900.0, 90.0, 10.0, 0.0])
    weights = class_weights(counts, 0.5)
    assert (weights * counts).sum().item() / 1000 == pytest.approx(1, rel=1e-5)
    assert (weights[2] / weights[0]).item() == pytest.approx(math.sqrt(90), rel=1e-4)
    assert class_weights(counts, 0.0).tolist() == pytest.approx([1, 1, 1, 1])


def test_the_dynamic_factor_follows_equation_9() -> None:
    a, b = math.exp(0.5 / 2), math.exp(1.0 / 2)
    expected = [0.4 * 2 * a / (a + b), 0.8 * 2 * b / (a + b)]
    assert dynamic_factor([0.5, 1.0], [0.4, 0.8]) == pytest.approx(expected)
    assert dynamic_factor([0.3, 2.0], [1, 1], temperature=1000) == pytest.approx([1, 1], abs=1e-3)


def test_rates_compare_window_means_and_survive_saving() -> None:
    rates = LossRates(2, window=2)
    for losses in ([4.0, 1.0], [2.0, 1.0], [1.0, 1.0]):
        rates.add(losses)
        assert rates.rates() == [1.0, 1.0]
    again = LossRates(2, window=2)
    again.restore(rates.state())
    again.add([2.0, 3.0])
    assert again.rates() == [0.5, 2.0]
