"""Rendered sets of the simulated rig on disk: rendered once a setting, then mapped into memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import rigsight.edge.preprocess
import rigsight.edge.simulation
from rigsight.base.files import atomic_folder
from rigsight.edge.frames import Image, UInt8
from rigsight.training import codes
from rigsight.training.config import Scene, SimulatedData, Split, TrainConfig
from rigsight.training.data.chosen import reduced
from rigsight.training.data.render import RenderedSets, RenderJob, render, start_worker

# Files of the simulator that have no part in what a set shows.
_NOT_IN_A_SET = frozenset({"boards.py", "benchmark.py", "instances.py"})

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SetArrays:
    """All sets of one scene and split; fields as in RenderedSets, mapped read-only from disk.

    ``chosen``: the classes that ``labels`` are reduced to (:mod:`rigsight.training.data.chosen`), none = all.
    """

    scene: str
    rgb: UInt8
    counts: Image
    bounds: Image
    labels: UInt8
    chosen: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rgb)


def jobs(config: TrainConfig, data: SimulatedData, scene: Scene, split: Split) -> list[RenderJob]:
    """One job a seed. Seeds of different splits come from disjoint pools inside the simulator."""
    seeds = {"train": data.seeds, "val": data.validation_seeds, "test": data.test_seeds}[split]
    indices = tuple(i * data.stride for i in range(data.sets_per_seed))
    return [
        RenderJob(
            scene,
            split,
            seed,
            indices,
            config.width,
            config.height,
            config.preprocessing,
            data.rotation_noise_deg,
        )
        for seed in range(seeds)
    ]


def load_sets(
    config: TrainConfig, data: SimulatedData, scene: Scene, split: Split, report: Report | None = None
) -> SetArrays:
    """The sets of a scene and split from the cache, rendered first when they are not there.

    Raises:
        RigsightError: TRN-302 when a worker fails, IO-001 when the cache cannot be written.
    """
    work = jobs(config, data, scene, split)
    folder = Path(data.cache) / f"{scene}-{split}-{key_of(work)}"
    if not folder.is_dir():
        with atomic_folder(folder) as temporary:
            _render_into(temporary, work, data.workers, report)
    names = ("rgb", "counts", "bounds", "labels")
    arrays: dict[str, Any] = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    arrays["labels"] = reduced(arrays["labels"], data.classes)
    return SetArrays(scene, **arrays, chosen=data.classes)


def _render_into(folder: Path, work: list[RenderJob], workers: int, report: Report | None) -> None:
    each = len(work[0].indices)
    total = each * len(work)
    height, width = work[0].height, work[0].width

    def new(name: str, dtype: Any, *shape: int) -> Any:
        return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, (total, *shape))

    rgb, counts = new("rgb", np.uint8, height, width, 3), new("counts", np.uint16, height, width)
    bounds, labels = new("bounds", np.float32, 2), new("labels", np.uint8, height, width)
    for number, sets in enumerate(_rendered(work, workers)):
        rows = slice(number * each, (number + 1) * each)
        rgb[rows], counts[rows], bounds[rows], labels[rows] = sets.rgb, sets.counts, sets.bounds, sets.labels
        if report is not None:
            report(f"rendering {work[0].scene} ({work[0].split})", rows.stop, total)
    for array in (rgb, counts, bounds, labels):
        array.flush()


def _rendered(work: list[RenderJob], workers: int) -> Iterator[RenderedSets]:
    if workers == 0:
        yield from map(render, work)
        return
    # spawn: a forked child would inherit torch's threads and locks.
    with get_context("spawn").Pool(min(workers, len(work)), initializer=start_worker) as pool:
        try:
            yield from pool.imap(render, work)
        except (OSError, RuntimeError, ValueError, MemoryError) as error:
            raise codes.NO_WORKERS(f"{type(error).__name__}: {error}") from error


def key_of(work: list[RenderJob]) -> str:
    """Hash of the settings and of the code that makes the pictures: a changed simulator renders anew."""
    digest = hashlib.sha256()
    for job in (work[0], work[-1]):
        settings = {**vars(job), "preprocessing": job.preprocessing.model_dump()}
        digest.update(json.dumps(settings, sort_keys=True).encode())
    simulation = Path(str(rigsight.edge.simulation.__file__)).parent
    pictures = (path for path in simulation.glob("*.py") if path.name not in _NOT_IN_A_SET)
    sources = [*sorted(pictures), Path(str(rigsight.edge.preprocess.__file__))]
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
