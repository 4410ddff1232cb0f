"""The worst cases on one picture: RGB, thermal, truth, mask and where they differ, worst first."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import UNLABELLED, Image, UInt8, as_uint8
from rigsight.edge.render import legend, overlay, thermal_to_colour

PANEL_WIDTH = 320
LABEL_HEIGHT = 22
HIT, FALSE, MISSED, CONFUSED = (150, 150, 150), (230, 60, 50), (60, 120, 255), (240, 190, 40)
_BACKGROUND, _TEXT = (24, 26, 30), (235, 235, 235)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Pictures(Protocol):
    """What a case shows: ``rgb`` uint8 [H,W,3] and ``thermal`` uint8 or uint16 [H,W], one may be None."""

    @property
    def rgb(self) -> UInt8 | None:
        """Of the visible camera."""

    @property
    def thermal(self) -> Image | None:
        """Of the thermal camera."""


class Worst:
    """Keeps the ``count`` pictures of the lowest scores as rows of small panels."""

    def __init__(self, count: int, classes: Sequence[ClassEntry], against: str = "truth") -> None:
        """``against`` names what masks are compared with, on the panels."""
        self.count, self.classes, self.against = count, classes, against
        self._rows: list[tuple[float, int, UInt8]] = []  # a heap whose first is the best of the worst
        self._seen = 0

    def add(self, name: str, score: float, record: Pictures, truth: UInt8, mask: UInt8) -> None:
        """Look at one picture: its score (0..1, less is worse), what was seen, truth and mask [H,W]."""
        self._seen += 1
        if len(self._rows) < self.count:
            heapq.heappush(self._rows, (-score, -self._seen, self._row(name, score, record, truth, mask)))
        elif self._rows and -score > self._rows[0][0]:
            heapq.heapreplace(self._rows, (-score, -self._seen, self._row(name, score, record, truth, mask)))

    def picture(self) -> UInt8 | None:
        """All rows, worst first, with the legends below: uint8 [H,W,3]; None when nothing was kept."""
        if not self._rows:
            return None
        rows = [row for _, _, row in sorted(self._rows, key=lambda kept: kept[:2], reverse=True)]
        width = max(row.shape[1] for row in rows)
        padded = [_widened(row, width) for row in rows]
        meaning = (("missed", MISSED), ("false alarm", FALSE), ("other class", CONFUSED), ("right", HIT))
        what = [ClassEntry(name=name, color=color) for name, color in meaning]
        return np.vstack([*padded, legend(self.classes, width), legend(what, width)])

    def _row(self, name: str, score: float, record: Pictures, truth: UInt8, mask: UInt8) -> UInt8:
        thermal = None if record.thermal is None else thermal_to_colour(_eight_bits(record.thermal))
        shown = record.rgb if record.rgb is not None else thermal
        assert shown is not None
        panels: list[tuple[str, UInt8]] = []
        if record.rgb is not None:
            panels.append((f"{name}  {score:.3f}", record.rgb))
        if thermal is not None:
            panels.append(("thermal" if panels else f"{name}  {score:.3f}", thermal))
        panels.append((self.against, overlay(shown, truth, self.classes)))
        panels.append(("mask", overlay(shown, mask, self.classes)))
        panels.append(("difference", difference(truth, mask)))
        return np.hstack([_panel(picture, label) for label, picture in panels])


def difference(truth: UInt8, mask: UInt8) -> UInt8:
    """What is right (grey), missed (blue), falsely reported (red) or of another class (yellow).

    Args:
        truth: uint8 [H,W] of class ids, 0 background; 255 is shown black.
        mask: uint8 [H,W] of class ids; 255 is a miss.

    Returns:
        uint8 [H,W,3].

    >>> difference(np.uint8([[0, 1, 1, 0, 1]]), np.uint8([[0, 1, 0, 2, 2]])).tolist()[0][1:3]
    [[150, 150, 150], [60, 120, 255]]
    """
    judged = truth != UNLABELLED
    something = (mask != 0) & (mask != UNLABELLED)
    picture = np.zeros((*truth.shape, 3), np.uint8)
    picture[judged & (truth == mask) & (truth != 0)] = HIT
    picture[judged & (truth != 0) & ~something] = MISSED
    picture[judged & (truth == 0) & something] = FALSE
    picture[judged & (truth != 0) & something & (truth != mask)] = CONFUSED
    return picture


def _panel(picture: UInt8, label: str) -> UInt8:
    height = max(1, round(picture.shape[0] * PANEL_WIDTH / picture.shape[1]))
    method = cv2.INTER_AREA if picture.shape[1] > PANEL_WIDTH else cv2.INTER_NEAREST
    panel = np.full((height + LABEL_HEIGHT, PANEL_WIDTH, 3), _BACKGROUND, np.uint8)
    panel[LABEL_HEIGHT:] = cv2.resize(picture, (PANEL_WIDTH, height), interpolation=method)
    room = PANEL_WIDTH // 8
    shown = label if len(label) <= room else f"..{label[2 - room :]}"
    cv2.putText(panel, shown, (6, 15), _FONT, 0.42, _TEXT, 1, cv2.LINE_AA)
    return panel


def _widened(row: UInt8, width: int) -> UInt8:
    room = ((0, 0), (0, width - row.shape[1]), (0, 0))
    return np.pad(row, room)


def _eight_bits(thermal: Image) -> UInt8:
    if thermal.dtype == np.uint8:
        return as_uint8(thermal)
    low, high = np.percentile(thermal, (1, 99))
    return as_uint8(np.clip((thermal - low) / max(high - low, 1) * 255, 0, 255).astype(np.uint8))
