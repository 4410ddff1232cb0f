"""The facade: a flight along a wall with windows, cracks and damp patches.

World: the wall is the plane y = 0 with x to the right and z up; the drone flies at y < 0. Cracks and damp
patches belong to cells of the wall and never change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rigsight.edge.frames import Float32, Float64
from rigsight.edge.simulation import classes
from rigsight.edge.simulation.camera import Eye
from rigsight.edge.simulation.facade_view import FacadeView
from rigsight.edge.simulation.splits import Draw, Pools
from rigsight.edge.simulation.surface import Patch, Stroke, Surface, make_patch, make_stroke, near
from rigsight.edge.simulation.view import day_and_night, pose_looking

STEP_S = 0.1
CELL_M = 1.5
STRIP_M = 30.0
STRIPS = 7
STRIP_HEIGHT_M = 1.3
LOWEST_M = 3.0
CRACK_STEP_M = 0.09
NO_DEFECT = -1

WALL_SURFACE = Surface(lambda uv: np.stack([uv[..., 0], np.zeros(uv.shape[:-1]), uv[..., 1]], axis=-1))


@dataclass(frozen=True)
class Marks:
    """Everything on the wall near the camera. Stains and cables look like defects and are none."""

    cracks: tuple[Stroke, ...]
    damp: tuple[Patch, ...]
    cables: tuple[Stroke, ...]
    stains: tuple[Patch, ...]


class Facade:
    """One flight, given by the pools of its (seed, split)."""

    def __init__(self, pools: Pools) -> None:
        self.pools = pools
        draw = pools.stream(0)
        self.phase = draw.uniform(0.0, 1.0)
        self.start = draw.uniform(0.0, STRIP_M * STRIPS)
        self.speed = draw.uniform(0.5, 1.0)
        self.sway = [draw.uniform(0.0, 6.28) for _ in range(6)]
        self.texture_seeds = (pools.texture_seed(draw), pools.texture_seed(draw))
        self.wall = draw.colour((0.28, 0.62), 0.22)
        self.grain = draw.uniform(0.05, 0.13)
        self.bricks = draw.chance(0.3)
        self.panels = draw.chance(0.5)
        self.panel_m = draw.uniform(1.7, 2.9)
        self.frame = draw.colour((0.3, 0.75), 0.15)
        self.window_pitch = draw.uniform(2.9, 3.8)
        self.window_half = (draw.uniform(0.45, 0.7), draw.uniform(0.55, 0.8))
        self.recess = draw.uniform(0.08, 0.2)
        self.floor_m = draw.uniform(2.9, 3.4)
        self.air_day, self.air_night = draw.uniform(276.0, 300.0), draw.uniform(268.0, 286.0)
        self.sun_k = draw.uniform(1.0, 6.0)
        self.sun_strength = draw.uniform(0.2, 1.0)
        self.shadow = (draw.uniform(0.5, 1.4), draw.uniform(4.0, 9.0), draw.uniform(0.0, 10.0))
        self.pipe_spacing = draw.uniform(5.0, 9.0)
        self._cells: dict[tuple[int, int], Marks] = {}

    def illumination(self, index: int) -> float:
        """1 by day, 0 at night."""
        return day_and_night(index, self.phase)

    def pose(self, index: int) -> Float64:
        """T_world_rgb: strips to and fro, one above the other, at 4 to 6.5 m from the wall."""
        s, t = self.sway, index * STEP_S
        flown = self.start + self.speed * t
        strip, along = divmod(flown, STRIP_M)
        x = along if int(strip) % 2 == 0 else STRIP_M - along
        # The climb to the next strip takes the last two metres; after the top strip it goes down again.
        climb = np.clip((along - STRIP_M + 2.0) / 2.0, 0.0, 1.0)
        level = strip + climb * climb * (3 - 2 * climb)
        level = abs((level + STRIPS) % (2 * STRIPS) - STRIPS)
        z = LOWEST_M + STRIP_HEIGHT_M * level + 0.12 * np.sin(0.5 * t + s[0])
        distance = 5.2 + 0.75 * np.sin(0.17 * t + s[1]) + 0.2 * np.sin(0.9 * t + s[2])
        return pose_looking(
            (0.0, 1.0, 0.0),
            (x, -distance, z),
            yaw=0.09 * np.sin(0.31 * t + s[3]),
            pitch=0.06 * np.sin(0.43 * t + s[4]),
            roll=0.02 * np.sin(0.8 * t + s[5]),
        )

    def view(self, eye: Eye, index: int) -> FacadeView:
        """What a camera sees at a time step."""
        return FacadeView(self, eye, index)

    def marks(self, x: tuple[float, float], z: tuple[float, float]) -> Marks:
        """All marks that touch a window of the wall, metres."""
        reach = 2.2
        cells = [
            self._marks_of(i, k)
            for i in range(int((x[0] - reach) // CELL_M), int((x[1] + reach) // CELL_M) + 1)
            for k in range(int((z[0] - reach) // CELL_M), int((z[1] + reach) // CELL_M) + 1)
        ]
        return Marks(
            near([stroke for cell in cells for stroke in cell.cracks], x, z),
            near([patch for cell in cells for patch in cell.damp], x, z),
            near([stroke for cell in cells for stroke in cell.cables], x, z),
            near([patch for cell in cells for patch in cell.stains], x, z),
        )

    def _marks_of(self, i: int, k: int) -> Marks:
        if (i, k) not in self._cells:
            self._cells[i, k] = self._make_marks(i, k)
        return self._cells[i, k]

    def _make_marks(self, i: int, k: int) -> Marks:
        draw = self.pools.stream(1, i, k)
        number = 10 * ((i + 512) * 1024 + k + 512)

        def place() -> tuple[float, float]:
            return (i + draw.uniform(0.0, 1.0)) * CELL_M, (k + draw.uniform(0.0, 1.0)) * CELL_M

        cracks, damp, cables, stains = [], [], [], []
        for n in range(2):
            if draw.chance(0.55):
                cracks.append(_crack(draw, number + n, place()))
        for n in range(2):
            if draw.chance(0.38):
                radii = draw.uniform(0.14, 0.42), draw.uniform(0.14, 0.42)
                patch = make_patch(
                    draw,
                    number + 5 + n,
                    classes.DAMP,
                    place(),
                    radii,
                    contrast=draw.uniform(0.55, 0.93),
                    warmth=-draw.uniform(1.6, 4.0),
                )
                damp.append(patch)
        if draw.chance(0.3):
            upright = draw.chance(0.5)
            cables.append(
                make_stroke(
                    draw,
                    NO_DEFECT,
                    classes.BACKGROUND,
                    place(),
                    np.pi / 2 if upright else 0.0,
                    length=draw.uniform(1.0, 2.0),
                    width=draw.uniform(0.014, 0.026),
                    wander=0.0,
                    contrast=draw.uniform(0.3, 0.6),
                    warmth=draw.uniform(-0.4, 0.4),
                    step=0.2,
                )
            )
        for _ in range(2):
            if draw.chance(0.35):
                radii = draw.uniform(0.1, 0.4), draw.uniform(0.12, 0.45)
                stains.append(
                    make_patch(
                        draw,
                        NO_DEFECT,
                        classes.BACKGROUND,
                        place(),
                        radii,
                        contrast=draw.uniform(0.6, 1.25),
                        warmth=draw.uniform(-0.3, 0.6),
                    )
                )
        return Marks(tuple(cracks), tuple(damp), tuple(cables), tuple(stains))


def _crack(draw: Draw, number: int, start: tuple[float, float]) -> Stroke:
    # Cracks run mostly upright or aslant; half of them let warm air out, half are cooler than the wall.
    heading = np.pi / 2 + draw.uniform(-1.2, 1.2)
    warm = draw.uniform(0.5, 2.0)
    return make_stroke(
        draw,
        number,
        classes.CRACK,
        start,
        heading,
        length=draw.uniform(0.6, 2.0),
        width=draw.uniform(0.019, 0.042),
        wander=0.42,
        contrast=draw.uniform(0.12, 0.5),
        warmth=warm if draw.chance(0.5) else -warm,
        step=CRACK_STEP_M,
    )


def wall_extent(points: Float32) -> tuple[tuple[float, float], tuple[float, float]]:
    """Smallest and largest x and z of wall points float32 [3,H,W]."""
    x, z = points[0], points[2]
    return (float(x.min()), float(x.max())), (float(z.min()), float(z.max()))
