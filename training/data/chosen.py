"""A few of the simulator's classes as a task of its own: the chosen ones and background, ids anew from 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import UNLABELLED, UInt8
from rigsight.edge.simulation.classes import BACKGROUND, CLASSES, SCENE_CLASSES

NAMES: tuple[str, ...] = tuple(entry.name for entry in CLASSES if entry is not CLASSES[BACKGROUND])


def ids_of(chosen: Sequence[str]) -> tuple[int, ...]:
    """The simulator's ids in the order of the new ones: background, then ``chosen``; none chosen are all.

    >>> ids_of(["damp"]), ids_of([])
    ((0, 6), (0, 1, 2, 3, 4, 5, 6, 7, 8))

    Raises:
        ValueError: a name that the simulator does not have, or one given twice.
    """
    if not chosen:
        return tuple(range(len(CLASSES)))
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        raise ValueError(f"the simulator has no class '{unknown[0]}', it has {', '.join(NAMES)}")
    if len(set(chosen)) < len(chosen):
        raise ValueError("a class is named twice")
    return (BACKGROUND, *(NAMES.index(name) + 1 for name in chosen))


def classes_of(chosen: Sequence[str]) -> tuple[ClassEntry, ...]:
    """The classes of a task, in the order of their new ids."""
    return tuple(CLASSES[i] for i in ids_of(chosen))


def occurring(scene: str, chosen: Sequence[str]) -> tuple[int, ...]:
    """New ids that can occur in a scene.

    >>> occurring("facade", ["joint", "damp"])
    (0, 2)
    """
    present = SCENE_CLASSES[scene]
    return tuple(new for new, old in enumerate(ids_of(chosen)) if old in present)


def reduced(labels: UInt8, chosen: Sequence[str]) -> UInt8:
    """Labels uint8 of any shape with the new ids; what was not chosen is background, 255 stays.

    >>> reduced(np.array([0, 5, 6, 255], np.uint8), ["damp"])
    array([  0,   0,   1, 255], dtype=uint8)
    """
    if not chosen:
        return labels
    table = np.full(256, BACKGROUND, np.uint8)
    table[UNLABELLED] = UNLABELLED
    for new, old in enumerate(ids_of(chosen)):
        table[old] = new
    return table[labels]
