"""The street's objects: what kind, where, how large, how warm, and the bodies that the rays meet."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rigsight.edge.frames import Float32, Float64
from rigsight.edge.simulation.primitives import Bodies

SKY, GROUND, HOUSE, CAR, PERSON, POLE, SIGN = range(7)
PARTS_OF_A_PERSON = 6
CELL_M = 12.0
COLUMNS = ("kind", "x", "y", "z", "cos", "sin", "hx", "hy", "hz", "heat", "seed", "texture", "width")


@dataclass
class Things:
    """Objects and their bodies. Object 0 is the sky, 1 the ground."""

    bodies: Bodies = field(default_factory=Bodies)
    rows: list[tuple[float, ...]] = field(default_factory=list)
    albedo: list[Float32] = field(default_factory=list)

    def add(
        self,
        kind: int,
        albedo: Float32,
        centre: tuple[float, float, float] = (0.0, 0.0, 0.0),
        half: tuple[float, float, float] = (0.0, 0.0, 0.0),
        yaw: float = 0.0,
        heat: float = 0.0,
        seed: int = 0,
        texture: float = 0.0,
        width: float = np.inf,
    ) -> int:
        """Enter an object; ``heat`` is kelvin over the air, 0..1 for cars; ``width`` its thinnest side."""
        self.rows.append((kind, *centre, np.cos(yaw), np.sin(yaw), *half, heat, seed, texture, width))
        self.albedo.append(albedo)
        return len(self.rows) - 1

    def extend(self, other: Things) -> None:
        """Enter all objects of another collection that has no sky and no ground of its own."""
        first = len(self.rows)
        self.rows.extend(other.rows)
        self.albedo.extend(other.albedo)
        for body, face in zip(other.bodies.bodies, other.bodies.first_face, strict=True):
            self.bodies.add(body, first + other.bodies.owner[face])

    def table(self) -> dict[str, Float32]:
        """The objects' columns, float32 [N] each."""
        values = np.array(self.rows, dtype=np.float32).T
        return dict(zip(COLUMNS, values, strict=True))


@dataclass(frozen=True)
class Weather:
    """Temperatures in kelvin; the sun's direction is a unit vector towards it; haze is a visibility."""

    air_day: float
    air_night: float
    sun: Float64
    sun_strength: float
    haze_m: float
    cloud: float
    sky_below_air_k: float
