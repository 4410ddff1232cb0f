"""NaDiNet: published counts and costs, NAM in both orders, sizes, pretrained weights, one step each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rigsight.base.errors import RigsightError
from rigsight.training.losses.nadinet import NadinetLoss
from rigsight.training.models import build
from rigsight.training.models.attention import Cbam
from rigsight.training.models.blocks import count_parameters
from rigsight.training.models.nadinet.dib import Dib
from rigsight.training.models.nadinet.gcm import Gcm
from rigsight.training.models.nadinet.nam import Nam, channel_similarity

PUBLISHED = {
    "nadinet_densenet201": (36_055_367, 35.0, (96, 48, 24, 12, 12)),
    "nadinet_vgg16": (30_625_031, 391.8, (384, 192, 96, 48, 24)),
    "nadinet_resnet34": (51_340_871, 521.9, (384, 192, 96, 48, 24)),
}


def on_meta(name: str, **options: object) -> nn.Module:
    with torch.device("meta"):
        return build(name, **options).eval()


def gmac(network: nn.Module, height: int, width: int) -> float:
    picture = torch.empty(1, 3, height, width, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(picture)
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_costs_and_levels_are_those_of_the_published_code(name: str) -> None:
    network = on_meta(name)
    parameters, cost, sizes = PUBLISHED[name]
    assert count_parameters(network) == parameters
    assert gmac(network, 384, 384) == pytest.approx(cost, abs=0.06)
    maps = network.backbone(torch.empty(1, 3, 384, 384, device="meta"))
    assert tuple(each.shape[2] for each in maps) == sizes
    assert tuple(each.shape[1] for each in maps) == network.backbone.channels
    assert tuple(384 // size for size in sizes) == network.backbone.strides


def test_blocks_have_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        assert count_parameters(Gcm(128)) == 1_609_472
        assert count_parameters(Dib(128, True)) == 2_518_796
        assert count_parameters(Cbam(128, bias=False, spatial_bias=True, residual=True)) == 2_147
    assert count_parameters(Nam()) == 1


def test_the_student_keeps_its_budget_and_quantises() -> None:
    network = on_meta("nadinet_edge")
    assert gmac(network, 480, 640) <= 15
    # NAM has no layers; sigmoids stand in the CBAMs only. No PReLU, no instance norm, no grouped convolution.
    allowed = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Identity, Nam)
    for module in network.modules():
        assert len(list(module.children())) or isinstance(module, allowed), module
        assert not isinstance(module, nn.Conv2d) or module.groups == 1


def test_ablated_networks_lack_only_what_they_should() -> None:
    full, plain = on_meta("nadinet_edge"), on_meta("nadinet_edge", dib=False)
    assert count_parameters(plain) - count_parameters(on_meta("nadinet_edge", dib=False, nam=False)) == 5
    # The plain decoder is of comparable cost, so that a difference is not one of size.
    assert 0.8 < gmac(plain, 480, 640) / gmac(full, 480, 640) < 1.0


def test_a_coarser_finest_level_is_cheaper() -> None:
    assert gmac(on_meta("nadinet_vgg16", h1_stride=4), 384, 384) == pytest.approx(66.8, abs=0.1)
    assert gmac(on_meta("nadinet_resnet34", h1_stride=4), 384, 384) == pytest.approx(32.9, abs=0.1)
    assert gmac(on_meta("nadinet_edge", h1_stride=4), 480, 640) < 4


def paper_order(a: Tensor) -> Tensor:
    """Equation 2 as written: products first, then divided by the product of the lengths."""
    rows = a.flatten(2)
    lengths = rows.norm(dim=2, keepdim=True)
    return (rows @ rows.transpose(1, 2)) / (lengths @ lengths.transpose(1, 2) + 1e-8)


def test_normalising_before_the_product_is_the_papers_attention() -> None:
    torch.manual_seed(0)
    a = torch.randn(2, 32, 12, 12).relu()
    similarity = channel_similarity(a)
    torch.testing.assert_close(similarity, paper_order(a), atol=1e-6, rtol=0)
    assert similarity.min() >= 0
    assert similarity.max() <= 1 + 1e-6
    nam = Nam()
    torch.testing.assert_close(nam(a), a)  # sigma starts at 0
    nn.init.constant_(nam.sigma, 0.7)
    expected = 0.7 * (paper_order(a) @ a.flatten(2)).view_as(a) + a
    torch.testing.assert_close(nam(a), expected, atol=1e-5, rtol=1e-5)


def test_the_similarity_fits_float16_at_full_size_and_takes_dead_channels() -> None:
    a = torch.randn(1, 8, 384, 384).relu() * 2
    a[:, 3] = 0
    half = channel_similarity(a.half())
    assert (a.half().flatten(2) ** 2).sum(dim=2, dtype=torch.float32).max() > 65_504
    assert torch.isfinite(half).all()
    torch.testing.assert_close(half.float(), channel_similarity(a), atol=2e-3, rtol=0)
    assert not half[:, 3].any()
    a.requires_grad_()
    channel_similarity(a.relu()).sum().backward()
    assert a.grad is not None
    assert torch.isfinite(a.grad).all()


def test_similarity_has_the_right_gradient() -> None:
    torch.manual_seed(0)
    nam = Nam().double()
    nn.init.constant_(nam.sigma, 0.3)
    a = (torch.rand(1, 3, 2, 2, dtype=torch.float64) + 0.1).requires_grad_()
    # Lengths are float32 by design, hence the wide step and tolerance.
    assert torch.autograd.gradcheck(nam, (a,), eps=1e-2, atol=2e-3)


@pytest.mark.parametrize("sizes", [((6, 6), (6, 6)), ((6, 8), (3, 4)), ((5, 7), (5, 7)), ((1, 1), (1, 1))])
def test_dib_takes_a_deeper_level_of_the_same_or_half_the_size(
    sizes: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    block = Dib(16, True).eval()
    x, y = (torch.rand(2, 16, *size) for size in sizes)
    with torch.no_grad():
        out = block(x, y)
    assert out.shape == x.shape
    assert out.min() >= 0


def test_picture_sizes_need_not_fit_the_strides() -> None:
    torch.manual_seed(0)
    network = build("nadinet_edge", channels=16, width=8).eval()
    picture = torch.rand(2, 3, 50, 71)
    with torch.no_grad():
        out = network(picture)
        grown = torch.nn.functional.pad(picture, (0, 96 - 71, 0, 64 - 50), mode="replicate")
        whole = network(grown)["logits"]
    assert list(out) == ["logits"]
    assert out["logits"].shape == (2, 1, 50, 71)
    torch.testing.assert_close(out["logits"], whole[:, :, :50, :71])
    sides = network.train()(picture)["sides"]
    assert [side.shape for side in sides] == [(2, 1, 50, 71)] * 5


def test_a_dark_picture_counts_as_a_bright_one_with_image_max_only() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 32, 32)
    picture[0, 0, 0, 0] = 1.0
    change = {}
    for scale in ("fixed", "image_max"):
        torch.manual_seed(0)
        network = build("nadinet_edge", channels=16, width=8, input_scale=scale).eval()
        with torch.no_grad():
            bright, dark = network(picture)["logits"], network(picture / 4)["logits"]
            assert torch.isfinite(network(torch.zeros_like(picture))["logits"]).all()
        change[scale] = (bright - dark).abs().max().item()
    assert change["image_max"] < 1e-5 < change["fixed"]


def test_logits_start_near_zero() -> None:
    torch.manual_seed(0)
    network = build("nadinet_edge").train()
    out = network(torch.rand(2, 3, 64, 64))
    assert all(each.abs().mean() < 3 for each in [out["logits"], *out["sides"]])


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("nadinet_densenet201", torchvision.models.densenet201),
        ("nadinet_vgg16", torchvision.models.vgg16_bn),
        ("nadinet_resnet34", torchvision.models.resnet34),
    ],
)
def test_torchvision_weights_load_and_one_step_learns(
    name: str, make: Callable[..., nn.Module], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    with torch.device("meta"):
        shapes = make(weights=None).state_dict()
    # Random numbers stand for torchvision's weights: the same names and shapes, made quickly.
    given = {
        key: torch.full(value.shape, 7, dtype=value.dtype)
        for key, value in shapes.items()
        if value.numel() < 10_000_000  # all but VGG16's classifier, half a gigabyte that nobody loads
    }
    for value in given.values():
        if value.ndim == 4:
            value.uniform_(-1, 1).mul_((3 / value[0].numel()) ** 0.5)
        elif value.is_floating_point():
            value.uniform_(0.4, 0.6)
    path = tmp_path / "weights.safetensors"
    save_file(given, path)
    network = build(name, backbone_weights=str(path)).train()
    assert [note.source for note in network.pretrained] == ["weights.safetensors"]
    loaded = network.backbone.state_dict()
    same = [key for key in loaded if key in given and torch.equal(loaded[key], given[key])]
    fresh = {key.split(".")[0] for key in set(loaded) - set(same)}
    assert fresh <= set(network.backbone.fresh)
    assert len(same) > 80

    picture, labels = torch.rand(2, 3, 32, 32), torch.zeros(2, 32, 32, dtype=torch.long)
    labels[:, 10:20, 5:25] = 1
    out = network(picture)
    assert out["logits"].shape == (2, 1, 32, 32)
    assert len(out["sides"]) == 5
    loss = NadinetLoss()(out, labels, network)
    loss.backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
    assert network.decoder.nam[0].sigma.grad.abs() > 0
    assert next(network.backbone.parameters()).grad.abs().max() > 0
    torch.optim.Adam(network.parameters(), lr=1e-3).step()
    with torch.no_grad():
        assert torch.isfinite(NadinetLoss()(network(picture), labels, network))


def test_weights_of_another_backbone_and_wrong_options_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet.safetensors"
    save_file(torchvision.models.resnet18(weights=None).state_dict(), path)
    with pytest.raises(RigsightError, match="TRN-104"):
        build("nadinet_resnet34", backbone_weights=str(path))
    with pytest.raises(RigsightError, match="TRN-102.*h1_stride"):
        build("nadinet_vgg16", h1_stride=3)
    with pytest.raises(RigsightError, match="TRN-102.*'h1_stride'"):
        build("nadinet_densenet201", h1_stride=4)
