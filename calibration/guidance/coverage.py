"""Where in each picture the board has been."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rigsight.calibration.detection.detection import Detection

COLUMNS, ROWS = 8, 6

Counts = tuple[tuple[int, ...], ...]


def coverage(detections: Iterable[Detection]) -> Counts:
    """In how many views some point of the board lay in each cell of the picture, ROWS x COLUMNS.

    >>> seen = Detection(np.array([[1.0, 1.0], [2.0, 2.0], [79.0, 59.0]]), (80, 60))
    >>> counts = coverage([seen])
    >>> counts[0][0], counts[5][7], sum(map(sum, counts))
    (1, 1, 2)
    """
    counts = np.zeros((ROWS, COLUMNS), dtype=int)
    for seen in detections:
        cell = (seen.points + 0.5) / np.array(seen.size) * (COLUMNS, ROWS)
        column, row = np.clip(cell.astype(int), 0, (COLUMNS - 1, ROWS - 1)).T
        touched = np.zeros_like(counts)
        touched[row, column] = 1
        counts += touched
    return tuple(tuple(int(count) for count in row) for row in counts)
