"""Masks of any encoding as class ids: uint8 [H,W], 255 unlabelled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from rigsight.edge.frames import UNLABELLED, Image, UInt8
from rigsight.training import codes
from rigsight.training.data.pictures import read_grey, read_mat, read_numbers, read_picture
from rigsight.training.data.spec import DatasetSpec

MaskReader = Callable[[str | Path], UInt8]
_UNKNOWN = 254
"""In a table: no class has this id (at most 254 classes, ids 0..253)."""


def mask_reader(spec: DatasetSpec) -> MaskReader:
    """The function that reads the masks of a data set.

    It raises RigsightError: DAT-003 without file, DAT-004 for a broken one, DAT-006 for another encoding than
    the data set's, DAT-007 for numbers or colours of no class.
    """
    labels = spec.labels
    if labels.encoding == "threshold":
        return lambda path: (read_grey(path) > labels.threshold).astype(np.uint8)
    if labels.encoding == "colors":
        return _by_color(spec)
    table = _table(spec)
    if labels.encoding == "mat":
        key = labels.key or ""
        return lambda path: _looked_up(read_mat(path, key), table, path)
    return lambda path: _looked_up(read_numbers(path), table, path)


def _table(spec: DatasetSpec) -> UInt8:
    """Class id of every number 0..65535, 254 where there is none."""
    table = np.full(1 << 16, _UNKNOWN, np.uint8)
    if spec.labels.ids is None:
        table[: len(spec.classes)] = np.arange(len(spec.classes))
        table[UNLABELLED] = UNLABELLED
    for value, class_id in (spec.labels.ids or {}).items():
        table[value] = class_id
    return table


def _looked_up(numbers: Image, table: UInt8, path: str | Path) -> UInt8:
    ids: UInt8 = table[numbers]
    if (unknown := ids == _UNKNOWN).any():
        values = ", ".join(str(value) for value in np.unique(numbers[unknown])[:5])
        deep = " of 16 bits" if numbers.dtype == np.uint16 else ""
        raise codes.UNKNOWN_IDS(f"values{deep} that belong to no class: {values}", where=path)
    return ids


def _by_color(spec: DatasetSpec) -> MaskReader:
    colors = [(c.color, i) for i, c in enumerate(spec.classes)]
    colors += [(color, UNLABELLED) for color in spec.labels.unlabelled_colors]
    table: UInt8 = np.full(1 << 24, _UNKNOWN, np.uint8)  # one look-up a pixel; 16 MiB once
    for (red, green, blue), class_id in colors:
        table[red << 16 | green << 8 | blue] = class_id

    def read(path: str | Path) -> UInt8:
        image = read_picture(path)
        if image.dtype != np.uint8:
            raise codes.MASK_ENCODING("16-bit pixels where colours are expected", where=path)
        if image.ndim == 2:
            image = np.dstack([image] * 3)
        wide = image.astype(np.uint32)
        packed = wide[..., 2] << 16 | wide[..., 1] << 8 | wide[..., 0]
        ids: UInt8 = table[packed]
        if (unknown := ids == _UNKNOWN).any():
            found = [
                f"({v >> 16}, {v >> 8 & 255}, {v & 255})" for v in np.unique(packed[unknown])[:3].tolist()
            ]
            raise codes.UNKNOWN_IDS(f"colours that belong to no class: {', '.join(found)}", where=path)
        return ids

    return read
