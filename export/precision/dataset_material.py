"""Two splits of a labelled data set: one calibrates, the other judges."""

from __future__ import annotations

import hashlib
from typing import ClassVar, Literal

import numpy as np

from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.select import tiled
from rigsight.edge.frames import UNLABELLED, UInt8
from rigsight.edge.scoring.sheet import Worst
from rigsight.export import codes
from rigsight.export.precision.material import Material, Score, Spread, evenly
from rigsight.training.data.dataset import Dataset, Item
from rigsight.training.evaluation.bundles import BundleSubject
from rigsight.training.evaluation.dataset import choices_of, class_table
from rigsight.training.evaluation.protocols import BinaryJudge, SemanticJudge

LEAST_PICTURES = 8
DARK_LUMA = 60.0


class DatasetMaterial(Material):
    """Two splits of one dataset.yaml with masks."""

    labels: ClassVar[Literal["masks", "coco"]] = "masks"

    def __init__(
        self,
        dataset: Dataset,
        calibrate: str,
        judge: str,
        most_calibrate: int,
        most_judge: int,
        judging: Dataset | None = None,
    ) -> None:
        """Look at both splits; ``judge`` is one of ``judging`` where that is given.

        Raises:
            RigsightError: EXP-101 for labels of another kind, too few calibration pictures or such of one
                class, EXP-102 where a calibration picture is one to judge with, DAT-… for what cannot be
                read.
        """
        kind = dataset.spec.labels.kind
        if kind != self.labels:
            raise codes.CALIBRATION_SET(
                f"{dataset.spec.name} has labels of the kind '{kind}', this network is judged by "
                f"'{self.labels}'",
                where=dataset.folder,
                fix="Give the dataset.yaml of what the network was trained for.",
            )
        self.dataset = dataset
        self.name = f"{dataset.spec.name}, calibrated on '{calibrate}', judged on '{judge}'"
        chosen, judged = dataset.items(calibrate), (judging or dataset).items(judge)
        self.items, self.judged = evenly(chosen, most_calibrate), evenly(judged, most_judge)
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
        self.check_cameras(subject)
        for item in self.items:
            record = item.read()
            subject(
                record.rgb if "rgb" in subject.cameras else None,
                record.thermal if "thermal" in subject.cameras else None,
            )

    def score(self, bundle: Bundle, graph: Engine, worst: int = 0) -> Score:
        """F1 at the bundle's threshold, or mIoU, over the split to judge with."""
        subject = BundleSubject(bundle, tiled(graph, bundle))
        self.check_cameras(subject)
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

    def check_cameras(self, subject: BundleSubject) -> None:
        """Raises EXP-101 where the data lack a camera, TRN-306 where they lack all."""
        if "both" not in choices_of(subject, self.dataset):
            raise codes.CALIBRATION_SET(
                f"the network takes {' and '.join(subject.cameras)}, the data have "
                f"{' and '.join(self.dataset.spec.modalities)}",
                where=self.dataset.folder,
            )


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
