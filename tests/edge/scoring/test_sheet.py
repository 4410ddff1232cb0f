"""The sheet shows the worst pictures, worst first, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import Image, UInt8
from rigsight.edge.scoring.sheet import (
    CONFUSED,
    FALSE,
    HIT,
    LABEL_HEIGHT,
    MISSED,
    PANEL_WIDTH,
    Worst,
    difference,
)

CLASSES = (ClassEntry(name="background", color=(0, 0, 0)), ClassEntry(name="crack", color=(9, 9, 9)))


@dataclass
class Record:
    """Pictures of a case."""

    rgb: UInt8 | None
    thermal: Image | None


def test_the_lowest_scores_stay_in_order() -> None:
    worst = Worst(3, CLASSES)
    scores = [0.9, 0.2, 0.5, 0.1, 0.8, 0.3]
    for i, score in enumerate(scores):
        rgb = np.full((8, 16, 3), 10 * i + 5, np.uint8)
        nothing = np.zeros((8, 16), np.uint8)
        worst.add(str(i), score, Record(rgb, None), nothing, nothing)
    sheet = worst.picture()
    assert sheet is not None
    height = PANEL_WIDTH // 2 + LABEL_HEIGHT
    firsts = [int(sheet[row * height + LABEL_HEIGHT + 5, 5, 0]) for row in range(3)]
    assert firsts == [35, 15, 55]
    assert sheet.shape[1] == 4 * PANEL_WIDTH


def test_difference_tells_four_cases_apart() -> None:
    truth = np.uint8([[0, 0, 1, 1, 1, 255, 1]])
    mask = np.uint8([[0, 2, 1, 2, 0, 1, 255]])
    black = (0, 0, 0)
    shown = [tuple(pixel) for pixel in difference(truth, mask)[0].tolist()]
    assert shown == [black, FALSE, HIT, CONFUSED, MISSED, black, MISSED]


def test_thermal_pictures_alone_and_sheets_of_nothing() -> None:
    worst = Worst(1, CLASSES)
    assert worst.picture() is None
    counts = np.linspace(7000, 9000, 12 * 16).reshape(12, 16).astype(np.uint16)
    nothing = np.zeros((12, 16), np.uint8)
    worst.add("a", 0.5, Record(None, counts), nothing, nothing)
    sheet = worst.picture()
    assert sheet is not None
    assert sheet.shape[1] == 4 * PANEL_WIDTH
    none = Worst(0, CLASSES)
    none.add("a", 0.5, Record(None, counts), nothing, nothing)
    assert none.picture() is None
