"""SCNet's loss against worked values and its gradients against differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from rigsight.base.errors import RigsightError
from rigsight.training.losses.registry import build_loss
from rigsight.training.losses.scnet import ScnetLoss

LN2 = math.log(2)
NETWORK = nn.Identity()


def zeros(levels: int = 5) -> dict[str, Tensor | list[Tensor]]:
    return {"logits": torch.zeros(1, 1, 2, 2), "sides": [torch.zeros(1, 1, 2, 2)] * levels}


LABELS = torch.tensor([[[1, 0], [0, 0]]])
# p = 1/2 everywhere: focal ln 2 / 4 a pixel, soft-IoU 1 - 0.5 / (2 + 1 - 0.5)
FOCAL, IOU = LN2 / 4, 0.8


@pytest.mark.parametrize(("levels", "weights"), [(5, 3.5), (4, 3.0), (0, 0.0)])
def test_focal_on_all_maps_and_soft_iou_on_the_fused_one(levels: int, weights: float) -> None:
    loss = build_loss("scnet", {})(zeros(levels), LABELS, NETWORK)  # type: ignore[arg-type]
    assert loss.item() == pytest.approx((1 + weights) * FOCAL + IOU, rel=1e-5)


def test_the_sum_over_pixels_of_the_printed_equations() -> None:
    loss = ScnetLoss(reduction="sum")(zeros(), LABELS, NETWORK)
    assert loss.item() == pytest.approx(4.5 * 4 * FOCAL + IOU, rel=1e-5)


def test_unlabelled_pixels_count_nowhere() -> None:
    torch.manual_seed(0)
    logits, side = torch.randn(1, 1, 4, 4), torch.randn(1, 1, 4, 4)
    labels = torch.randint(0, 2, (1, 4, 4))
    labels[0, 2:] = 255
    loss = ScnetLoss()
    whole = loss({"logits": logits, "sides": [side]}, labels, NETWORK)
    upper = loss({"logits": logits[:, :, :2], "sides": [side[:, :, :2]]}, labels[:, :2], NETWORK)
    torch.testing.assert_close(whole, upper)
    nothing = loss({"logits": logits, "sides": [side]}, torch.full((1, 4, 4), 255), NETWORK)
    assert nothing.item() == 0


def test_a_sure_and_right_answer_loses_nothing_and_bfloat16_is_summed_in_float32() -> None:
    right = torch.where(LABELS[:, None] == 1, 30.0, -30.0)
    assert ScnetLoss()({"logits": right, "sides": [right] * 5}, LABELS, NETWORK).item() < 1e-6
    loss = ScnetLoss()({"logits": right.bfloat16(), "sides": [right.bfloat16()] * 5}, LABELS, NETWORK)
    assert loss.dtype == torch.float32


def test_gradients() -> None:
    torch.manual_seed(0)
    maps = [torch.randn(2, 1, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(6)]
    labels = torch.tensor([[[1, 0, 255], [0, 1, 0]], [[0, 0, 0], [1, 255, 0]]])
    loss = ScnetLoss()

    def total(*maps: Tensor) -> Tensor:
        return loss({"logits": maps[0], "sides": list(maps[1:])}, labels, NETWORK)

    assert torch.autograd.gradcheck(total, maps)


def test_options_it_does_not_take_are_refused() -> None:
    with pytest.raises(RigsightError, match="reduction is mean or sum"):
        build_loss("scnet", {"reduction": "max"})
