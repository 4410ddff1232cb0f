"""Labelled pictures for a bundle's ``eval/``: of the split that judges, or of the simulator's validation."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from rigsight.edge.bundle.contract import wanted
from rigsight.edge.bundle.labelled import LabelledCase, to_files
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import MAX_EVALUATION_IMAGES, Task
from rigsight.edge.demo.judge import TruthOnGrid
from rigsight.edge.frames import UNLABELLED, UInt8, as_uint8
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.edge.simulation.splits import SCENES, Scene
from rigsight.export import codes
from rigsight.export.precision.material import evenly
from rigsight.training.data.dataset import Dataset, Item, open_dataset
from rigsight.training.evaluation.bundles import BundleSubject
from rigsight.training.evaluation.dataset import class_table

SIMULATED = "sim"
STRIDE = 29  # time steps of 0.1 s between two sets of one place
MAX_BYTES = 64 << 20


def check_labelled(count: int, data: str | None, task: Task) -> None:
    """Before anything is done: whether ``count`` labelled pictures can be had.

    Raises:
        RigsightError: EXP-106 without data, for more than fifty and for an instance bundle.
    """
    if count and data is None:
        raise codes.BAD_LABELLED("there is no --data to take them from")
    if count and task == "instance":
        raise codes.BAD_LABELLED("devices judge masks of classes, not yet instances")
    if not 0 <= count <= MAX_EVALUATION_IMAGES:
        raise codes.BAD_LABELLED(f"{count} were asked for, a bundle takes {MAX_EVALUATION_IMAGES} at most")


def labelled_files(
    bundle: Bundle, data: str, split: str, count: int, scenes: Sequence[str] = ()
) -> dict[str, bytes]:
    """``count`` pictures of a dataset.yaml's split, or of the simulated rig (``sim``), as files of ``eval/``.

    Raises:
        RigsightError: EXP-106 for more than 64 MB and pictures without labels; DAT-… for what cannot be
            read; TRN-304 where the classes differ.
    """
    if data == SIMULATED:
        cases = _simulated(bundle, count, scenes)
    else:
        cases = _of_dataset(bundle, data, split, count)
    files = to_files(cases)
    total = sum(len(content) for content in files.values())
    if total > MAX_BYTES:
        raise codes.BAD_LABELLED(f"{len(cases)} pictures of that size take {total / 1e6:.0f} MB of 64")
    return files


def _of_dataset(bundle: Bundle, data: str, split: str, count: int) -> list[LabelledCase]:
    dataset = open_dataset(data)
    table = class_table(BundleSubject(bundle), dataset)
    items = evenly(dataset.items(split), count)
    return [_case(bundle, dataset, item, number, table) for number, item in enumerate(items)]


def _case(bundle: Bundle, dataset: Dataset, item: Item, number: int, table: UInt8) -> LabelledCase:
    record, cameras = item.read(), wanted(bundle.part())
    if record.labels is None:
        raise codes.BAD_LABELLED(f"'{item.stem}' has no labels", where=dataset.folder)
    rgb = record.rgb if "rgb" in cameras else None
    thermal = record.thermal if "thermal" in cameras else None
    blank = LabelledCase(f"{number:02d}", rgb, thermal, np.zeros((1, 1), np.uint8))
    return LabelledCase(blank.name, rgb, thermal, on_grid(table[record.labels], blank.aligned(bundle).valid))


def on_grid(labels: UInt8, valid: UInt8) -> UInt8:
    """Labels uint8 [h,w] of a picture without a rig, on the grid uint8 [H,W] where it fills ``valid``."""
    x, y, width, height = cv2.boundingRect(valid)
    truth = np.full(valid.shape, UNLABELLED, np.uint8)
    truth[y : y + height, x : x + width] = cv2.resize(
        labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT
    )
    return as_uint8(truth)


def _simulated(bundle: Bundle, count: int, scenes: Sequence[str]) -> list[LabelledCase]:
    known: tuple[Scene, ...] = tuple(scene for scene in SCENES if scene in scenes) or SCENES
    cameras, cases = wanted(bundle.part()), []
    for number in range(count):
        scene, place = known[number % len(known)], number // len(known)
        rig = SimulatedRig(scene, place, "val", *bundle.size)
        made = rig.render(STRIDE)
        rgb = made.rgb if "rgb" in cameras else None
        thermal = made.thermal if "thermal" in cameras else None
        blank = LabelledCase(f"{number:02d}", rgb, thermal, np.zeros((1, 1), np.uint8), rig.rig.to_yaml())
        aligned = blank.aligned(bundle)
        to_grid = TruthOnGrid(rig.rig, aligned, bundle.spec.classes, scene)
        truth = to_grid(made.truth.labels, aligned.valid)
        cases.append(LabelledCase(blank.name, rgb, thermal, truth, blank.rig))
    return cases
