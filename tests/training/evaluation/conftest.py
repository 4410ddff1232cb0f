"""Data sets of a few small pictures, and models whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from rigsight.edge.bundle.spec import ClassEntry, Geometry, Preprocessing
from rigsight.edge.frames import Aligned, UInt8
from rigsight.training.data.dataset import Dataset, open_dataset
from rigsight.training.evaluation.subject import OnGrid, Subject

COLOURS = ((0, 0, 0), (230, 60, 60), (250, 220, 60), (60, 200, 90))
Pictures = Mapping[str, Mapping[str, np.ndarray]]


class Red(Subject):
    """A binary model: as much crack as there is red."""

    name, task, cameras = "red", "binary", ("rgb",)
    classes = tuple(ClassEntry(name=name, color=COLOURS[i]) for i, name in enumerate(("background", "crack")))

    def __init__(self, size: tuple[int, int] | None = None, threshold: int = 128) -> None:
        kind: Any = "tile" if size is None else "resize"
        spec = Preprocessing(thermal_input="camera8", geometry=Geometry(kind=kind))
        super().__init__(spec, size or (64, 64))
        self.threshold = threshold

    def _predict(self, aligned: Aligned) -> OnGrid:
        red: UInt8 = aligned.rgb[..., 0]
        return OnGrid((red >= self.threshold).astype(np.uint8), red)


class Levels(Subject):
    """A semantic model of two cameras: class 1 where it is hot, 2 where it is red, and a fused picture."""

    name, task, cameras = "levels", "semantic", ("rgb", "thermal")

    def __init__(self, names: Sequence[str] = ("background", "hot", "red")) -> None:
        super().__init__(Preprocessing(thermal_input="camera8", geometry=Geometry(kind="tile")), (64, 64))
        self.classes = tuple(
            ClassEntry(name=name, color=colour) for name, colour in zip(names, COLOURS, strict=False)
        )

    def _predict(self, aligned: Aligned) -> OnGrid:
        mask = np.where(aligned.thermal > 128, 1, np.where(aligned.rgb[..., 0] > 128, 2, 0))
        fused = np.maximum(aligned.rgb, aligned.thermal[..., None])
        return OnGrid(mask.astype(np.uint8), None, fused)


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Dataset]:
    """A function that writes ``{stem: {rgb, thermal, mask}}`` and what dataset.yaml says, and opens it."""

    def make(pictures: Pictures, names: Sequence[str] = ("background", "crack"), **changes: Any) -> Dataset:
        kinds = {kind for arrays in pictures.values() for kind in arrays}
        for stem, arrays in pictures.items():
            for kind, array in arrays.items():
                (tmp_path / kind).mkdir(exist_ok=True)
                stored = cv2.cvtColor(array, cv2.COLOR_RGB2BGR) if kind == "rgb" else array
                cv2.imwrite(str(tmp_path / kind / f"{stem}.png"), stored)
        content = {
            "version": 1,
            "name": "small",
            "modalities": {k: f"{k}/{{stem}}.png" for k in ("rgb", "thermal") if k in kinds},
            "labels": {"kind": "masks", "pattern": "mask/{stem}.png"},
            "classes": [{"name": n, "color": list(COLOURS[i])} for i, n in enumerate(names)],
            "splits": {"val": {"stems": list(pictures)}},
            "licence": "none",
            "source": "made here",
            **changes,
        }
        (tmp_path / "dataset.yaml").write_text(yaml.safe_dump(content))
        return open_dataset(tmp_path)

    return make


@pytest.fixture
def red() -> type[Red]:
    """Makes the binary model."""
    return Red


@pytest.fixture
def levels() -> type[Levels]:
    """Makes the semantic model."""
    return Levels


def cracks() -> dict[str, dict[str, np.ndarray]]:
    """Three pictures of different sizes: seen well, seen badly, and without a crack."""
    rng = np.random.default_rng(2)
    made = {}
    for stem, (height, width), level in (
        ("good", (40, 50), 200),
        ("bad", (33, 64), 90),
        ("none", (40, 40), 0),
    ):
        mask = np.zeros((height, width), np.uint8)
        if stem != "none":
            mask[10:16, 5:30] = 1
            mask[:4, :4] = 255
        rgb = rng.integers(0, 60, (height, width, 3)).astype(np.uint8)
        rgb[..., 0][mask == 1] = level
        made[stem] = {"rgb": rgb, "mask": mask}
    return made


@pytest.fixture
def crack_pictures() -> dict[str, dict[str, np.ndarray]]:
    """See :func:`cracks`."""
    return cracks()


@pytest.fixture
def warm_pictures() -> dict[str, dict[str, np.ndarray]]:
    """One pair on which :class:`Levels` is right wherever the truth is told."""
    rgb = np.zeros((40, 48, 3), np.uint8)
    thermal = np.zeros((40, 48), np.uint8)
    mask = np.zeros((40, 48), np.uint8)
    rgb[5:15, 5:25, 0], mask[5:15, 5:25] = 220, 2
    thermal[20:35, 10:20], mask[20:35, 10:20] = 230, 1
    mask[:2] = 255
    return {"pair": {"rgb": rgb, "thermal": thermal, "mask": mask}}
