"""SegMiF: published parameter counts, formulas against plain ones, and the small configuration's limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from rigsight.base.errors import RigsightError
from rigsight.edge.saliency import vsm_tables
from rigsight.training.models import build
from rigsight.training.models.colour import chroma, luma, recolour
from rigsight.training.models.drdb import DRDB
from rigsight.training.models.fusion_net import FusionNet
from rigsight.training.models.hia import HIA
from rigsight.training.models.saliency import weighted_average


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope="module")
def nano() -> nn.Module:
    torch.manual_seed(0)
    return build("segmif_nano", classes=9).eval()


def inputs(count: int = 1, height: int = 64, width: int = 96) -> tuple[Tensor, Tensor, Tensor]:
    random = np.random.default_rng(0)
    rgb = random.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    thermal = random.integers(0, 256, (count, height, width), dtype=np.uint8)
    tables = np.stack([vsm_tables(a, b) for a, b in zip(rgb, thermal, strict=True)])
    return (
        torch.from_numpy(rgb).permute(0, 3, 1, 2) / 255,
        torch.from_numpy(thermal)[:, None] / 255,
        torch.from_numpy(tables),
    )


@pytest.mark.parametrize(("classes", "head", "total"), [(9, 528_137, 45_568_331), (15, 529_679, 45_569_873)])
def test_the_full_network_has_the_published_number_of_parameters(classes: int, head: int, total: int) -> None:
    with torch.device("meta"):
        model = build("segmif", classes=classes)
    assert parameters(model.fusion) == 968_066
    assert parameters(model.encoder) == 44_072_128
    assert parameters(model.head) == head
    assert parameters(model) == total


def test_blocks_have_the_published_number_of_parameters() -> None:
    assert parameters(DRDB(64, 32)) == 198_880
    assert parameters(HIA(64, 8)) == 66_304


@pytest.mark.parametrize(
    ("encoder", "total"), [("mit_b0", 3_319_392), ("mit_b1", 13_151_424), ("mit_b2", 24_196_288)]
)
def test_smaller_encoders_have_the_parameters_of_segformer(encoder: str, total: int) -> None:
    with torch.device("meta"):
        assert parameters(build("segmif", encoder=encoder).encoder) == total


@pytest.mark.parametrize(
    ("interaction", "total"),
    [("hia", 968_066), ("soam", 939_202), ("moam", 931_010), ("concat", 1_196_930), ("none", 889_346)],
)
def test_other_interactions_have_the_parameters_of_their_layers(interaction: str, total: int) -> None:
    """SoAM alone 37,440 and MoAM alone 29,248 instead of HIA's 66,304; four 3x3 convolutions 128 -> 64
    (295,168) for concatenation; neither HIA nor the two 1x1 convolutions (12,416) without interaction."""
    with torch.device("meta"):
        assert parameters(build("segmif", interaction=interaction).fusion) == total


@pytest.mark.parametrize("interaction", ["soam", "moam", "concat", "none"])
def test_every_interaction_learns_and_only_none_ignores_the_semantics(interaction: str) -> None:
    torch.manual_seed(0)
    fusion = FusionNet(8, 4, 2, semantic=(6, 6), interaction=interaction)
    visible, thermal, average = (torch.rand(1, 1, 16, 16) for _ in range(3))
    stages = [torch.randn(1, 6, 4, 4, requires_grad=True), torch.randn(1, 6, 2, 2, requires_grad=True)]
    fusion(visible, thermal, average, stages).mean().backward()
    for name, parameter in fusion.named_parameters():
        assert parameter.grad is not None, name
    assert all((stage.grad is None) == (interaction == "none") for stage in stages)


def test_attention_without_either_part_is_refused() -> None:
    with pytest.raises(ValueError, match="no attention"):
        HIA(8, 1, soam=False, moam=False)


def test_the_edge_student_keeps_its_limits() -> None:
    with torch.device("meta"):
        model = build("segmif_edge", classes=9).eval()
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            model(torch.zeros(1, 3, 480, 640), torch.zeros(1, 1, 480, 640), torch.zeros(1, 2, 256))
    assert counter.get_total_flops() / 2 <= 15e9
    assert parameters(model) == 2_652_445
    kinds = {type(module).__name__ for module in model.modules() if not list(module.children())}
    assert kinds <= {"Conv2d", "BatchNorm2d", "ReLU", "Dropout2d"}  # what folds and quantises


def test_the_students_statistics_belong_to_fused_pictures() -> None:
    torch.manual_seed(0)
    model = build("segmif_edge", classes=3).train()
    before = model.encoder.stem[1].running_mean.clone()
    with torch.no_grad():
        fused = model.fuse(*inputs(2, 64, 64))
    assert torch.equal(model.encoder.stem[1].running_mean, before)
    assert model.encoder.stem[1].training
    model.segment(fused.clamp(0, 1).expand(-1, 3, -1, -1), *inputs(2, 64, 64)[:2])
    assert not torch.equal(model.encoder.stem[1].running_mean, before)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["segmif_nano", "segmif_edge"])
def test_eight_pictures_are_learnt_by_heart(name: str) -> None:
    """Squares that only the colour camera sees (class 1), and discs that only the thermal one does (2)."""
    random = np.random.default_rng(1)
    rgb, thermal = random.integers(60, 120, (8, 64, 64, 3)), random.integers(60, 120, (8, 64, 64))
    labels = np.zeros((8, 64, 64), np.int64)
    rows, columns = np.mgrid[:64, :64]
    for i in range(8):
        y, x = random.integers(4, 40, 2)
        square = (rows >= y) & (rows < y + 16) & (columns >= x) & (columns < x + 16)
        v, u = random.integers(12, 52, 2)
        disc = ((rows - v) ** 2 + (columns - u) ** 2 <= 64) & ~square
        rgb[i][square] += (90, 20, 0)
        thermal[i][disc] += 110
        labels[i][square], labels[i][disc] = 1, 2
    pictures = rgb.astype(np.uint8), thermal.astype(np.uint8)
    tables = torch.from_numpy(np.stack([vsm_tables(a, b) for a, b in zip(*pictures, strict=True)]))
    batch = (
        torch.from_numpy(pictures[0]).permute(0, 3, 1, 2) / 255,
        torch.from_numpy(pictures[1])[:, None] / 255,
        tables,
    )
    truth = torch.from_numpy(labels)
    torch.manual_seed(0)
    model = build(name, classes=3, dropout=0.0).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.0)
    for _ in range(160):
        optimizer.zero_grad()
        F.cross_entropy(model(*batch)["logits"], truth).backward()
        optimizer.step()
    with torch.no_grad():
        found = model.eval()(*batch)["logits"].argmax(1)
    for i in (1, 2):
        both = ((found == i) & (truth == i)).sum() / ((found == i) | (truth == i)).sum()
        assert both > 0.95, (i, float(both))


def test_layer_norms_have_segformers_eps() -> None:
    with torch.device("meta"):
        encoder = build("segmif", encoder="mit_b0").encoder
    for name, module in encoder.named_modules():
        if isinstance(module, nn.LayerNorm):
            inner = "patch_embeddings" in name or "sequence_reduction" in name
            assert module.eps == (1e-5 if inner else 1e-6), name


def test_the_small_network_keeps_its_limits_and_shapes(nano: nn.Module) -> None:
    assert parameters(nano) <= 1_000_000
    rgb, thermal, tables = inputs(2)
    with torch.no_grad():
        out = nano(rgb, thermal, tables)
    assert out["fused"].shape == (2, 3, 64, 96)
    assert out["luma"].shape == (2, 1, 64, 96)
    assert out["logits"].shape == (2, 9, 64, 96)
    assert 0 <= out["fused"].min() <= out["fused"].max() <= 1


def test_pictures_of_a_batch_do_not_touch_each_other(nano: nn.Module) -> None:
    rgb, thermal, tables = inputs(2)
    with torch.no_grad():
        both = nano(rgb, thermal, tables)["logits"]
        alone = nano(rgb[1:], thermal[1:], tables[1:])["logits"]
    torch.testing.assert_close(both[1:], alone, atol=1e-4, rtol=1e-4)


def test_an_untrained_small_network_fuses_to_the_saliency_weighted_average(nano: nn.Module) -> None:
    rgb, thermal, tables = inputs()
    with torch.no_grad():
        fused, average = nano.fuse_with_average(rgb, thermal, tables)
    torch.testing.assert_close(fused, average)


def test_a_full_size_cascade_of_a_small_encoder_runs_and_has_gradients_everywhere() -> None:
    torch.manual_seed(0)
    options = {"fusion_channels": 16, "fusion_growth": 8, "fusion_heads": 2, "head_width": 32}
    model = build("segmif", classes=3, encoder="mit_b0", **options).train()
    rgb, thermal, tables = inputs(2, 64, 64)
    out = model(rgb, thermal, tables)
    (out["logits"].square().mean() + model.fuse(rgb, thermal, tables).mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_hia_equals_its_formulas_written_out_for_every_head() -> None:
    torch.manual_seed(1)
    channels, heads, height, width = 16, 2, 3, 5
    hia = HIA(channels, heads)
    maps = {name: torch.randn(1, channels, height, width) for name in ("ir", "vis", "seg")}
    got = dict(zip(("ir", "vis"), hia(**maps), strict=True))
    d = channels // heads
    tokens = {name: x[0].flatten(1).T for name, x in maps.items()}
    y, u = {}, {}
    for name, x in tokens.items():
        embedded = F.relu(hia.embed[name](x))
        y[name], u[name] = embedded[:, :channels], embedded[:, channels:]

    def context(name: str, x: Tensor, head: int) -> Tensor:
        both = hia.key_value[name](x)
        key, value = both[:, :channels], both[:, channels:]
        part = slice(head * d, (head + 1) * d)
        return torch.softmax(d**-0.5 * key[:, part].T @ value[:, part], dim=0)

    for name in ("ir", "vis"):
        s = [y["seg"][:, h * d : (h + 1) * d] @ context(name, y[name], h) for h in range(heads)]
        m = [u[name][:, h * d : (h + 1) * d] @ context("seg", u["seg"], h) for h in range(heads)]
        merged = hia.merge[name](torch.cat([*s, *m], dim=1))
        expected = hia.norm[name](tokens[name] + merged).T.reshape(1, channels, height, width)
        torch.testing.assert_close(got[name], expected, atol=1e-5, rtol=1e-5)


def test_attention_context_stays_finite_in_half_precision() -> None:
    hia = HIA(8, 1).half()
    x = torch.full((1, 40_000, 8), 4.0, dtype=torch.float16)
    with torch.no_grad():
        hia.key_value["seg"].weight.fill_(1.0)
    assert torch.isfinite(hia._context("seg", x)).all()


def test_colour_goes_there_and_back() -> None:
    rgb = torch.rand(1, 3, 8, 8)
    grey = luma(rgb)
    torch.testing.assert_close(recolour(grey, *chroma(rgb, grey)), rgb, atol=2e-3, rtol=0)
    black = torch.zeros(1, 3, 4, 4)  # a missing colour picture gives a grey fused one
    assert (recolour(torch.full((1, 1, 4, 4), 0.4), *chroma(black, luma(black))) == 0.4).all()


def test_the_weighted_average_follows_the_tables() -> None:
    visible, thermal = torch.tensor([[[[0.2]]]]), torch.tensor([[[[0.8]]]])
    tables = torch.zeros(1, 2, 256)
    tables[0, 0, 51], tables[0, 1, 204] = 0.5, 0.9
    assert weighted_average(visible, thermal, tables).item() == pytest.approx(0.3 * 0.2 + 0.7 * 0.8)


def test_unknown_names_and_options_are_one_line() -> None:
    with pytest.raises(RigsightError, match="TRN-101.*did you mean 'segmif'"):
        build("segmfi")
    with pytest.raises(RigsightError, match="TRN-102.*did you mean 'classes'"):
        build("segmif_nano", clases=3)
    with pytest.raises(RigsightError, match="TRN-102"):
        build("segmif", encoder="mit_b9")
    with pytest.raises(RigsightError, match="TRN-102.*heads"):
        build("segmif", encoder="mit_b0", fusion_channels=20, fusion_heads=8)
