"""People and cars of the simulated street as a COCO data set on disk, rendered once a setting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.base.files import atomic_folder, write_bytes, write_text
from rigsight.edge.simulation.classes import CLASSES
from rigsight.training import codes
from rigsight.training.config import SimulatedData, Split, TrainConfig
from rigsight.training.data.coco import encode
from rigsight.training.data.dataset import Dataset, open_dataset
from rigsight.training.data.render import RenderJob, start_worker
from rigsight.training.data.simulated import Report, jobs, key_of
from rigsight.training.data.spec import DatasetClass, DatasetSpec, Labels
from rigsight.training.data.spec import Split as Stems

COCO_FILE, SPLIT = "instances.json", "all"
THINGS = ("person", "car")
# Smaller things are written as crowds, which COCO's protocol neither asks for nor punishes.
LEAST_PIXELS = 32


@dataclass(frozen=True)
class RenderedInstances:
    """One picture of a job: ``counts`` uint16 [H,W]; of every thing the class, run-length code and pixels."""

    stem: str
    counts: NDArray[np.uint16]
    things: tuple[tuple[str, dict[str, Any], int], ...]


def instance_dataset(
    config: TrainConfig, data: SimulatedData, split: Split, report: Report | None = None
) -> Dataset:
    """The data set of a split, on disk in ``data.cache``; its only split is called ``all``.

    Thermal pictures lie on the thermal camera's own pixels: instances need no second camera.

    Raises:
        RigsightError: DAT-205 for scenes without things, TRN-302 when a worker fails, IO-001.
    """
    if data.scenes != ("street",):
        raise codes.COCO_EMPTY(
            "only the simulated street has things to count",
            where="data.scenes",
            fix="Set data.scenes=[street].",
        )
    names = tuple(name for name in data.classes if name in THINGS) or THINGS
    work = jobs(config, data, "street", split)
    folder = Path(data.cache) / f"instances-{'-'.join(names)}-{split}-{key_of(work)}"
    if not folder.is_dir():
        with atomic_folder(folder) as temporary:
            write_instances(temporary, work, names, data.workers, report)
    return open_dataset(folder)


def write_instances(
    folder: Path,
    work: list[RenderJob],
    names: tuple[str, ...] = THINGS,
    workers: int = 0,
    report: Report | None = None,
) -> None:
    """Render ``work`` into a data set in ``folder``, which is there and empty.

    Raises:
        RigsightError: TRN-302 when a worker fails, IO-001.
    """
    (folder / "thermal").mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    stems: list[str] = []
    for number, rendered in enumerate(_rendered(work, workers)):
        for picture in rendered:
            height, width = picture.counts.shape
            name = f"thermal/{picture.stem}.png"
            write_bytes(folder / name, cv2.imencode(".png", picture.counts)[1].tobytes())
            images.append({"id": len(images) + 1, "file_name": name, "width": width, "height": height})
            stems.append(picture.stem)
            for thing, rle, pixels in picture.things:
                if thing in names:
                    annotations.append(
                        {
                            "id": len(annotations) + 1,
                            "image_id": len(images),
                            "category_id": names.index(thing) + 1,
                            "segmentation": rle,
                            "iscrowd": int(pixels < LEAST_PIXELS),
                        }
                    )
        if report is not None:
            report(f"rendering instances ({work[0].split})", number + 1, len(work))
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(names)]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    write_text(folder / COCO_FILE, json.dumps(coco))
    colors = {entry.name: entry.color for entry in CLASSES}
    DatasetSpec(
        name="simulated street, thermal instances",
        modalities={"thermal": "thermal/{stem}.png"},
        thermal_input="counts16",
        labels=Labels(kind="coco", pattern=COCO_FILE),
        classes=tuple(DatasetClass(name=name, color=colors[name]) for name in ("background", *names)),
        splits={SPLIT: Stems.of(stems)},
        licence="Apache-2.0",
        source="rigsight.edge.simulation",
    ).save(folder / "dataset.yaml")


def render_instances(job: RenderJob) -> list[RenderedInstances]:
    """All pictures of one seed."""
    from rigsight.edge.simulation.instances import thermal_instances
    from rigsight.edge.simulation.rig import SimulatedRig

    rig = SimulatedRig(job.scene, job.seed, job.split, job.width, job.height)
    rendered = []
    for index in job.indices:
        picture = thermal_instances(rig, index)
        things = []
        for number, class_id in enumerate(picture.classes):
            mask = (picture.ids == number).astype(np.uint8)
            things.append((CLASSES[class_id].name, encode(mask), int(mask.sum())))
        rendered.append(RenderedInstances(f"{job.seed:04d}_{index:05d}", picture.counts, tuple(things)))
    return rendered


def _rendered(work: list[RenderJob], workers: int) -> Iterator[list[RenderedInstances]]:
    if workers == 0:
        yield from map(render_instances, work)
        return
    with get_context("spawn").Pool(min(workers, len(work)), initializer=start_worker) as pool:
        try:
            yield from pool.imap(render_instances, work)
        except (OSError, RuntimeError, ValueError, MemoryError) as error:
            raise codes.NO_WORKERS(f"{type(error).__name__}: {error}") from error
