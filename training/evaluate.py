"""Scores of a network on rendered sets: both pictures, RGB only, thermal only, and the baseline beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch

from rigsight.edge.agc import PercentileAgc
from rigsight.edge.bundle.spec import Modalities
from rigsight.edge.simulation.classes import SCENE_CLASSES
from rigsight.training.baseline import PixelClassifier
from rigsight.training.data.augment import Sample
from rigsight.training.data.simulated import SetArrays
from rigsight.training.data.stream import collate
from rigsight.training.metrics import SegmentationMeter, SegmentationScores
from rigsight.training.models.segmif import SegMiF

MODALITIES: tuple[Modalities, ...] = get_args(Modalities)


@dataclass(frozen=True)
class SceneReport:
    """Scores of one scene by modalities, and the per-pixel classifier's mIoU (None when not fitted)."""

    scene: str
    sets: int
    scores: dict[Modalities, SegmentationScores]
    baseline: float | None = None


def plain_sample(sets: SetArrays, index: int, modalities: Modalities = "both") -> Sample:
    """A set as the device sees it, a missing modality all zero."""
    low, high = sets.bounds[index]
    rgb = np.asarray(sets.rgb[index])
    thermal = PercentileAgc.apply(np.asarray(sets.counts[index]), (float(low), float(high)))
    return Sample(
        rgb if modalities != "thermal_only" else np.zeros_like(rgb),
        thermal if modalities != "rgb_only" else np.zeros_like(thermal),
        np.asarray(sets.labels[index]),
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


def fit_baseline(sets: SetArrays, classes: int, balanced: bool) -> PixelClassifier:
    """The per-pixel classifier of one scene."""
    classifier = PixelClassifier(classes, balanced)
    for i in range(len(sets)):
        sample = plain_sample(sets, i)
        classifier.add(sample.rgb, sample.thermal, sample.labels)
    return classifier


def score_baseline(classifier: PixelClassifier, sets: SetArrays) -> float:
    """mIoU of the per-pixel classifier."""
    meter = SegmentationMeter(classifier.classes, SCENE_CLASSES[sets.scene])
    for i in range(len(sets)):
        sample = plain_sample(sets, i)
        mask = torch.from_numpy(classifier(sample.rgb, sample.thermal)).long()
        meter.add(mask[None], torch.from_numpy(sample.labels).long()[None])
    return meter.scores().miou


def best_baseline(train: SetArrays, validation: SetArrays, test: SetArrays, classes: int) -> float:
    """Test mIoU of the classifier, plain or balanced, whichever does better on the validation sets."""
    candidates = [fit_baseline(train, classes, balanced) for balanced in (False, True)]
    return score_baseline(max(candidates, key=lambda c: score_baseline(c, validation)), test)
