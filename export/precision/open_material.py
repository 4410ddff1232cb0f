"""What ``--data`` names: a dataset.yaml, or the simulated rig."""

from __future__ import annotations

from rigsight.export.precision.dataset_material import DatasetMaterial
from rigsight.export.precision.instance_material import InstanceMaterial
from rigsight.export.precision.material import Material
from rigsight.training.checkpoint import CheckpointMeta
from rigsight.training.data.dataset import open_dataset

SIMULATED = "sim"


def open_material(
    data: str, calibrate: str, judge: str, most_calibrate: int, most_judge: int, meta: CheckpointMeta
) -> Material:
    """The material that ``--data`` names, for a network that ``meta`` describes.

    ``data`` is a dataset.yaml, or ``sim`` for the simulated rig.

    Raises:
        RigsightError: as the classes do.
    """
    if data == SIMULATED and meta.task == "instance":
        from rigsight.export.precision.simulated_instances import SimulatedInstances

        return SimulatedInstances(meta, most_calibrate, most_judge)
    if data == SIMULATED:
        from rigsight.export.precision.simulated import SimulatedMaterial

        return SimulatedMaterial(list(meta.scores), most_calibrate, most_judge)
    kind = InstanceMaterial if meta.task == "instance" else DatasetMaterial
    return kind(open_dataset(data), calibrate, judge, most_calibrate, most_judge)
