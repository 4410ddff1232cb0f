"""Scores of a network on rendered sets: both pictures, RGB only, thermal only, and a baseline beside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rigsight.edge.bundle.spec import Modalities
from rigsight.edge.demo.baseline import PixelBaseline
from rigsight.edge.scoring.masks import MaskMeter, MaskScores
from rigsight.training import codes
from rigsight.training.checkpoint import CheckpointMeta, load_checkpoint
from rigsight.training.config import SCENES, InteractiveRecipe, SimulatedData, TrainConfig
from rigsight.training.data.chosen import classes_of
from rigsight.training.data.simulated import load_sets
from rigsight.training.data.sources import Judged, JudgedScene
from rigsight.training.progress import Progress
from rigsight.training.scoring import logits_of, modalities_of


@dataclass(frozen=True)
class SceneReport:
    """Scores of one scene by modalities."""

    scene: str
    sets: int
    classes: tuple[str, ...]
    scores: dict[Modalities, MaskScores]

    def miou(self) -> dict[str, float]:
        """mIoU by modalities."""
        return {name: value.miou for name, value in self.scores.items()}

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values; classes that do not occur are left out."""
        entries: dict[str, Any] = {"sets": self.sets}
        for choice, value in self.scores.items():
            named = zip(self.classes, value.iou, strict=True)
            iou = {name: round(v, 4) for name, v in named if not math.isnan(v)}
            entries[choice] = {"miou": round(value.miou, 4), "macc": round(value.macc, 4), "iou": iou}
        return entries


def score_scene(network: nn.Module, judged: Judged, classes: int) -> dict[Modalities, MaskScores]:
    """Scores of a semantic ``network`` in evaluation mode; means over the classes that can occur."""
    result = {}
    for choice in modalities_of(network):
        meter = MaskMeter(classes, judged.ids)
        for index in range(len(judged)):
            sample = judged.plain(index, choice)
            mask = logits_of(network, sample).argmax(0)
            meter.add(mask.to(torch.uint8).cpu().numpy(), sample.labels)
        result[choice] = meter.scores()
    return result


def baseline_miou(train: Judged, test: Judged, classes: int) -> float:
    """Test mIoU of the per-pixel colour and temperature classifier, fitted to the training sets."""
    classifier = PixelBaseline(classes)
    for index in range(len(train)):
        sample = train.plain(index)
        classifier.add(sample.rgb, sample.thermal, sample.labels)
    meter = MaskMeter(classes, test.ids)
    for index in range(len(test)):
        sample = test.plain(index)
        meter.add(classifier.predict(sample.rgb, sample.thermal), sample.labels)
    return meter.scores().miou


def evaluate_checkpoint(
    path: str | Path, split: str, scenes: Sequence[str], seeds: int
) -> tuple[dict[str, SceneReport], dict[str, float]]:
    """Reports by scene on ``seeds`` held-out places, and the baseline that the checkpoint records.

    Raises:
        RigsightError: what reading the checkpoint raises; TRN-204 for one without the simulator's classes,
            TRN-301 for an unknown scene, TRN-303 for a split that is not held out.
    """
    if split not in ("test", "val"):
        raise codes.UNKNOWN_SPLIT(f"there is no split '{split}'")
    unknown = sorted(set(scenes) - set(SCENES))
    if unknown:
        raise codes.UNKNOWN_SCENE(f"there is no scene '{unknown[0]}'")
    model, meta = load_checkpoint(path)
    held_out = {"validation_seeds": seeds, "test_seeds": seeds}
    data = SimulatedData.model_validate({**_data_settings(meta), **held_out})
    if meta.task != "semantic" or meta.classes != classes_of(data.classes):
        raise codes.CHECKPOINT_CLASSES("it was not trained for the simulator's classes", where=path)
    config = TrainConfig(
        out=str(Path(path).parent),
        width=meta.width,
        height=meta.height,
        preprocessing=meta.preprocessing,
        data=data,
        recipe=InteractiveRecipe(),
    )
    names = tuple(entry.name for entry in meta.classes)
    reports: dict[str, SceneReport] = {}
    with Progress() as progress:
        for scene in (name for name in SCENES if name in scenes):
            sets = load_sets(config, data, scene, "test" if split == "test" else "val", progress)
            scores = score_scene(model, JudgedScene(sets), len(names))
            reports[scene] = SceneReport(scene, len(sets), names, scores)
    return reports, meta.baseline


def _data_settings(meta: CheckpointMeta) -> dict[str, Any]:
    """How the sets of the training were drawn, so that an evaluation finds them in the cache."""
    settings = meta.training.config.get("data", {})
    return settings if settings.get("kind") == "simulated" else {}
