"""Masks against the simulator's truth, with what each modality and each single pixel could do alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rigsight.calibration.align import Aligner
from rigsight.calibration.rig import OutputGrid, Rig, as_matrix3
from rigsight.edge import codes
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.demo.baseline import PixelBaseline
from rigsight.edge.demo.results import Scores
from rigsight.edge.frames import UNLABELLED, Aligned, Prediction, UInt8
from rigsight.edge.predictor import Predictor
from rigsight.edge.preprocess import RGB, THERMAL
from rigsight.edge.scoring.masks import confusion, iou, miou
from rigsight.edge.simulation.classes import CLASSES, SCENE_CLASSES

Judged = Callable[[Aligned], UInt8]


class TruthOnGrid:
    """Brings native labels of the simulator onto the grid of predictions, in the bundle's class ids."""

    def __init__(self, rig: Rig, aligned: Aligned, classes: Sequence[ClassEntry], scene: str) -> None:
        """``aligned`` is any picture set on the grid.

        Raises:
            RigsightError: DEM-002 when the bundle lacks a class of the scene.
        """
        self.ids = class_ids(classes, scene)
        height, width = aligned.valid.shape
        grid = OutputGrid(camera=rig.reference, width=width, height=height, K=as_matrix3(aligned.K))
        self._aligner = Aligner(rig, RGB, grid=grid)
        self._table = np.full(256, UNLABELLED, np.uint8)
        for number, own in zip(SCENE_CLASSES[scene], self.ids, strict=True):
            self._table[number] = own

    def __call__(self, labels: UInt8, valid: UInt8) -> UInt8:
        """Native labels uint8 -> class ids uint8 [H,W] on the grid, 255 outside ``valid``."""
        truth: UInt8 = self._table[self._aligner.nearest(labels)]
        truth[valid == 0] = UNLABELLED
        return truth


def class_ids(classes: Sequence[ClassEntry], scene: str) -> tuple[int, ...]:
    """The bundle's ids of the classes that occur in a scene. Raises RigsightError DEM-002."""
    names = [entry.name for entry in classes]
    wanted = [CLASSES[number].name for number in SCENE_CLASSES[scene]]
    lacking = [name for name in wanted if name not in names]
    if lacking:
        raise codes.DEMO_CLASSES(f"the bundle does not know {', '.join(lacking)}, which the {scene} shows")
    return tuple(names.index(name) for name in wanted)


@dataclass
class Counter:
    """Adds up a confusion matrix."""

    classes: Sequence[ClassEntry]
    ids: tuple[int, ...]

    def __post_init__(self) -> None:
        self.matrix = np.zeros((len(self.classes), len(self.classes) + 1), np.int64)

    def add(self, truth: UInt8, mask: UInt8) -> None:
        """Count one pair of masks."""
        self.matrix += confusion(truth, mask, len(self.classes))

    def scores(self) -> Scores:
        """mIoU over the scene's classes and each one's IoU."""
        values = iou(self.matrix)
        named = {self.classes[number].name: float(values[number]) for number in self.ids}
        return Scores(miou(self.matrix, self.ids), named)


def without(aligned: Aligned, role: str) -> Aligned:
    """The same set as if the camera ``role`` were not there; the valid area stays, so that scores compare."""
    source = aligned.source
    frames = {name: frame for name, frame in source.frames.items() if name != role}
    blank = {role: np.zeros_like(getattr(aligned, role))}
    return replace(aligned, source=replace(source, frames=frames, missing={role: "left out"}), **blank)


def one_modality(predictor: Predictor, bundle: Bundle) -> dict[str, Judged]:
    """Masks from RGB only and from thermal only, whatever the bundle's ``min_accuracy`` says of them."""
    lenient = replace(bundle, spec=bundle.spec.model_copy(update={"min_accuracy": 0.0}))
    alone = Predictor(lenient, predictor.engine, scene=predictor.scene)
    return {
        "rgb_only": lambda aligned: alone(without(aligned, THERMAL)).mask,
        "thermal_only": lambda aligned: alone(without(aligned, RGB)).mask,
    }


def score(
    predictions: Sequence[Prediction],
    truths: Sequence[UInt8],
    classes: Sequence[ClassEntry],
    ids: tuple[int, ...],
    others: dict[str, Judged],
    baseline: PixelBaseline,
    every: int,
    progress: Callable[[int, int], None],
) -> dict[str, Scores]:
    """Scores of the predictions (all), and of the alternatives (every ``every``-th), by name.

    Masks of the alternatives count inside the valid area, as the predictions do.
    """
    counters = {name: Counter(classes, ids) for name in ("both", *others, "baseline")}
    for number, (prediction, truth) in enumerate(zip(predictions, truths, strict=True)):
        counters["both"].add(truth, prediction.mask)
        if number % every == 0:
            aligned = prediction.aligned
            for name, judged in others.items():
                counters[name].add(truth, judged(aligned))
            counters["baseline"].add(truth, baseline.predict(aligned.rgb, aligned.thermal))
        progress(number + 1, len(predictions))
    return {name: counter.scores() for name, counter in counters.items()}
