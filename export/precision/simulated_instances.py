"""People and cars of the simulated street as material: training places calibrate, validation ones judge."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from rigsight.edge.simulation.splits import Split
from rigsight.export import codes
from rigsight.export.precision.instance_material import InstanceMaterial
from rigsight.export.precision.simulated import SETS_PER_PLACE, STRIDE
from rigsight.training.checkpoint import CheckpointMeta
from rigsight.training.data.dataset import Dataset, open_dataset
from rigsight.training.data.render import RenderJob
from rigsight.training.data.simulated_instances import SPLIT, THINGS, write_instances


class SimulatedInstances(InstanceMaterial):
    """Thermal pictures of the street, rendered at the network's size into a folder that goes with this."""

    def __init__(self, meta: CheckpointMeta, most_calibrate: int, most_judge: int) -> None:
        """Render both.

        Raises:
            RigsightError: EXP-105 for things that the street does not have, and pictures of 8 bits.
        """
        names = tuple(entry.name for entry in meta.classes[1:])
        foreign = [name for name in names if name not in THINGS]
        if foreign or meta.preprocessing.thermal_input != "counts16":
            what = f"has no '{foreign[0]}'" if foreign else "gives counts, and the network takes 8 bits"
            raise codes.BAD_PRECISION_OPTION(
                f"the simulated street {what}", fix="Give a dataset.yaml with COCO labels."
            )
        self._folder = TemporaryDirectory(prefix="rigsight-street-")
        sets = {"train": most_calibrate, "val": most_judge}
        made: dict[Split, Dataset] = {
            split: self._render(meta, names, split, sets[split]) for split in ("train", "val")
        }
        super().__init__(made["train"], SPLIT, SPLIT, most_calibrate, most_judge, judging=made["val"])
        self.name = "people and cars of the simulated street: training places calibrate, validation judges"

    def _render(self, meta: CheckpointMeta, names: tuple[str, ...], split: Split, most: int) -> Dataset:
        places, indices = -(-most // SETS_PER_PLACE), range(0, STRIDE * SETS_PER_PLACE, STRIDE)
        folder = Path(self._folder.name, split)
        folder.mkdir()
        work = [
            RenderJob("street", split, seed, tuple(indices), meta.width, meta.height, meta.preprocessing, 0.0)
            for seed in range(places)
        ]
        write_instances(folder, work, names)
        return open_dataset(folder)
