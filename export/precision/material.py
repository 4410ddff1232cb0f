"""Pictures to calibrate and to judge with: splits of a data set, or places of the simulated rig.

Both go through the deployed preprocessing, paired where the network takes two cameras.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.select import tiled
from rigsight.edge.frames import UNLABELLED, UInt8
from rigsight.edge.scoring.sheet import Worst
from rigsight.export import codes
from rigsight.export.precision.recorder import Feeds, Recorder
from rigsight.training.data.dataset import Dataset, Item, open_dataset
from rigsight.training.evaluation.bundles import BundleSubject
from rigsight.training.evaluation.dataset import choices_of, class_table
from rigsight.training.evaluation.protocols import BinaryJudge, SemanticJudge

_T = TypeVar("_T")
LEAST_PICTURES = 8
DARK_LUMA = 60.0
SIMULATED = "sim"


@dataclass(frozen=True)
class Score:
    """``value`` in 0..1 of the metric named; ``worst`` uint8 [H,W,3] shows the worst cases, None without."""

    value: float
    metric: str
    worst: UInt8 | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Spread:
    """What the calibration pictures cover, for people to judge.

    ``dark`` is the share of visible pictures with a mean luma below 60 of 255; ``thermal`` the lowest and
    highest mean of a thermal picture, in the data's own units (counts, or levels of 255).
    """

    pictures: int
    dark: float | None = None
    thermal: tuple[float, float] | None = None

    def words(self) -> str:
        """One line."""
        parts = [f"{self.pictures} pictures"]
        if self.dark is not None:
            parts.append(f"{self.dark:.0%} of them dark")
        if self.thermal is not None:
            parts.append(f"mean thermal level {self.thermal[0]:.0f} to {self.thermal[1]:.0f}")
        return ", ".join(parts)


class Material(ABC):
    """Where pictures come from. ``digest`` identifies the calibration pictures, byte for byte."""

    name: str
    digest: str
    spread: Spread

    def feeds(self, bundle: Bundle, graph: Engine, most: int) -> list[Feeds]:
        """At most ``most`` inputs of the graph (tiles, where the bundle has tiles), evenly taken."""
        recorder = Recorder(graph)
        self._run(bundle, tiled(recorder, bundle))
        return _evenly(recorder.feeds, most)

    @abstractmethod
    def score(self, bundle: Bundle, graph: Engine, worst: int = 0) -> Score:
        """What a robot with this graph would score on the pictures to judge with."""

    @abstractmethod
    def _run(self, bundle: Bundle, engine: Engine) -> None:
        """Put the calibration pictures through the bundle's chain with ``engine``."""


