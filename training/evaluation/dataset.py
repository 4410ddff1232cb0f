"""A subject on a split of a data set: every protocol of its task, with both cameras and with one left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.bundle.spec import Modalities, Task
from rigsight.edge.frames import UNLABELLED, Image, UInt8
from rigsight.edge.preprocess import RGB, THERMAL
from rigsight.edge.scoring.per_image import Protocol as MaskWay
from rigsight.edge.scoring.sheet import Worst
from rigsight.training import codes
from rigsight.training.data.dataset import Dataset, Record
from rigsight.training.evaluation.protocols import BinaryJudge, Figures, FusionJudge, Judge, SemanticJudge
from rigsight.training.evaluation.subject import MODALITIES, Answer, Subject


@dataclass(frozen=True)
class Settings:
    """How to judge: ``tolerance_px`` and ``way`` of binary models, and how many cases the sheet shows."""

    tolerance_px: float = 0
    way: MaskWay = "fixed"
    worst: int = 0


@dataclass
class Report:
    """What was found. ``figures``: modalities -> protocol's figures; the sheet is uint8 [H,W,3] or None."""

    model: str
    task: Task
    data: str
    split: str
    images: int
    figures: dict[Modalities, Figures] = field(default_factory=dict)
    sheet: UInt8 | None = None

    def as_json(self) -> dict[str, Any]:
        """Everything but the sheet, as plain values."""
        names = ("model", "task", "data", "split", "images")
        return {name: getattr(self, name) for name in names} | {"scores": self.figures}


def evaluate(
    subject: Subject,
    dataset: Dataset,
    split: str,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Judge ``subject`` on all pictures of the split.

    ``progress`` is told (done, total) pictures, one for every choice of cameras.

    Raises:
        RigsightError: DAT-002 for a split that is not there, DAT-… for files that cannot be read, TRN-304 to
            TRN-307 where model, data and protocol do not fit, SRC-101 for thermal of another depth.
    """
    settings = settings or Settings()
    items = dataset.items(split)
    table = _checked(subject, dataset, settings)
    choices = choices_of(subject, dataset)
    report = Report(subject.name, subject.task, dataset.spec.name, split, len(items))
    if subject.task == "instance":
        from rigsight.training.evaluation.instances import evaluate_instances

        shown = Worst(settings.worst, subject.classes)
        report.figures = {"both": evaluate_instances(subject, dataset, split, table, shown, progress)}
        report.sheet = shown.picture()
        return report
    judges: dict[Modalities, Judge] = {choice: _judge(subject, settings) for choice in choices}
    fusion = FusionJudge()
    worst = Worst(settings.worst, subject.classes)
    total, done, labelled = len(items) * len(choices), 0, False
    for item in items:
        record = item.read()
        assert record.labels is not None  # _checked saw masks
        truth = table[record.labels]
        labelled |= bool((truth != UNLABELLED).any())
        for choice in choices:
            answer = _answer(subject, record, choice)
            own = judges[choice].add(answer, truth)
            if choice == choices[0]:
                worst.add(item.stem, own, record, truth, answer.mask)
                if answer.grid.fused is not None and choice == "both":
                    fusion.add(answer)
            done += 1
            progress(done, total)
    if not labelled:
        raise codes.EVALUATION_UNLABELLED(f"every pixel of '{split}' is unlabelled", where=dataset.folder)
    report.figures = {choice: judge.figures() for choice, judge in judges.items()}
    if fusion.images:
        report.figures[choices[0]]["fusion"] = fusion.figures()
    report.sheet = worst.picture()
    return report


def choices_of(subject: Subject, dataset: Dataset) -> Sequence[Modalities]:
    """Which cameras to leave out: none for a model of one camera, else as the data allows. Raises TRN-306.

    ``both`` means every camera that the model takes.
    """
    have = [camera for camera in subject.cameras if camera in dataset.spec.modalities]
    if not have:
        raise codes.EVALUATION_CAMERAS(
            f"{subject.name} takes {' and '.join(subject.cameras)}, "
            f"{dataset.spec.name} has {' and '.join(dataset.spec.modalities)}",
            where=dataset.folder,
        )
    if len(subject.cameras) == 1:
        return ("both",)
    if len(have) == 1:
        return ("rgb_only",) if have == [RGB] else ("thermal_only",)
    return MODALITIES


def class_table(subject: Subject, dataset: Dataset) -> NDArray[np.uint8]:
    """The data set's class ids -> the model's, uint8 [256]; 255 stays. Raises TRN-304.

    Classes are found by their names, in whatever order. Of two classes the second is the foreground, whatever
    it is called: a crack model may be tried on other defects.
    """
    ours = [entry.name for entry in dataset.spec.classes]
    theirs = [entry.name for entry in subject.classes]
    table = np.full(256, UNLABELLED, np.uint8)
    if subject.task == "binary" and len(ours) == 2:
        table[:2] = (0, 1)
        return table
    if sorted(ours) != sorted(theirs) or subject.task == "binary":
        raise codes.EVALUATION_CLASSES(
            f"{subject.name} has {', '.join(theirs) or 'none'}; {dataset.spec.name} has {', '.join(ours)}",
            where=dataset.folder,
        )
    for number, name in enumerate(ours):
        table[number] = theirs.index(name)
    return table


def default_split(dataset: Dataset) -> str:
    """``test`` where there is one, else ``val``; what is not there raises DAT-002 when it is opened."""
    return "test" if "test" in dataset.spec.splits else "val"


def _checked(subject: Subject, dataset: Dataset, settings: Settings) -> NDArray[np.uint8]:
    kind = dataset.spec.labels.kind
    wanted = "coco" if subject.task == "instance" else "masks"
    if kind != wanted:
        has = "no labels" if kind == "none" else f"labels of kind '{kind}'"
        raise codes.EVALUATION_UNLABELLED(
            f"a model of the task '{subject.task}' is judged by '{wanted}', {dataset.spec.name} has {has}",
            where=dataset.folder,
        )
    if subject.task != "binary" and (settings.tolerance_px or settings.way != "fixed"):
        raise codes.EVALUATION_PROTOCOL(
            f"{subject.name} gives {subject.task} masks; a tolerance and NaDiNet's protocol are for one class"
        )
    return class_table(subject, dataset)


def _judge(subject: Subject, settings: Settings) -> Judge:
    if subject.task == "binary":
        return BinaryJudge(subject.threshold, settings.tolerance_px, settings.way)
    return SemanticJudge(subject.classes)


def _answer(subject: Subject, record: Record, choice: Modalities) -> Answer:
    rgb: UInt8 | None = record.rgb if RGB in subject.cameras and choice != "thermal_only" else None
    thermal: Image | None = record.thermal if THERMAL in subject.cameras and choice != "rgb_only" else None
    return subject(rgb, thermal)
