"""What ``--data`` names: a dataset.yaml, or the simulated rig."""

from __future__ import annotations

from collections.abc import Sequence

from rigsight.edge.bundle.spec import Task
from rigsight.export import codes
from rigsight.export.precision.dataset_material import DatasetMaterial
from rigsight.export.precision.instance_material import InstanceMaterial
from rigsight.export.precision.material import Material
from rigsight.training.data.dataset import open_dataset

SIMULATED = "sim"


def open_material(
    data: str,
    calibrate: str,
    judge: str,
    most_calibrate: int,
    most_judge: int,
    scenes: Sequence[str] = (),
    task: Task = "semantic",
) -> Material:
    """The material that ``--data`` names: a dataset.yaml, or ``sim`` for the simulated rig.

    Raises:
        RigsightError: EXP-105 for ``sim`` and a network that finds instances, and as the classes do.
    """
    if data == SIMULATED:
        if task == "instance":
            raise codes.BAD_PRECISION_OPTION(
                "'--data sim' judges masks, and this network finds instances",
                fix="Give a dataset.yaml with COCO labels.",
            )
        from rigsight.export.precision.simulated import SimulatedMaterial

        return SimulatedMaterial(scenes, most_calibrate, most_judge)
    kind = InstanceMaterial if task == "instance" else DatasetMaterial
    return kind(open_dataset(data), calibrate, judge, most_calibrate, most_judge)
