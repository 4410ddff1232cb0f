"""Fused pictures of real pairs beside plain averaging and the inputs; and who is seen only by infrared."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rigsight.edge.frames import UInt8
from rigsight.edge.render import average_fusion, luma
from rigsight.edge.scoring.fusion import FusionQuality, fusion_quality
from rigsight.edge.scoring.visibility import Box, Contrast, contrast, overlap
from rigsight.training import codes
from rigsight.training.data.pictures import read_rgb, read_thermal
from rigsight.training.evaluation.protocols import mean_quality
from rigsight.training.evaluation.subject import Subject

PERSON = "0"
SAME_PERSON = 0.3  # least IoU of an infrared and a visible box of one person
PICTURES = ("visible", "thermal", "average", "fused")


@dataclass(frozen=True)
class Seen:
    """How many persons show in each kind of picture, and by how much: median contrast in grey levels."""

    persons: int
    shown: dict[str, int]
    levels: dict[str, float]
    deviations: dict[str, float]


@dataclass(frozen=True)
class FusionReport:
    """``quality``: EN, SD, SF, SCD by kind of picture, means over ``pairs``.

    ``hidden``: persons boxed in the infrared picture and not in the visible one. Two checks of the measure:
    ``plain``, persons boxed in the visible picture, and ``nobody``, the boxes of ``hidden`` mirrored to the
    other side of the picture, where nobody is: what shows there shows by chance. None without boxes.
    """

    pairs: int
    width: int
    height: int
    quality: dict[str, dict[str, float | None]]
    hidden: Seen | None = None
    plain: Seen | None = None
    nobody: Seen | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def compare(
    subject: Subject,
    pairs: Sequence[tuple[Path, Path]],
    boxes: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> FusionReport:
    """Fuse aligned pairs of 8 bits and judge the pictures on the network's grid.

    ``boxes`` is a folder with ``visible/STEM.txt`` and ``infrared/STEM.txt`` (YOLO's format, persons are
    class 0); a missing file means that nobody is there.

    Raises:
        RigsightError: DAT-… for pictures that cannot be read, TRN-308 for boxes, TRN-306 for a model that
            does not fuse.
    """
    quality: dict[str, list[FusionQuality]] = {name: [] for name in PICTURES}
    hidden: list[dict[str, Contrast]] = []
    plain: list[dict[str, Contrast]] = []
    nobody: list[dict[str, Contrast]] = []
    size = (0, 0)
    for number, (visible, infrared) in enumerate(pairs):
        answer = subject(read_rgb(visible), read_thermal(infrared, counts=False))
        if answer.grid.fused is None:
            raise codes.EVALUATION_CAMERAS(f"{subject.name} does not fuse", fix="Give a SegMiF model.")
        grey = luma(answer.rgb)
        averaged = luma(average_fusion(answer.rgb, answer.thermal))
        made = dict(zip(PICTURES, (grey, answer.thermal, averaged, luma(answer.grid.fused)), strict=True))
        size = (grey.shape[1], grey.shape[0])
        for name, picture in made.items():
            quality[name].append(fusion_quality(picture, grey, answer.thermal))
        if boxes is not None:
            seen, warm = (
                read_boxes(boxes / kind / f"{visible.stem}.txt", size) for kind in ("visible", "infrared")
            )
            only_warm = [box for box in warm if all(overlap(box, other) < SAME_PERSON for other in seen)]
            hidden += _contrasts(made, only_warm, [*seen, *warm])
            plain += _contrasts(made, seen, [*seen, *warm])
            nobody += _contrasts(made, _elsewhere(only_warm, [*seen, *warm], size[0]), [*seen, *warm])
        progress(number + 1, len(pairs))
    return FusionReport(
        pairs=len(pairs),
        width=size[0],
        height=size[1],
        quality={name: mean_quality(scores) for name, scores in quality.items()},
        hidden=None if boxes is None else _summed(hidden),
        plain=None if boxes is None else _summed(plain),
        nobody=None if boxes is None else _summed(nobody),
    )


def read_boxes(path: Path, size: tuple[int, int]) -> list[Box]:
    """Persons of one picture in pixels of ``size`` (width, height). Raises TRN-308 for another format."""
    if not path.is_file():
        if not path.parent.is_dir():
            raise codes.EVALUATION_BOXES("there is no such folder", where=path.parent)
        return []
    found = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        words = line.split()
        try:
            x, y, width, height = (float(word) for word in words[1:5])
        except ValueError as error:
            raise codes.EVALUATION_BOXES(f"line {number} is no box: '{line[:40]}'", where=path) from error
        if words[0] == PERSON:
            corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            found.append(
                (corners[0] * size[0], corners[1] * size[1], corners[2] * size[0], corners[3] * size[1])
            )
    return found


def _elsewhere(boxes: Sequence[Box], everyone: Sequence[Box], width: int) -> list[Box]:
    """The boxes mirrored left to right, without those that touch anybody."""
    mirrored = [(width - right, top, width - left, bottom) for left, top, right, bottom in boxes]
    return [box for box in mirrored if not any(overlap(box, other) for other in everyone)]


def _contrasts(
    pictures: dict[str, UInt8], boxes: Sequence[Box], everyone: Sequence[Box]
) -> list[dict[str, Contrast]]:
    """Contrast of every person in every kind of picture; those too small to tell are left out."""
    result = []
    for box in boxes:
        others = [other for other in everyone if overlap(box, other) < SAME_PERSON]
        told = {name: contrast(picture, box, others) for name, picture in pictures.items()}
        known = {name: value for name, value in told.items() if value is not None}
        if len(known) == len(pictures):
            result.append(known)
    return result


def _summed(persons: Sequence[dict[str, Contrast]]) -> Seen:
    def median(values: Sequence[float]) -> float:
        return round(statistics.median(values), 2) if values else 0.0

    return Seen(
        persons=len(persons),
        shown={name: sum(person[name].shows for person in persons) for name in PICTURES},
        levels={name: median([person[name].levels for person in persons]) for name in PICTURES},
        deviations={name: median([person[name].deviations for person in persons]) for name in PICTURES},
    )
