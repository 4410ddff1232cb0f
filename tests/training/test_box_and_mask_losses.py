"""SIoU, Lovász and the mask loss: worked values, identities, gradients."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from rigsight.training.losses.lovasz import jaccard_steps, lovasz
from rigsight.training.losses.mask import mask_dice, mask_loss
from rigsight.training.losses.siou import angle_cost, box_iou_pairs, focal_siou, siou

TRUTH = torch.tensor([[10.0, 10, 50, 40]])
PREDICTED = torch.tensor(
    [[10.0, 10, 50, 40], [12, 10, 52, 40], [12, 13, 50, 45], [10, 20, 50, 50], [100, 100, 120, 130]]
)


def test_siou_has_its_reference_values() -> None:
    truth = TRUTH.expand(5, 4)
    assert siou(PREDICTED, truth).tolist() == pytest.approx([0, 0.0975, 0.2722, 0.5588, 1.4346], abs=6e-5)
    assert focal_siou(PREDICTED, truth).tolist() == pytest.approx(
        [0, 0.0927, 0.2339, 0.3951, 0.0014], abs=6e-5
    )


def test_siou_of_a_shift_by_hand() -> None:
    # 4 to the right of a 40 x 30 box: IoU = 36/44, no angle, enclosing width 44, no change of shape.
    distance = 1 - math.exp(-2 * (4 / 44) ** 2)
    shifted = TRUTH + torch.tensor([4.0, 0, 4, 0])
    assert siou(shifted, TRUTH).item() == pytest.approx(1 - 36 / 44 + distance / 2, abs=1e-6)


def test_the_angle_cost_is_the_sine_of_twice_the_angle() -> None:
    offset = torch.randn(200, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x = offset[:, 1].abs() / offset.norm(dim=1)
    printed = 1 - 2 * torch.sin(torch.arcsin(x) - math.pi / 4) ** 2
    assert torch.allclose(angle_cost(offset), printed, atol=1e-5)
    assert torch.allclose(printed, torch.sin(2 * torch.arcsin(x)), atol=1e-12)


def test_siou_has_the_gradient_of_its_values() -> None:
    random = torch.Generator().manual_seed(2)
    truth = TRUTH.double().expand(8, 4)
    boxes = (truth + 3 * torch.randn(8, 4, dtype=torch.float64, generator=random)).requires_grad_()
    assert torch.autograd.gradcheck(lambda b: siou(b, truth), (boxes,))


@pytest.mark.parametrize("loss", [siou, focal_siou])
def test_gradients_are_finite_where_centres_meet_and_far_away(loss) -> None:  # type: ignore[no-untyped-def]
    boxes = torch.cat([PREDICTED, torch.tensor([[20.0, 15, 40, 35], [30, 10, 30, 10]])]).requires_grad_()
    loss(boxes, TRUTH.expand(len(boxes), 4)).sum().backward()
    assert torch.isfinite(boxes.grad).all()
    assert (boxes.grad[1].abs().sum() > 0).item()


def test_the_focal_factor_is_a_weight_without_gradient() -> None:
    boxes = PREDICTED[2:3].clone().requires_grad_()
    focal_siou(boxes, TRUTH).sum().backward()
    plain = PREDICTED[2:3].clone().requires_grad_()
    siou(plain, TRUTH).sum().backward()
    weight = box_iou_pairs(PREDICTED[2:3], TRUTH).sqrt()
    assert torch.allclose(boxes.grad, weight[:, None] * plain.grad)


def jaccard_loss(wrong: tuple[bool, ...], truth: list[float]) -> float:
    """1 - IoU of the mask that differs from ``truth`` in the ``wrong`` pixels."""
    mask = [t if not w else 1 - t for t, w in zip(truth, wrong, strict=True)]
    both = sum(m * t for m, t in zip(mask, truth, strict=True))
    either = sum(max(m, t) for m, t in zip(mask, truth, strict=True))
    return 1 - both / either if either else 0.0


def extension(errors: list[float], truth: list[float]) -> float:
    """The Lovász extension by its definition: the integral over levels of the loss of {e > level}."""
    levels = sorted({0.0, *errors})
    return sum(
        (high - low) * jaccard_loss(tuple(e > low for e in errors), truth)
        for low, high in itertools.pairwise(levels)
    )


def test_lovasz_is_the_extension_of_the_jaccard_loss() -> None:
    random = torch.Generator().manual_seed(3)
    probability = torch.rand(30, 9, dtype=torch.float64, generator=random)
    truth = (torch.rand(30, 9, generator=random) < 0.4).double()
    truth[0] = 0  # nothing is there
    truth[1] = 1
    expected = [
        extension((t - p).abs().tolist(), t.tolist()) for p, t in zip(probability, truth, strict=True)
    ]
    assert lovasz(probability, truth).tolist() == pytest.approx(expected, abs=1e-12)


def test_lovasz_of_hard_masks_is_one_minus_iou() -> None:
    for wrong in itertools.product([False, True], repeat=4):
        truth = [1.0, 1.0, 0.0, 0.0]
        mask = [t if not w else 1 - t for t, w in zip(truth, wrong, strict=True)]
        found = lovasz(torch.tensor([mask]), torch.tensor([truth])).item()
        assert found == pytest.approx(jaccard_loss(wrong, truth), abs=1e-6)


def test_the_steps_add_up_to_the_loss_of_all_wrong() -> None:
    truth = torch.tensor([[1.0, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    assert jaccard_steps(truth).sum(dim=1).tolist() == pytest.approx([1.0, 1.0])


def test_mask_losses_have_the_gradient_of_their_values() -> None:
    random = torch.Generator().manual_seed(4)
    logits = torch.randn(3, 4, 4, dtype=torch.float64, generator=random).requires_grad_()
    truth = (torch.rand(3, 4, 4, generator=random) < 0.5).double()
    assert torch.autograd.gradcheck(lambda x: lovasz(x.sigmoid(), truth), (logits,))
    assert torch.autograd.gradcheck(lambda x: mask_dice(x.sigmoid(), truth), (logits,))


def test_the_mask_loss_adds_its_terms() -> None:
    logits = torch.tensor([[[2.0, -1.0], [0.5, -3.0]], [[0.0, 0.0], [1.0, 4.0]]])
    truth = torch.tensor([[[1.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]]])
    p = logits.sigmoid()
    bce = -(truth * p.log() + (1 - truth) * (1 - p).log()).mean()
    dice = mask_dice(p, truth).mean()
    assert mask_loss(logits, truth, "bce").item() == pytest.approx(bce.item(), abs=1e-6)
    assert mask_loss(logits, truth, "bce_dice").item() == pytest.approx((bce + dice).item(), abs=1e-6)
    full = bce + dice + 0.1 * lovasz(p, truth).mean()
    assert mask_loss(logits, truth).item() == pytest.approx(full.item(), abs=1e-6)


def test_no_regions_make_no_loss_but_keep_the_graph() -> None:
    logits = torch.zeros(0, 28, 28, requires_grad=True)
    loss = mask_loss(logits, torch.zeros(0, 28, 28))
    loss.backward()
    assert loss.item() == 0
