"""Two splits of a data set with COCO's instances: mask AP judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.engines.base import Engine
from rigsight.edge.scoring.sheet import Worst
from rigsight.export.precision.dataset_material import DatasetMaterial
from rigsight.export.precision.material import Score
from rigsight.training.data.dataset import Dataset, Item
from rigsight.training.data.instances import InstanceRecords
from rigsight.training.data.spec import Split
from rigsight.training.evaluation.bundles import BundleSubject
from rigsight.training.evaluation.dataset import class_table
from rigsight.training.evaluation.instances import evaluate_instances


class InstanceMaterial(DatasetMaterial):
    """Two splits of one dataset.yaml with ``labels: {kind: coco}``."""

    labels: ClassVar[Literal["masks", "coco"]] = "coco"

    def __init__(
        self,
        dataset: Dataset,
        calibrate: str,
        judge: str,
        most_calibrate: int,
        most_judge: int,
        judging: Dataset | None = None,
    ) -> None:
        """As of :class:`DatasetMaterial`; DAT-2… where the COCO file is wrong or a split has no instance."""
        super().__init__(dataset, calibrate, judge, most_calibrate, most_judge, judging)
        self._judge = judge
        self._judging = _only(judging or dataset, judge, self.judged)
        modality: Literal["rgb", "thermal"] = "thermal" if "thermal" in dataset.spec.modalities else "rgb"
        InstanceRecords(_only(dataset, calibrate, self.items), calibrate, modality, cache_mb=0)
        InstanceRecords(self._judging, judge, modality, cache_mb=0)

    def score(self, bundle: Bundle, graph: Engine, worst: int = 0) -> Score:
        """COCO's AP of masks (mean over IoU .50 to .95 and the classes) over the split to judge with."""
        subject = BundleSubject(bundle, graph)
        self.check_cameras(subject)
        table = class_table(subject, self.dataset)
        sheet = Worst(worst, subject.classes)
        found = evaluate_instances(
            subject, self._judging, self._judge, table, sheet, lambda done, total: None
        )
        return Score(found["ap"] or 0.0, "mask AP", sheet.picture())


def _silent(done: int, total: int) -> None:
    """A score is one of many steps: nobody counts its pictures."""


def _only(dataset: Dataset, split: str, items: Sequence[Item]) -> Dataset:
    """The same data set with these pictures as its only split."""
    chosen = {split: Split(stems=tuple(item.stem for item in items))}
    return Dataset(dataset.spec.model_copy(update={"splits": chosen}), dataset.folder)
