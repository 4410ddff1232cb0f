"""BNSA Mask R-CNN: counts, sizes, what feeds what, pretrained names, pictures without things."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import maskrcnn_resnet50_fpn

from rigsight.base.errors import RigsightError
from rigsight.training.models import build
from rigsight.training.models.blocks import count_parameters
from rigsight.training.models.bnsa.bnsa import Bnsa
from rigsight.training.models.bnsa.network import BnsaMaskRcnn
from rigsight.training.models.bnsa.pool import PyramidRoIAlign
from rigsight.training.models.bnsa.pretrained import FRESH, modern_name
from rigsight.training.models.bnsa.roi_heads import masks_in_boxes

TINY: dict[str, Any] = {
    "classes": 2, "anchor": 8, "width": 8, "box_width": 16, "mask_layers": 1, "rois": 16, "proposals": 30,
    "detections": 6,
}  # fmt: skip


def tiny(**options: Any) -> BnsaMaskRcnn:
    torch.manual_seed(0)
    network = build("bnsa_mask_rcnn_small", **{**TINY, **options})
    assert isinstance(network, BnsaMaskRcnn)
    return network


def targets(height: int = 64, width: int = 96) -> list[dict[str, Tensor]]:
    """One picture with two things, one without any."""
    masks = torch.zeros(2, height, width, dtype=torch.uint8)
    masks[0, 10:30, 20:50] = 1
    masks[1, 40:60, 60:70] = 1
    boxes = torch.tensor([[20.0, 10, 50, 30], [60, 40, 70, 60]])
    empty = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "masks": torch.zeros(0, height, width, dtype=torch.uint8),
    }
    return [{"boxes": boxes, "labels": torch.tensor([1, 2]), "masks": masks}, empty]


@pytest.mark.parametrize(("channels", "count"), [(512, 1_906_944), (1024, 7_614_976)])
def test_a_module_has_the_published_size(channels: int, count: int) -> None:
    assert count_parameters(Bnsa(channels)) == count
    # Without the learned enlargement and its norm: 4 C^2 + 2 C less.
    assert count_parameters(Bnsa(channels, up="bilinear")) == count - 4 * channels**2 - 2 * channels


def test_the_network_has_the_published_size() -> None:
    network = build("bnsa_mask_rcnn")
    assert count_parameters(network) == 53_456_104
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert frozen
    assert all(name.startswith(("backbone.body.conv1", "backbone.body.layer1")) for name in frozen)
    without = sum(count_parameters(m) for m in network.backbone.bnsa.values())
    assert 53_456_104 - without == 43_934_184
    # 53.865 M in the paper: 80 classes, as Detectron2 has them by default.
    assert count_parameters(build("bnsa_mask_rcnn", classes=80)) == 53_865_136


@pytest.mark.parametrize("up", ["deconv", "bilinear"])
def test_a_module_keeps_odd_sizes(up: Any) -> None:
    module = Bnsa(8, up).eval()
    assert module(torch.rand(2, 8, 7, 5)).shape == (2, 8, 7, 5)


def test_a_module_is_attention_times_main_path_plus_attention() -> None:
    module = Bnsa(8).eval()
    x = torch.rand(1, 8, 6, 4)
    assert module.up is not None
    attention = module.up(module.attention(torch.nn.functional.avg_pool2d(x, 2)))
    assert torch.allclose(module(x), attention * module.main(x) + attention, atol=1e-6)


def test_the_next_stage_does_not_see_the_module() -> None:
    network = tiny().eval()
    picture = torch.rand(1, 3, 64, 96)
    plain = network.backbone.body(picture)
    seen: dict[str, Tensor] = {}
    network.backbone.fpn.register_forward_pre_hook(lambda _, args: seen.update(args[0]))
    network.backbone(picture)
    assert torch.equal(seen["0"], plain["0"])
    assert torch.equal(seen["3"], plain["3"])
    assert not torch.allclose(seen["1"], plain["1"])
    assert torch.equal(seen["2"], network.backbone.bnsa["2"](plain["2"]))


@pytest.mark.parametrize("size", [(64, 96), (70, 50)])
def test_detections_have_fixed_shapes_and_lie_inside(size: tuple[int, int]) -> None:
    network = tiny(score=0.0).eval()
    with torch.no_grad():
        found = network(torch.rand(2, 1, *size))
    assert found["boxes"].shape == (2, 6, 4)
    assert found["masks"].shape == (2, 6, 28, 28)
    assert set(found["labels"].unique().tolist()) <= {0, 1, 2}
    assert (found["labels"] > 0).any()
    assert found["boxes"][..., 2].max() <= size[1]
    assert found["boxes"][..., 3].max() <= size[0]
    assert (found["scores"].diff(dim=1) <= 0).all()


def test_a_resized_picture_gives_boxes_in_its_own_pixels() -> None:
    picture = torch.rand(1, 1, 64, 96)
    enlarged = torch.nn.functional.interpolate(picture, scale_factor=2, mode="bilinear")
    network = tiny(short_side=128, score=0.0).eval()
    with torch.no_grad():
        found, expected = network(picture), tiny(score=0.0).eval()(enlarged)
    assert torch.allclose(found["boxes"], expected["boxes"] / 2, atol=1e-3)
    assert torch.allclose(found["scores"], expected["scores"], atol=1e-5)
    network.train()
    losses = network(torch.rand(2, 1, 64, 96), targets())
    assert all(torch.isfinite(loss) for loss in losses.values())


@pytest.mark.parametrize("box", ["smooth_l1", "siou", "focal_siou"])
def test_every_loss_reaches_what_it_is_for(box: str) -> None:
    network = tiny(box_loss=box).train()
    losses = network(torch.rand(2, 1, 64, 96), targets())
    assert set(losses) == {"rpn_class", "rpn_box", "class", "box", "mask"}
    sum(losses.values()).backward()
    missing = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert missing == []
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_pictures_without_things_are_learnt_from() -> None:
    network = tiny().train()
    losses = network(torch.rand(1, 1, 64, 96), targets()[1:])
    assert losses["class"] > 0
    assert losses["box"] == 0
    assert losses["mask"] == 0


def test_boxes_are_exact_in_half_precision() -> None:
    network = tiny(score=0.0, detections=30).eval()
    picture = torch.rand(1, 1, 64, 1024)
    kinds = set()
    network.roi_heads.box_roi_pool.register_forward_pre_hook(lambda _, args: kinds.add(args[1][0].dtype))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        features = network.backbone(picture.expand(-1, 3, -1, -1))
        found = network(picture)
    assert features["0"].dtype == torch.bfloat16
    assert kinds == {torch.float32}
    boxes = found["boxes"][found["labels"] > 0]
    inside = boxes[(boxes > 600) & (boxes < 1024)]
    assert len(inside)
    assert (inside != inside.bfloat16().float()).any()


def test_regions_are_pooled_where_they_lie() -> None:
    """A map that holds its own x coordinate gives back the bins' centres."""
    x = torch.arange(24).float().expand(1, 1, 16, 24) * 4 + 2  # centres of stride-4 pixels
    features = {name: x if name == "0" else torch.zeros(1, 1, 4, 6) for name in "0123"}
    pooled = PyramidRoIAlign(2, 32)(features, [torch.tensor([[10.0, 8, 50, 40]])], None)
    assert torch.allclose(pooled[0, 0], torch.tensor([[20.0, 40.0], [20.0, 40.0]]), atol=1e-4)


