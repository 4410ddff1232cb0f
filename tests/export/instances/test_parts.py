"""The parts, run by PyTorch, find what the whole network finds, at every size and for every option."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.contract import check_contract
from rigsight.edge.bundle.instance_contract import HOST_STEPS
from rigsight.edge.bundle.spec import BundleSpec, Licences, Part, Tensor
from rigsight.edge.detection.steps import select_proposals
from rigsight.edge.engines.base import Array, check_feeds
from rigsight.edge.engines.instances import InstanceEngine
from rigsight.export.instances.deploy import Deployable, deployable_instances
from rigsight.export.instances.parity import InstanceParity, check_instance_parity
from rigsight.training.models import build

Make = Callable[..., Any]


class TorchEngine:
    """A part's module in the shape of an engine; ``change`` spoils its outputs, ``noise`` its padding."""

    def __init__(
        self, module: nn.Module, part: Part, change: Callable[[dict[str, Array]], None] = lambda _: None
    ) -> None:
        self.module, self.inputs, self.outputs = module, part.inputs, part.outputs
        self.change, self.runs = change, 0

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        check_feeds(self.inputs, feeds)
        self.runs += 1
        with torch.inference_mode():
            made = self.module(*(torch.from_numpy(np.array(feeds[name])) for name in self.inputs))
        outputs = {name: value.numpy() for name, value in zip(self.outputs, made, strict=True)}
        for name, tensor in self.outputs.items():
            assert outputs[name].shape == tensor.shape
        self.change(outputs)
        return outputs

    def close(self) -> None:
        pass


def engine_of(made: Deployable, **changes: Callable[[dict[str, Array]], None]) -> InstanceEngine:
    parts = {
        part.name: TorchEngine(made.modules[part.name], part, changes.get(part.name, lambda _: None))
        for part in made.parts
    }
    return InstanceEngine(parts, made.steps)


