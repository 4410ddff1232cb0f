"""Training of Mask R-CNN: it learns eight pictures by heart, and a run leaves what others expect."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from rigsight.base.errors import RigsightError
from rigsight.training.config import load_config
from rigsight.training.data.instance_augment import InstanceSample
from rigsight.training.data.instance_stream import collate_instances
from rigsight.training.data.instances import boxes_of
from rigsight.training.instance_scoring import detections
from rigsight.training.metrics_coco import CocoMeter
from rigsight.training.models import build

CONFIGS = Path(__file__).parents[2] / "training" / "configs"


def pictures(count: int = 8, size: int = 64) -> list[InstanceSample]:
    """Warm boxes (class 1) and discs (class 2) on a noisy ground, two in each picture."""
    import cv2

    random = np.random.default_rng(5)
    made = []
    for _ in range(count):
        picture = random.integers(30, 60, (size, size), dtype=np.uint8)
        masks = np.zeros((2, size, size), np.uint8)
        x, y = random.integers(2, 10, 2)
        masks[0, y : y + random.integers(14, 26), x : x + random.integers(14, 26)] = 1
        centre = tuple(int(v) for v in random.integers(44, 50, 2))
        cv2.circle(masks[1], centre, int(random.integers(8, 13)), 1, -1)
        picture[masks[0] > 0] = random.integers(150, 200)
        picture[masks[1] > 0] = random.integers(200, 250)
        made.append(InstanceSample(picture, boxes_of(masks), masks, np.array([1, 2])))
    return made


@pytest.mark.slow
def test_eight_pictures_are_learnt_by_heart() -> None:
    torch.manual_seed(1)
    network = build(
        "bnsa_mask_rcnn_small", classes=2, anchor=8, width=32, box_width=64, mask_layers=1, rois=16,
        proposals=40, detections=10,
    )  # fmt: skip
    samples = pictures()
    batch = collate_instances(samples, "thermal")
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    network.train()
    for step in range(90):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * (1 if step < 60 else 0.2)
        optimizer.zero_grad()
        loss = sum(network(batch["thermal"], batch["targets"]).values())
        loss.backward()
        optimizer.step()
    meter = CocoMeter(("box", "disc"))
    for sample in samples:
        meter.add_truth(sample.masks, sample.labels, np.zeros(2, np.bool_))
        found = detections(network, sample.picture)
        meter.add_found(found["boxes"], found["labels"], found["scores"], found["masks"])
    scores = meter.scores()
    assert scores.ap50 > 0.95, scores
    assert scores.ap75 > 0.9, scores


def test_a_run_leaves_a_network_and_cocos_figures(tmp_path: Path) -> None:
    from rigsight.training.checkpoint import load_checkpoint
    from rigsight.training.fit import train

    changes = [
        "data.seeds=1", "data.sets_per_seed=2", "data.validation_seeds=1", "data.test_seeds=1",
        "data.workers=0", f"data.cache={tmp_path / 'cache'}", f"out={tmp_path / 'run'}", "recipe.epochs=2",
        "schedule.batch=2", "width=96", "height=64", "model.options.width=8", "model.options.box_width=16",
        "schedule.precision=float32",
    ]  # fmt: skip
    config = load_config(CONFIGS / "bnsa_simulated.yaml", changes)
    result = train(config)
    assert result.metric == "mask AP"
    assert result.steps == 2
    figures = json.loads((tmp_path / "run" / "coco.json").read_text())["street"]
    assert figures["ap"] == pytest.approx(result.scores["street"]["both"], abs=1e-4)
    assert set(figures["by_class"]) == {"person", "car"}
    network, meta = load_checkpoint(result.checkpoint)
    assert [entry.name for entry in meta.classes] == ["background", "person", "car"]
    assert meta.task == "instance"
    picture = np.zeros((64, 96), np.uint8)
    assert detections(network, picture)["boxes"].shape[1] == 4


def test_other_numbers_of_classes_are_refused(tmp_path: Path) -> None:
    from rigsight.training.progress import Progress
    from rigsight.training.systems.build import build_system

    changes = [
        "data.seeds=1", "data.sets_per_seed=2", "data.validation_seeds=1", "data.workers=0",
        f"data.cache={tmp_path}", "width=96", "height=64",
    ]  # fmt: skip
    config = load_config(CONFIGS / "bnsa_simulated.yaml", changes)
    network = build("bnsa_mask_rcnn_small", classes=4, width=8, box_width=8)
    with pytest.raises(RigsightError, match=r"TRN-008.*classes=2"), Progress() as progress:
        build_system(config, network, progress)


@pytest.mark.parametrize("name", ["bnsa_mask_rcnn.yaml", "bnsa_simulated.yaml"])
def test_the_configurations_are_whole(name: str) -> None:
    config = load_config(CONFIGS / name)
    assert config.recipe.kind == "instances"
    if name == "bnsa_mask_rcnn.yaml":
        assert config.recipe.optimizer.lr == 1e-3
        assert config.recipe.epochs == 100
        assert config.recipe.rate.at == (0.7, 0.9)
