"""The pipe: a crawl along the inside of a sewer with joints, cracks and deposits.

World: x along the pipe's axis, z up; the wall is the cylinder y^2 + z^2 = radius^2. Surface coordinates are
u = x and v = radius times the angle from the crown, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rigsight.edge.frames import Float64
from rigsight.edge.simulation import classes
from rigsight.edge.simulation.camera import Eye
from rigsight.edge.simulation.pipe_view import PipeView
from rigsight.edge.simulation.splits import Draw, Pools
from rigsight.edge.simulation.surface import Patch, Stroke, Surface, make_patch, make_stroke, near
from rigsight.edge.simulation.view import DefectShape, day_and_night, pose_looking

STEP_S = 0.1
CELL_M = 0.25
VIEW_M = 1.6
CRACK_STEP_M = 0.018
NO_DEFECT = -1


@dataclass(frozen=True)
class Marks:
    """Everything on the wall ahead. Stains and scratches look like defects and are none."""

    cracks: tuple[Stroke, ...]
    deposits: tuple[Patch, ...]
    scratches: tuple[Stroke, ...]
    stains: tuple[Patch, ...]


class Pipe:
    """One crawl, given by the pools of its (seed, split)."""

    def __init__(self, pools: Pools) -> None:
        self.pools = pools
        draw = pools.stream(0)
        self.radius = draw.uniform(0.15, 0.27)
        self.phase = draw.uniform(0.0, 1.0)
        self.start = draw.uniform(0.0, 40.0)
        self.speed = draw.uniform(0.10, 0.2)
        self.sway = [draw.uniform(0.0, 6.28) for _ in range(6)]
        self.texture_seeds = (pools.texture_seed(draw), pools.texture_seed(draw))
        self.wall = draw.colour((0.25, 0.6), 0.22)
        self.grain = draw.uniform(0.09, 0.2)
        self.joint_pitch = draw.uniform(0.45, 0.8)
        self.joint_width = draw.uniform(0.018, 0.028)
        self.joint_shift = draw.uniform(0.0, 1.0)
        self.joint_contrast = draw.uniform(0.3, 0.65)
        self.joint_k = draw.uniform(0.6, 1.8) * (1 if draw.chance(0.5) else -1)
        self.water_half = draw.uniform(0.12, 0.35)
        self.water_k = draw.uniform(-2.0, 2.5)
        self.water_colour = draw.colour((0.05, 0.14), 0.3)
        self.soil_k = draw.uniform(281.0, 291.0)
        self.lamp = np.array([1.0, draw.uniform(0.9, 1.0), draw.uniform(0.75, 1.0)], np.float32)
        self.lamp_k = draw.uniform(0.4, 1.5)
        self.surface = Surface(self._to_world, period_v=2 * np.pi * self.radius)
        self._cells: dict[int, Marks] = {}

    def _to_world(self, uv: Float64) -> Float64:
        angle = uv[..., 1] / self.radius
        return np.stack([uv[..., 0], self.radius * np.sin(angle), self.radius * np.cos(angle)], axis=-1)

    def illumination(self, index: int) -> float:
        """The lamp's strength: 1 full, 0 nearly out (a few per cent are left)."""
        return day_and_night(index, self.phase)

    def pose(self, index: int) -> Float64:
        """T_world_rgb: below the axis, swaying."""
        s, t, r = self.sway, index * STEP_S, self.radius
        return pose_looking(
            (1.0, 0.0, 0.0),
            (
                self.start + self.speed * t,
                r * (0.08 * np.sin(0.7 * t + s[0])),
                r * (-0.08 + 0.05 * np.sin(1.1 * t + s[1])),
            ),
            yaw=0.10 * np.sin(0.37 * t + s[2]),
            pitch=0.08 * np.sin(0.51 * t + s[3]),
            roll=0.05 * np.sin(0.45 * t + s[4]),
        )

    def view(self, eye: Eye, index: int) -> PipeView:
        """What a camera sees at a time step."""
        return PipeView(self, eye, index)

    def joint(self, number: int) -> tuple[float, DefectShape]:
        """Place along the pipe (metres) and shape of a joint; its length is the circumference."""
        x = (number + self.joint_shift) * self.joint_pitch
        length = 2000 * np.pi * self.radius
        return x, DefectShape(10 * (number + 4096) + 9, classes.JOINT, length, 1000 * self.joint_width)

    def marks(self, x: float) -> Marks:
        """All marks from behind the camera at ``x`` to the end of what its lamp reaches."""
        cells = [self._marks_of(k) for k in range(int((x - 0.6) // CELL_M), int((x + VIEW_M) // CELL_M) + 1)]
        window = (x - 0.05, x + VIEW_M), (-np.inf, np.inf)
        return Marks(
            near([stroke for cell in cells for stroke in cell.cracks], *window),
            near([patch for cell in cells for patch in cell.deposits], *window),
            near([stroke for cell in cells for stroke in cell.scratches], *window),
            near([patch for cell in cells for patch in cell.stains], *window),
        )

    def _marks_of(self, cell: int) -> Marks:
        if cell not in self._cells:
            self._cells[cell] = self._make_marks(cell)
        return self._cells[cell]

    def _make_marks(self, cell: int) -> Marks:
        draw = self.pools.stream(1, cell)
        number = 10 * (cell + 4096)
        half_turn = np.pi * self.radius

        def place(lowest: float, highest: float) -> tuple[float, float]:
            """Somewhere in the cell; the angle from the crown is a share of half a turn, on either side."""
            side = 1 if draw.chance(0.5) else -1
            return (cell + draw.uniform(0.0, 1.0)) * CELL_M, side * half_turn * draw.uniform(lowest, highest)

        cracks, deposits, scratches, stains = [], [], [], []
        for n in range(2):
            if draw.chance(0.6):
                cracks.append(_crack(draw, number + n, place(0.0, 0.75)))
        for n in range(2):
            if draw.chance(0.45):
                radii = draw.uniform(0.03, 0.10), draw.uniform(0.025, 0.07)
                contrast, warmth = draw.uniform(0.4, 0.8), draw.uniform(0.8, 2.2)
                sign = 1 if draw.chance(0.6) else -1
                deposits.append(
                    make_patch(
                        draw,
                        number + 4 + n,
                        classes.DEPOSIT,
                        place(0.6, 0.98),
                        radii,
                        contrast,
                        sign * warmth,
                    )
                )
        if draw.chance(0.3):
            scratches.append(
                make_stroke(
                    draw,
                    NO_DEFECT,
                    classes.BACKGROUND,
                    place(0.0, 0.8),
                    draw.uniform(-0.1, 0.1),
                    length=draw.uniform(0.2, 0.5),
                    width=draw.uniform(0.003, 0.006),
                    wander=0.0,
                    contrast=draw.uniform(0.55, 1.5),
                    warmth=draw.uniform(-0.15, 0.15),
                    step=0.05,
                )
            )
        if draw.chance(0.6):
            radii = draw.uniform(0.02, 0.09), draw.uniform(0.02, 0.07)
            stains.append(
                make_patch(
                    draw,
                    NO_DEFECT,
                    classes.BACKGROUND,
                    place(0.0, 0.9),
                    radii,
                    contrast=draw.uniform(0.6, 1.25),
                    warmth=draw.uniform(-0.2, 0.2),
                )
            )
        return Marks(tuple(cracks), tuple(deposits), tuple(scratches), tuple(stains))


def _crack(draw: Draw, number: int, start: tuple[float, float]) -> Stroke:
    # Along the pipe more often than round it; water that comes in makes most of them cold.
    heading = draw.uniform(-0.5, 0.5) if draw.chance(0.65) else np.pi / 2 + draw.uniform(-0.4, 0.4)
    warm = draw.uniform(0.6, 2.2)
    return make_stroke(
        draw,
        number,
        classes.CRACK,
        start,
        heading,
        length=draw.uniform(0.12, 0.4),
        width=draw.uniform(0.006, 0.0115),
        wander=0.4,
        contrast=draw.uniform(0.10, 0.4),
        warmth=warm if draw.chance(0.3) else -warm,
        step=CRACK_STEP_M,
    )