def picture(height: int, width: int, channels: int = 1, seed: int = 0) -> Array:
    """Soft blobs, uint8 [1,H,W,C]."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 12, width // 12, channels), np.uint8)
    return np.reshape(
        cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), (1, height, width, -1)
    )


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((160, 96), {}),
        ((150, 90), {}),  # no multiples of 32
        ((150, 90), {"modality": "rgb", "up": "bilinear", "bnsa": "c2+c5"}),
        ((96, 64), {"short_side": 101, "long_side": 140}),
        ((320, 256), {"short_side": 110, "detections": 41, "classes": 4}),
        ((64, 32), {"proposals": 9999, "anchor": 32}),
    ],
)
def test_parts_find_what_the_network_finds(
    stirred: Make, meta_of: Make, size: tuple[int, int], options: dict[str, Any]
) -> None:
    network = stirred(**options)
    made = deployable_instances(network, meta_of(width=size[0], height=size[1]))
    role = options.get("modality", "thermal")
    feeds = {
        str(seed): {role: picture(size[1], size[0], 3 if role == "rgb" else 1, seed)} for seed in range(3)
    }
    for result in check_instance_parity(network, engine_of(made), feeds):
        assert result.passed
        assert result.detections > 5
        assert result.box_px < 0.01


@pytest.mark.slow
def test_the_published_network_in_parts(meta_of: Make) -> None:
    """ResNet-50 with 53 million parameters; a fresh one is sure of little, so that all of it is compared."""
    torch.manual_seed(5)
    network = build("bnsa_mask_rcnn").eval()
    made = deployable_instances(network, meta_of(width=160, height=128))
    assert made.steps.levels == (1000, 960, 240, 60, 18)
    assert made.parts[1].inputs["regions"].shape == (1000, 4)
    (result,) = check_instance_parity(network, engine_of(made), {"blobs": {"thermal": picture(128, 160)}})
    assert result.detections > 50


def test_masks_run_as_often_as_there_are_detections(stirred: Make, meta_of: Make) -> None:
    made = deployable_instances(stirred(), meta_of())
    engine = engine_of(made)
    found = engine.infer({"thermal": picture(96, 160)})
    masks: Any = engine.parts["masks"]
    assert (len(found["labels"]), masks.runs) == (25, 2)
    none = InstanceEngine(engine.parts, made.steps.model_copy(update={"score": 1.0}))
    assert none.infer({"thermal": picture(96, 160)})["masks"].shape == (0, 28, 28)
    assert masks.runs == 2


def test_padding_is_not_looked_at(stirred: Make, meta_of: Make) -> None:
    """Fewer proposals stay than the graph takes; what the heads make of the zeros behind them is spoilt."""

    def spoil(outputs: dict[str, Array]) -> None:
        outputs["scores"][kept:] = 1.0

    made = deployable_instances(stirred(proposals=9999), meta_of())
    plain, spoilt = engine_of(made), engine_of(made, boxes=spoil)
    first = plain.parts["main"].infer({"thermal": picture(96, 160)})
    count = sum(made.steps.levels)
    kept = len(select_proposals(first["proposals"][0], first["objectness"][0], made.steps, count))
    assert kept < count
    a, b = (engine.infer({"thermal": picture(96, 160)}) for engine in (plain, spoilt))
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def shifted(outputs: dict[str, Array]) -> None:
    outputs["boxes"] += 0.7


def dimmed(outputs: dict[str, Array]) -> None:
    outputs["scores"] *= 0.99


def shrunk(outputs: dict[str, Array]) -> None:
    outputs["masks"][:, :, :10] = 0


def nothing(outputs: dict[str, Array]) -> None:
    outputs["scores"] *= 0


@pytest.mark.parametrize(
    "part", [("boxes", shifted), ("boxes", dimmed), ("masks", shrunk), ("boxes", nothing)]
)
def test_what_differs_is_no_parity(stirred: Make, meta_of: Make, part: tuple[str, Any]) -> None:
    network = stirred()
    engine = engine_of(deployable_instances(network, meta_of()), **dict([part]))
    with pytest.raises(RigsightError, match="EXP-001.*'blobs'.*Nothing was written") as caught:
        check_instance_parity(network, engine, {"blobs": {"thermal": picture(96, 160)}})
    assert "\n" not in caught.value.line()


def test_a_network_that_sees_nothing_is_compared_below_its_score(stirred: Make, meta_of: Make) -> None:
    network = stirred(score=0.9999)
    engine = engine_of(deployable_instances(network, meta_of()))
    (result,) = check_instance_parity(network, engine, {"blobs": {"thermal": picture(96, 160)}})
    assert (result.score, result.detections) == (0.0, 25)
    assert not InstanceParity("x", 1, 0, float("nan"), 0, 1, 0).passed


def test_other_networks_are_refused(meta_of: Make) -> None:
    with pytest.raises(RigsightError, match="EXP-004.*'strange' finds instances, but is no Mask R-CNN"):
        deployable_instances(nn.Identity(), meta_of(model="strange"))


def described(made: Deployable, classes: Any) -> BundleSpec:
    return BundleSpec(
        name="b", release=1, task="instance", model="m", classes=classes, parts=made.parts,
        host_steps=HOST_STEPS, instances=made.steps, licences=Licences(weights="", data=""),
        files={part.variants["fp32"]: "0" * 64 for part in made.parts},
    )  # fmt: skip


def test_a_broken_contract_is_one_line(stirred: Make, meta_of: Make) -> None:
    made, meta = deployable_instances(stirred(), meta_of()), meta_of()
    good = described(made, meta.classes)
    check_contract(good)
    main, boxes, masks = good.parts
    fewer = {**main.outputs}
    fewer.pop("objectness")
    wrong: dict[str, dict[str, Any]] = {
        "'instances' belongs to every": {"instances": None},
        "has the parts main, boxes, masks, not main, boxes": {"parts": (main, boxes)},
        "the host steps of this release are select_proposals.*not none": {"host_steps": ()},
        "select_proposals.*, not os_system": {"host_steps": ("os_system",)},
        "not found in tiles": {
            "preprocessing": {"geometry": {"kind": "tile", "overlap_px": 32, "align_px": 32}}
        },
        "'main' has the outputs features, proposals, not": {
            "parts": (main.model_copy(update={"outputs": fewer}), boxes, masks)
        },
        r"'proposals' must be float32 \[1,5,4\]": {
            "instances": made.steps.model_copy(update={"levels": (2, 3)})
        },
        r"'scores' must be float32 \[60,3\]": {"classes": (*meta.classes, meta.classes[0])},
        r"'classes' must be int64 \[20\]": {
            "parts": (main, boxes, masks.model_copy(update={"inputs": {
                **masks.inputs, "classes": Tensor(dtype="float32", shape=(20,))
            }}))
        },
    }  # fmt: skip
    for words, change in wrong.items():
        data = {
            **good.model_dump(),
            **{k: getattr(v, "model_dump", lambda v=v: v)() for k, v in change.items()},
        }
        with pytest.raises(RigsightError, match=f"BND-004.*{words}"):
            check_contract(BundleSpec.model_validate(data))
    semantic = good.model_copy(update={"task": "semantic"})
    with pytest.raises(RigsightError, match="BND-004"):
        check_contract(semantic)
