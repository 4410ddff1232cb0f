"""SCNet: the published parameter counts, sizes, gates and sides, and that it learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rigsight.base.errors import RigsightError
from rigsight.training.models import build
from rigsight.training.models.blocks import count_parameters
from rigsight.training.models.scnet_sides import FusedSides, ScaleAttention, enhanced

SMALL: dict[str, dict[str, Any]] = {"scnet": {"width": 0.05}, "scnet_edge": {"widths": (4, 5, 6, 6)}}


@pytest.mark.parametrize(
    ("name", "options", "total"),
    [
        ("scnet", {"edge": "hed"}, 29_461_683),
        ("scnet", {"edge": "canny"}, 29_461_683),
        ("scnet", {"edge": "none"}, 29_461_107),
        ("scnet", {"edge": "none", "attention": False}, 29_458_601),
        ("scnet_4level", {}, 15_303_847),
        ("scnet_4level", {"edge": "none"}, 15_303_271),
    ],
)
def test_the_networks_have_the_published_numbers_of_parameters(
    name: str, options: dict[str, str | bool], total: int
) -> None:
    with torch.device("meta"):
        assert count_parameters(build(name, **options)) == total


def gmac(name: str) -> float:
    with torch.device("meta"):
        network = build(name).eval()
        pictures = [torch.zeros(1, 3 if kind == "rgb" else 1, 480, 640) for kind in network.inputs]
        with FlopCounterMode(display=False) as counter:
            network(*pictures)
    return float(counter.get_total_flops()) / 2e9


def test_the_trunks_cost_and_the_edge_students_limits() -> None:
    assert gmac("scnet") == pytest.approx(199.0, abs=0.1)
    assert gmac("scnet_4level") == pytest.approx(182.0, abs=0.1)
    assert gmac("scnet_edge") <= 15
    with torch.device("meta"):
        assert count_parameters(build("scnet_edge")) <= 2_000_000


@pytest.mark.parametrize(("options", "levels"), [({}, 5), ({"levels": 4}, 4)])
def test_training_returns_one_map_a_level_and_the_fused_one(options: dict[str, int], levels: int) -> None:
    network = build("scnet", width=0.05, **options)
    assert network.task == "binary"
    assert network.inputs == ("rgb", "edges")
    pictures = (torch.rand(2, 3, 64, 96), (torch.rand(2, 1, 64, 96) > 0.9).float())
    out = network(*pictures)
    assert out["logits"].shape == (2, 1, 64, 96)
    assert [side.shape for side in out["sides"]] == [(2, 1, 64, 96)] * levels
    assert set(network.eval()(*pictures)) == {"logits"}


@pytest.mark.parametrize("name", ["scnet", "scnet_edge"])
@pytest.mark.parametrize(("height", "width"), [(384, 544), (448, 448), (50, 33), (1, 1)])
def test_pictures_of_any_size_are_segmented(name: str, height: int, width: int) -> None:
    network = build(name, edge="none", **SMALL[name]).eval()
    with torch.no_grad():
        logits = network(torch.rand(1, 3, height, width))["logits"]
    assert logits.shape == (1, 1, height, width)
    assert logits.isfinite().all()


def test_padding_changes_nothing_where_none_is_needed_and_little_elsewhere() -> None:
    torch.manual_seed(0)
    network = build("scnet_edge", **SMALL["scnet_edge"]).eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        whole = network(picture)["logits"]
        repeated = torch.nn.functional.pad(picture[..., :57, :60], (0, 4, 0, 7), mode="replicate")
        cut = network(picture[..., :57, :60])["logits"]
        torch.testing.assert_close(cut, network(repeated)["logits"][..., :57, :60])
    assert whole.shape == picture[:, :1].shape


def test_evaluation_in_the_exportable_form_equals_torchs_indices() -> None:
    torch.manual_seed(0)
    network = build("scnet", width=0.1)  # instance norm: training and evaluation are the same function
    pictures = (torch.rand(1, 3, 64, 64), (torch.rand(1, 1, 64, 64) > 0.8).float())
    with torch.no_grad():
        assert torch.equal(network(*pictures)["logits"], network.eval()(*pictures)["logits"])


def test_norms_of_the_paper_keep_no_state_and_those_of_the_student_do() -> None:
    norms = [m for m in build("scnet", width=0.05).modules() if isinstance(m, nn.InstanceNorm2d)]
    assert len(norms) == 26
    assert not any(list(m.parameters()) or list(m.buffers()) for m in norms)
    student = [type(m) for m in build("scnet_edge", **SMALL["scnet_edge"]).modules()]
    assert student.count(nn.BatchNorm2d) == 16
    assert nn.InstanceNorm2d not in student


def test_the_gate_of_equation_1_worked_out() -> None:
    module = ScaleAttention(2, 1, gate=True)
    with torch.no_grad():
        module.gate.score.weight.copy_(torch.tensor([1.0, -1.0]).view(1, 2, 1, 1))  # type: ignore[union-attr]
        module.gate.score.bias.zero_()  # type: ignore[union-attr]
        module.refine.weight.copy_(torch.tensor([2.0, 1.0]).view(1, 2, 1, 1))
        module.refine.bias.fill_(0.5)  # type: ignore[union-attr]
        gated, refined = module(torch.tensor([3.0, 1.0]).view(1, 2, 1, 1))
    gate = 1 / (1 + torch.e**-2)
    torch.testing.assert_close(gated.flatten(), torch.tensor([3 * gate, gate]))
    assert refined.item() == pytest.approx(7 * gate + 0.5)


def test_without_attention_or_with_it_beside_the_trunk_the_trunk_stays_as_it_is() -> None:
    def trunk(**options: bool) -> Tensor:
        torch.manual_seed(0)
        network = build("scnet", width=0.05, edge="none", **options).eval()
        with torch.no_grad():
            for attend in [*network.attend_down, *network.attend_up]:
                if options.get("attention", True):
                    attend.gate.score.bias.normal_()
        caught: list[Tensor] = []
        network.lift[0].register_forward_hook(lambda _module, _inputs, output: caught.append(output))
        with torch.no_grad():
            torch.manual_seed(1)
            network(torch.rand(1, 3, 64, 64))
        return caught[0]

    # The trunk alone decides when gates lead to the sides only, whatever the gates hold.
    beside = trunk(attention_in_trunk=False)
    assert torch.equal(beside, trunk(attention_in_trunk=False))
    assert not torch.equal(beside, trunk(attention_in_trunk=True))


def test_the_enhancement_encoder_gathers_one_channel_a_scale() -> None:
    refined = [torch.rand(1, 1, 32 // 2**i, 32 // 2**i) for i in range(5)]
    maps = enhanced(refined)
    assert [m.shape[1] for m in maps] == [1, 2, 3, 4, 5]
    assert torch.equal(maps[2][:, 2:], refined[2])
    assert maps[4][0, 0, 0, 0] == refined[0][0, 0, :16, :16].max()


def test_side_maps_start_at_the_prior() -> None:
    for cells in (1, 2):
        refined = (cells**2, 1, 1)
        sides = FusedSides(refined, align_corners=True, cells=cells)
        sides.start_from(0.01)
        own = [torch.zeros(1, c, 16 // 2**i, 16 // 2**i) for i, c in enumerate(refined)]
        fused, maps = sides(enhanced(own), own)
        for each in (fused, *maps):
            torch.testing.assert_close(each.sigmoid(), torch.full((1, 1, 16 * cells, 16 * cells), 0.01))


def test_with_cells_every_pixel_has_a_logit_of_its_own() -> None:
    sides = FusedSides((4, 1), align_corners=False, cells=2)
    own = [torch.zeros(1, 4, 2, 2), torch.zeros(1, 1, 1, 1)]
    with torch.no_grad():
        sides.sides[0].bias.copy_(torch.arange(4.0))  # type: ignore[operator, union-attr]
        _, (finest, coarse) = sides(enhanced(own), own)
    torch.testing.assert_close(finest[0, 0, :2, :2], torch.tensor([[0.0, 1.0], [2.0, 3.0]]))
    assert coarse.shape == (1, 1, 4, 4)


def test_a_change_of_one_pixel_reaches_other_logits_than_its_neighbours() -> None:
    torch.manual_seed(0)
    network = build("scnet_edge", **SMALL["scnet_edge"]).eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = network(picture)["logits"]
        changes = []
        for x in (20, 21):  # of one cell
            other = picture.clone()
            other[..., 20, x] = 1 - other[..., 20, x]
            changes.append((network(other)["logits"] - before)[0, 0, 16:26, 16:26])
    assert changes[0].abs().max() > 0
    assert not torch.allclose(changes[0], changes[1])


@pytest.mark.parametrize(
    "options", [{"levels": 3}, {"act": "gelu"}, {"edge": "sobel"}, {"widths": [8, 8]}, {"context": [2]}]
)
def test_options_it_does_not_take_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(RigsightError, match="TRN-102"):
        build("scnet", **options)


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    for name, small in SMALL.items():
        network = build(name, edge="canny", **small)
        out = network(torch.rand(2, 3, 64, 64), (torch.rand(2, 1, 64, 64) > 0.9).float())
        (out["logits"].square().sum() + sum(s.square().sum() for s in out["sides"])).backward()
        silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum()]
        assert not silent
