"""The classes of the simulated scenes: one list for all, so that one model can serve every profile."""

from __future__ import annotations

from rigsight.edge.bundle.spec import ClassEntry

BACKGROUND, ROAD, PERSON, CAR, POLE, CRACK, DAMP, JOINT, DEPOSIT = range(9)

CLASSES: tuple[ClassEntry, ...] = (
    ClassEntry(name="background", color=(40, 44, 52)),
    ClassEntry(name="road", color=(128, 92, 150)),
    ClassEntry(name="person", color=(235, 64, 82)),
    ClassEntry(name="car", color=(64, 132, 235)),
    ClassEntry(name="pole", color=(240, 214, 92)),
    ClassEntry(name="crack", color=(255, 112, 40)),
    ClassEntry(name="damp", color=(44, 196, 204)),
    ClassEntry(name="joint", color=(150, 220, 110)),
    ClassEntry(name="deposit", color=(188, 140, 84)),
)

# Class ids that occur in a scene.
SCENE_CLASSES: dict[str, tuple[int, ...]] = {
    "street": (BACKGROUND, ROAD, PERSON, CAR, POLE),
    "facade": (BACKGROUND, CRACK, DAMP),
    "pipe": (BACKGROUND, CRACK, JOINT, DEPOSIT),
}

DEFECT_CLASSES = frozenset({CRACK, DAMP, JOINT, DEPOSIT})