class DatasetMaterial(Material):
    """Two splits of one dataset.yaml."""

    def __init__(
        self, dataset: Dataset, calibrate: str, judge: str, most_calibrate: int, most_judge: int
    ) -> None:
        """Look at both splits.

        Raises:
            RigsightError: EXP-101 for too few calibration pictures or such of one class, EXP-102 where a
                calibration picture is one to judge with, DAT-… for what cannot be read.
        """
        self.dataset, self.name = (
            dataset,
            f"{dataset.spec.name}, calibrated on '{calibrate}', judged on '{judge}'",
        )
        chosen, judged = dataset.items(calibrate), dataset.items(judge)
        self.items, self.judged = _evenly(chosen, most_calibrate), _evenly(judged, most_judge)
        if len(self.items) < LEAST_PICTURES:
            raise codes.CALIBRATION_SET(
                f"'{calibrate}' has {len(self.items)} pictures, ranges need {LEAST_PICTURES} at least",
                where=dataset.folder,
            )
        hashes = {item.stem: _hash(item) for item in self.items}
        theirs = {_hash(item): item.stem for item in judged}
        for stem, digest in hashes.items():
            if digest in theirs:
                raise codes.CALIBRATION_OVERLAP(
                    f"'{stem}' of '{calibrate}' is '{theirs[digest]}' of '{judge}'", where=dataset.folder
                )
        self.digest = hashlib.sha256("".join(sorted(hashes.values())).encode()).hexdigest()
        self.spread = self._look(calibrate)

    def _look(self, split: str) -> Spread:
        """Reads every calibration picture once. Raises EXP-101 where all are of one class."""
        classes: set[int] = set()
        lumas, levels = [], []
        for item in self.items:
            record = item.read()
            if record.labels is not None:
                classes |= set(np.unique(record.labels).tolist()) - {UNLABELLED}
            if record.rgb is not None:
                lumas.append(float(record.rgb.mean()))
            if record.thermal is not None:
                levels.append(float(record.thermal.mean()))
        if len(classes) == 1:
            name = self.dataset.spec.classes[classes.pop()].name
            raise codes.CALIBRATION_SET(f"every pixel of '{split}' is '{name}'", where=self.dataset.folder)
        return Spread(
            len(self.items),
            float(np.mean([luma < DARK_LUMA for luma in lumas])) if lumas else None,
            (min(levels), max(levels)) if levels else None,
        )

    def _run(self, bundle: Bundle, engine: Engine) -> None:
        subject = BundleSubject(bundle, engine)
        self._check_cameras(subject)
        for item in self.items:
            record = item.read()
            subject(
                record.rgb if "rgb" in subject.cameras else None,
                record.thermal if "thermal" in subject.cameras else None,
            )

    def score(self, bundle: Bundle, graph: Engine, worst: int = 0) -> Score:
        """F1 at the bundle's threshold, or mIoU, over the split to judge with."""
        subject = BundleSubject(bundle, tiled(graph, bundle))
        self._check_cameras(subject)
        table = class_table(subject, self.dataset)
        binary = BinaryJudge(subject.threshold) if subject.task == "binary" else None
        semantic = SemanticJudge(subject.classes)
        sheet = Worst(worst, subject.classes)
        for item in self.judged:
            record = item.read()
            assert record.labels is not None
            truth: UInt8 = table[record.labels]
            answer = subject(
                record.rgb if "rgb" in subject.cameras else None,
                record.thermal if "thermal" in subject.cameras else None,
            )
            own = (binary or semantic).add(answer, truth)
            if worst:
                sheet.add(item.stem, own, record, truth, answer.mask)
        if binary is not None:
            return Score(binary.figures()["own"]["f1"] or 0.0, "F1", sheet.picture())
        return Score(semantic.figures()["miou"] or 0.0, "mIoU", sheet.picture())

    def _check_cameras(self, subject: BundleSubject) -> None:
        """Raises EXP-101 where the data lack a camera, TRN-306 where they lack all."""
        if "both" not in choices_of(subject, self.dataset):
            raise codes.CALIBRATION_SET(
                f"the network takes {' and '.join(subject.cameras)}, the data have "
                f"{' and '.join(self.dataset.spec.modalities)}",
                where=self.dataset.folder,
            )


def open_material(
    data: str, calibrate: str, judge: str, most_calibrate: int, most_judge: int, scenes: Sequence[str] = ()
) -> Material:
    """The material that ``--data`` names: a dataset.yaml, or ``sim`` for the simulated rig.

    Raises:
        RigsightError: as the classes do.
    """
    if data == SIMULATED:
        from rigsight.export.precision.simulated import SimulatedMaterial

        return SimulatedMaterial(scenes, most_calibrate, most_judge)
    return DatasetMaterial(open_dataset(data), calibrate, judge, most_calibrate, most_judge)


def _evenly(items: Sequence[_T], most: int) -> list[_T]:
    """At most ``most`` of them, the first and the last included."""
    if len(items) <= most:
        return list(items)
    return [items[int(i)] for i in np.linspace(0, len(items) - 1, most)]


def _hash(item: Item) -> str:
    """sha256 over the bytes of an item's pictures."""
    digest = hashlib.sha256()
    for path in (item.rgb_path, item.thermal_path):
        if path is not None:
            try:
                digest.update(path.read_bytes())
            except OSError:
                item.read()  # says it the data set's own way
                raise
    return digest.hexdigest()