def test_mask_targets_fill_their_boxes() -> None:
    masks = torch.zeros(2, 40, 60, dtype=torch.uint8)
    masks[1, 10:30, 20:48] = 1
    boxes = torch.tensor([[20.0, 10, 48, 30], [6, 10, 34, 30], [20, 10, 48, 30]])
    cut = masks_in_boxes(masks, torch.tensor([1, 1, 0]), boxes)
    assert cut[0].min() > 0.4
    assert cut[0, 1:-1, 1:-1].min() == 1
    assert cut[1, 1:-1, :13].max() == 0
    assert cut[1, 1:-1, 15:].min() == 1
    assert cut[2].max() == 0


def test_torchvisions_published_file_loads(tmp_path: Any) -> None:
    """Its names are older than today's; the shapes are those of its 91 classes."""
    source = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    older = {}
    for name, value in source.state_dict().items():
        old = name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")
        for k in range(4):
            old = old.replace(f"mask_head.{k}.0.", f"mask_head.mask_fcn{k + 1}.")
            for blocks in ("inner_blocks", "layer_blocks"):
                old = old.replace(f"{blocks}.{k}.0.", f"{blocks}.{k}.")
        assert modern_name(old) == name
        if not name.endswith("num_batches_tracked"):
            older[old] = value
    path = tmp_path / "maskrcnn_resnet50_fpn_coco.pth"
    torch.save(older, path)
    network = build("bnsa_mask_rcnn", backbone_weights=str(path))
    ours, theirs = network.state_dict(), source.state_dict()
    assert all(torch.equal(v, theirs[n]) for n, v in ours.items() if not n.startswith(FRESH))
    assert network.pretrained[0].name == "maskrcnn_resnet50_fpn"


@pytest.mark.parametrize(
    "options",
    [
        {"bnsa": "c6"},
        {"classes": 0},
        {"box_loss": "giou"},
        {"backbone": "resnet18", "backbone_weights": "download"},
    ],
)
def test_wrong_options_are_one_line(options: dict[str, Any]) -> None:
    with pytest.raises(RigsightError) as error:
        build("bnsa_mask_rcnn", **options)
    assert error.value.code == "TRN-102"
    assert "\n" not in str(error.value)
