"""MFNet and SSA-ECNet: published sizes, the modules against their formulas, any picture size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from rigsight.base.errors import RigsightError
from rigsight.training.models import build
from rigsight.training.models.blocks import count_parameters
from rigsight.training.models.mfnet import MiniInception
from rigsight.training.models.ssa_ecnet import FusedGate


@pytest.mark.parametrize(
    ("name", "options", "total"),
    [
        ("mfnet", {"classes": 9}, 736_275),
        ("mfnet", {}, 734_238),
        ("mfnet", {"ir_channels": 3}, 734_238 + 288),
        ("ssa_ecnet", {}, 768_790),
        ("ssa_ecnet", {"mode": "self"}, 734_238 + 9_508 + 16_740),
    ],
)
def test_sizes(name: str, options: dict[str, object], total: int) -> None:
    with torch.device("meta"):
        assert count_parameters(build(name, **options)) == total


@pytest.mark.parametrize(("classes", "gmac"), [(9, 8.30), (2, 7.68)])
def test_mfnet_has_the_published_operations_at_480x640(classes: int, gmac: float) -> None:
    with torch.device("meta"):
        network = build("mfnet", classes=classes)
        done = 0

        def count(layer: nn.Conv2d, _: object, out: Tensor) -> None:
            nonlocal done
            done += layer.weight[0].numel() * out.numel()

        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(count)
        network(torch.empty(1, 3, 480, 640), torch.empty(1, 1, 480, 640))
    assert done / 1e9 == pytest.approx(gmac, abs=0.005)


@pytest.mark.parametrize("name", ["mfnet", "ssa_ecnet"])
@pytest.mark.parametrize("size", [(16, 16), (45, 70), (48, 64)])
def test_any_picture_of_16_pixels_and_more_gets_logits_of_its_size(name: str, size: tuple[int, int]) -> None:
    network = build(name, classes=3).eval()
    with torch.no_grad():
        logits = network(torch.rand(1, 3, *size), torch.rand(1, 1, *size))["logits"]
    assert logits.shape == (1, 3, *size)


def test_a_smaller_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="40x15: MFNet needs 16"):
        build("mfnet")(torch.rand(1, 3, 15, 40), torch.rand(1, 1, 15, 40))


def test_grey_and_coloured_thermal_pictures_enter_three_channels() -> None:
    network = build("ssa_ecnet", ir_channels=3).eval()
    rgb, grey = torch.rand(1, 3, 32, 32), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        repeated = network(rgb, grey.repeat(1, 3, 1, 1))["logits"]
        torch.testing.assert_close(network(rgb, grey)["logits"], repeated)
        assert not torch.allclose(network(rgb, torch.rand(1, 3, 32, 32))["logits"], repeated)


def test_mini_inception_is_three_pairs_beside_each_other() -> None:
    block = MiniInception(6, 8).eval()
    x = torch.randn(1, 6, 7, 9)
    y = x
    for near, far in zip(block.near, block.far, strict=True):
        plain = near[0].weight, near[0].bias
        wide = far[0].weight, far[0].bias
        y = torch.cat(
            [
                nn.functional.leaky_relu(near[1](nn.functional.conv2d(y, *plain, padding=1)), 0.2),
                nn.functional.leaky_relu(far[1](nn.functional.conv2d(y, *wide, padding=2, dilation=2)), 0.2),
            ],
            dim=1,
        )
    torch.testing.assert_close(block(x), y)


def test_the_gate_is_caim_written_out() -> None:
    gate = FusedGate(4, 2, residual=False)
    x, guide = torch.randn(2, 4, 9, 8), torch.randn(2, 2, 9, 8)
    assert gate.fuse is not None
    fused = gate.fuse(torch.cat([x, guide], dim=1))

    def vector(mlp: nn.Module, pooled: Tensor) -> Tensor:  # [C] -> [C]
        hidden = mlp.shrink.weight[:, :, 0, 0] @ pooled + mlp.shrink.bias
        hidden = torch.where(hidden > 0, hidden, mlp.act.weight * hidden)
        return mlp.grow.weight[:, :, 0, 0] @ hidden + mlp.grow.bias

    weigh = gate.weigh
    for n in range(2):
        f = fused[n]
        both = torch.cat([vector(weigh.of_mean, f.mean((1, 2))), vector(weigh.of_max, f.amax((1, 2)))])
        channels = weigh.merge.weight[:, :, 0, 0] @ both + weigh.merge.bias
        maps = torch.stack([f.mean(0), f.amax(0)])[None]
        places = nn.functional.conv2d(maps, weigh.spatial.weight, padding=3)[0, 0]
        expected = torch.sigmoid(channels[:, None, None] * places) * x[n]
        torch.testing.assert_close(gate(x, guide)[n], expected)


def test_zero_weights_halve_the_features_and_the_residual_adds_them() -> None:
    x, guide = torch.randn(1, 4, 5, 5), torch.randn(1, 2, 5, 5)
    for residual, factor in ((False, 0.5), (True, 1.5)):
        gate = FusedGate(4, 2, residual)
        nn.init.zeros_(gate.weigh.spatial.weight)
        torch.testing.assert_close(gate(x, guide), factor * x)


def test_the_thermal_picture_steers_the_rgb_stream_only_in_cross_mode() -> None:
    rgb3, thermal3 = torch.randn(1, 48, 6, 6), torch.randn(1, 16, 6, 6)
    for mode, steers in (("cross", True), ("self", False)):
        network = build("ssa_ecnet", mode=mode).eval()
        with torch.no_grad():
            before, after = (network.gate_encoder(rgb3, guide) for guide in (thermal3, -thermal3))
        assert torch.allclose(before, after) != steers


@pytest.mark.parametrize("name", ["mfnet", "ssa_ecnet"])
def test_every_parameter_learns(name: str) -> None:
    torch.manual_seed(0)
    network = build(name).train()
    out = network(torch.rand(2, 3, 32, 48), torch.rand(2, 1, 32, 48))["logits"]
    (out * torch.randn_like(out)).sum().backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


def test_pictures_of_a_batch_do_not_touch_each_other() -> None:
    network = build("ssa_ecnet").eval()
    rgb, thermal = torch.rand(2, 3, 32, 32), torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        both = network(rgb, thermal)["logits"]
        torch.testing.assert_close(both[1:], network(rgb[1:], thermal[1:])["logits"])


@pytest.mark.parametrize("options", [{"ir_channels": 2}, {"classes": 1}, {"mod": "self"}])
def test_wrong_options_are_one_line(options: dict[str, object]) -> None:
    with pytest.raises(RigsightError, match="TRN-102"):
        build("ssa_ecnet", **options)
