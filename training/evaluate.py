"""Scores of a network on rendered sets: both pictures, RGB only, thermal only, and the baseline beside."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from rigsight.edge.agc import PercentileAgc
from rigsight.edge.bundle.spec import Modalities
from rigsight.edge.demo.baseline import PixelBaseline
from rigsight.edge.simulation.classes import CLASSES, SCENE_CLASSES
from rigsight.training import codes
from rigsight.training.checkpoint import CheckpointMeta, load_checkpoint
from rigsight.training.config import SCENES, InteractiveRecipe, SimulatedData, TrainConfig
from rigsight.training.data.augment import Sample
from rigsight.training.data.simulated import SetArrays, load_sets
from rigsight.training.data.stream import collate
from rigsight.training.metrics import SegmentationMeter, SegmentationScores
from rigsight.training.models.segmif import SegMiF
from rigsight.training.progress import Progress

MODALITIES: tuple[Modalities, ...] = get_args(Modalities)


@dataclass(frozen=True)
class SceneReport:
    """Scores of one scene by modalities."""

    scene: str
    sets: int
    classes: tuple[str, ...]
    scores: dict[Modalities, SegmentationScores]

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


def plain_sample(sets: SetArrays, index: int, modalities: Modalities = "both") -> Sample:
    """A set as the device sees it, a missing modality all zero."""
    low, high = sets.bounds[index]
    rgb = np.array(sets.rgb[index])
    thermal = PercentileAgc.apply(np.asarray(sets.counts[index]), (float(low), float(high)))
    return Sample(
        rgb if modalities != "thermal_only" else np.zeros_like(rgb),
        thermal if modalities != "rgb_only" else np.zeros_like(thermal),
        np.array(sets.labels[index]),
    )


@torch.no_grad()
def score_scene(
    model: SegMiF,
    sets: SetArrays,
    modalities: Sequence[Modalities] = MODALITIES,
    batch: int = 4,
    advance: Callable[[int], None] | None = None,
) -> dict[Modalities, SegmentationScores]:
    """Scores of ``model`` (put into evaluation mode and back) on all sets; means over the scene's classes."""
    was_training = model.training
    model.eval()
    result = {}
    for choice in modalities:
        meter = SegmentationMeter(model.options.classes, SCENE_CLASSES[sets.scene])
        for start in range(0, len(sets), batch):
            stop = min(start + batch, len(sets))
            inputs = collate([plain_sample(sets, i, choice) for i in range(start, stop)])
            logits = model(inputs["rgb"], inputs["thermal"], inputs["tables"])["logits"]
            meter.add(logits.argmax(1), inputs["labels"])
            if advance is not None:
                advance(stop - start)
        result[choice] = meter.scores()
    model.train(was_training)
    return result


def baseline_miou(train: SetArrays, test: SetArrays, classes: int) -> float:
    """Test mIoU of the per-pixel colour and temperature classifier, fitted to the training sets."""
    classifier = PixelBaseline(classes)
    for i in range(len(train)):
        sample = plain_sample(train, i)
        classifier.add(sample.rgb, sample.thermal, sample.labels)
    meter = SegmentationMeter(classes, SCENE_CLASSES[test.scene])
    for i in range(len(test)):
        sample = plain_sample(test, i)
        mask = torch.from_numpy(classifier.predict(sample.rgb, sample.thermal)).long()
        meter.add(mask[None], torch.from_numpy(sample.labels).long()[None])
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
    assert isinstance(model, SegMiF)
    if meta.classes != CLASSES:
        raise codes.CHECKPOINT_CLASSES("it was not trained for the simulator's classes", where=path)
    held_out = {"validation_seeds": seeds, "test_seeds": seeds}
    data = SimulatedData.model_validate({**_data_settings(meta), **held_out})
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
            reports[scene] = SceneReport(scene, len(sets), names, score_scene(model, sets))
    return reports, meta.baseline


def _data_settings(meta: CheckpointMeta) -> dict[str, Any]:
    """How the sets of the training were drawn, so that an evaluation finds them in the cache."""
    settings = meta.training.config.get("data", {})
    return settings if settings.get("kind") == "simulated" else {}
