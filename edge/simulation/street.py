"""The street: a drive between rows of houses, with parked and moving cars, people and poles.

World: x along the street, y left, z up; metres. The street has no end: it is made in cells of 12 m, each
from its own stream of draws.
"""

from __future__ import annotations

import numpy as np

from rigsight.edge.frames import Float32, Float64
from rigsight.edge.simulation import primitives
from rigsight.edge.simulation.camera import Eye
from rigsight.edge.simulation.splits import Draw, Pools
from rigsight.edge.simulation.street_view import StreetView
from rigsight.edge.simulation.things import (
    CAR,
    CELL_M,
    GROUND,
    HOUSE,
    PERSON,
    POLE,
    SIGN,
    SKY,
    Things,
    Weather,
)
from rigsight.edge.simulation.view import day_and_night, pose_looking

CELLS_AHEAD = 8
CELLS_NEAR = 7
CELLS_KEPT = 256
STEP_S = 0.1
TRAFFIC_LOOP_M = 110.0
TRAFFIC_BEHIND_M = 12.0
LANE_Y_M = 1.75


class Street:
    """One drive, given by the pools of its (seed, split)."""

    def __init__(self, pools: Pools) -> None:
        self.pools = pools
        draw = pools.stream(0)
        self.half_road = draw.uniform(4.9, 6.6)
        self.half_street = self.half_road + draw.uniform(2.4, 4.2)
        self.speed = draw.uniform(4.0, 9.0)
        self.start = draw.uniform(0.0, 500.0)
        self.phase = draw.uniform(0.0, 1.0)
        self.sway = [draw.uniform(0.0, 6.28) for _ in range(5)]
        self.height = draw.uniform(1.45, 1.9)
        azimuth, elevation = draw.uniform(-np.pi, np.pi), draw.uniform(0.45, 1.1)
        self.weather = Weather(
            air_day=draw.uniform(279.0, 302.0),
            air_night=draw.uniform(272.0, 290.0),
            sun=np.array(
                [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)]
            ),
            sun_strength=draw.uniform(0.15, 1.0),
            haze_m=draw.uniform(120.0, 500.0),
            cloud=draw.uniform(0.2, 1.0),
            sky_below_air_k=draw.uniform(5.0, 14.0),
        )
        self.texture_seeds = (pools.texture_seed(draw), pools.texture_seed(draw))
        self.asphalt = draw.colour((0.10, 0.20), 0.05)
        self.pavement = draw.colour((0.25, 0.42), 0.08)
        self.lamp_colour = np.array([1.0, draw.uniform(0.62, 0.95), draw.uniform(0.3, 0.85)], np.float32)
        self.road_warmth = draw.uniform(4.0, 14.0)
        self.crowd = draw.uniform(0.5, 1.3)
        self.has_leader = draw.chance(0.6)
        self.style = int(pools.stream(1).rng.integers(1 << 20))
        self._latest: tuple[int, Things] | None = None
        self._cells: dict[tuple[int, int, bool], Things] = {}
        self._heights: dict[tuple[int, int], float] = {}

    def illumination(self, index: int) -> float:
        """1 by day, 0 at night."""
        return day_and_night(index, self.phase)

    def pose(self, index: int) -> Float64:
        """T_world_rgb: the car keeps its lane and nods a little."""
        s, t = self.sway, index * STEP_S
        return pose_looking(
            (1.0, 0.0, 0.0),
            (self.start + self.speed * t, -LANE_Y_M + 0.25 * np.sin(0.3 * t + s[0]), self.height),
            yaw=0.02 * np.sin(0.5 * t + s[1]),
            pitch=-0.03 + 0.008 * np.sin(2.1 * t + s[2]) + 0.004 * np.sin(5.3 * t + s[3]),
            roll=0.008 * np.sin(0.9 * t + s[4]),
        )

    def house_heights(self, first: int, count: int) -> Float32:
        """Eaves of both rows, float32 [2 (left, right), count], metres, for cells from ``first`` on."""
        for cell in range(first, first + count):
            for side in (1, -1):
                if (cell, side) not in self._heights:
                    self._heights[cell, side] = self._house(cell, side)[0]
        return np.array(
            [[self._heights[cell, side] for cell in range(first, first + count)] for side in (1, -1)],
            dtype=np.float32,
        )

    def _house(self, cell: int, side: int) -> tuple[float, Draw]:
        draw = self.pools.stream(2, cell, side)
        return (draw.uniform(5.5, 17.0) if draw.chance(0.92) else 0.0), draw

    def things(self, index: int) -> Things:
        """All that stands or moves in front of the cameras at a time step."""
        if self._latest is None or self._latest[0] != index:
            self._latest = (index, self._make_things(index))
        return self._latest[1]

    def _make_things(self, index: int) -> Things:
        t = index * STEP_S
        x = float(self.pose(index)[0, 3])
        things = Things()
        things.add(SKY, np.zeros(3, np.float32))
        things.add(GROUND, self.asphalt, texture=0.16)
        things.bodies.owner.append(1)
        things.bodies.normal.append(np.array([0.0, 0.0, 1.0]))
        first = int(np.floor(x / CELL_M)) - 1
        for cell in range(first, first + CELLS_AHEAD + 2):
            for side in (1, -1):
                things.extend(self._still(cell, side, near=cell < first + CELLS_NEAR))
                if cell < first + CELLS_NEAR:
                    self._add_people(things, cell, side, t)
        self._add_traffic(things, x, t)
        return things

    def _still(self, cell: int, side: int, near: bool) -> Things:
        """What never moves in a cell, kept for the next time step: the house, and near by all the rest."""
        key = (cell, side, near)
        if key not in self._cells:
            if len(self._cells) >= CELLS_KEPT:
                self._cells.clear()
            things = Things()
            self._add_house(things, cell, side)
            if near:
                self._add_street_furniture(things, cell, side)
                self._add_parked_car(things, cell, side)
            self._cells[key] = things
        return self._cells[key]

    def _add_house(self, things: Things, cell: int, side: int) -> None:
        height, draw = self._house(cell, side)
        if height == 0:
            return
        depth = 5.0
        y = side * (self.half_street + draw.uniform(0.0, 1.2) + depth)
        half = np.array([CELL_M / 2 - (0.6 if draw.chance(0.3) else 0.0), depth, height / 2])
        centre = np.array([(cell + 0.5) * CELL_M, y, height / 2])
        number = things.add(
            HOUSE,
            draw.colour((0.18, 0.6), 0.35),
            tuple(centre),
            tuple(half),
            heat=draw.uniform(-1.0, 4.0),
            seed=int(draw.rng.integers(4096)),
            texture=draw.uniform(0.05, 0.16),
        )
        things.bodies.add(primitives.box(centre, half), number)

    def _add_street_furniture(self, things: Things, cell: int, side: int) -> None:
        draw = self.pools.stream(3, cell, side)
        if not draw.chance(0.75):
            return
        x = (cell + draw.uniform(0.15, 0.85)) * CELL_M
        y = side * (self.half_road + draw.uniform(0.35, 0.7))
        radius = draw.uniform(0.09, 0.16)
        lamp = draw.chance(0.5)
        height = draw.uniform(4.5, 6.5) if lamp else draw.uniform(2.6, 3.4)
        albedo = draw.colour((0.12, 0.45), 0.15)
        heat = draw.uniform(-2.5, 2.5)
        centre = np.array([x, y, height / 2])
        number = things.add(POLE, albedo, tuple(centre), heat=heat, texture=0.06, width=2 * radius)
        things.bodies.add(primitives.cylinder(centre, radius, height / 2), number)
        if lamp:
            half, head = np.array([0.16, 0.5, 0.09]), np.array([x, y - side * 0.45, height])
        else:
            half, head = np.array([0.03, draw.uniform(0.28, 0.4), draw.uniform(0.28, 0.4)]), centre.copy()
            head[0], head[2] = x - radius - 0.04, height - half[2]
        plate = albedo if lamp else draw.colour((0.35, 0.6), 0.8)
        number = things.add(
            SIGN, plate, tuple(head), tuple(half), heat=heat, seed=int(lamp), width=2 * radius
        )
        things.bodies.add(primitives.box(head, half), number)

    def _add_parked_car(self, things: Things, cell: int, side: int) -> None:
        draw = self.pools.stream(4, cell, side)
        if draw.chance(0.55):
            x = (cell + draw.uniform(0.25, 0.75)) * CELL_M
            yaw = (0.0 if side < 0 else np.pi) + draw.uniform(-0.05, 0.05)
            heat = max(0.0, draw.uniform(-0.6, 0.8))
            self._add_car(things, draw, x, side * (self.half_road - 1.1), yaw, heat, moving=False)

    def _add_traffic(self, things: Things, x: float, t: float) -> None:
        for slot in range(3):
            phase = self.pools.stream(5, slot)
            travelled = (self.speed + phase.uniform(5.0, 9.0)) * t
            along = phase.uniform(0.0, TRAFFIC_LOOP_M / 3) + slot * TRAFFIC_LOOP_M / 3 - travelled
            lap = int(np.floor(along / TRAFFIC_LOOP_M))
            draw = self.pools.stream(6, slot, lap)
            if draw.chance(0.7):
                ahead = along - lap * TRAFFIC_LOOP_M - TRAFFIC_BEHIND_M
                self._add_car(things, draw, x + ahead, LANE_Y_M, np.pi, draw.uniform(0.6, 1.0), moving=True)
        if self.has_leader:
            draw = self.pools.stream(7)
            gap = draw.uniform(15.0, 26.0) + 6.0 * np.sin(0.25 * t + draw.uniform(0.0, 6.0))
            self._add_car(things, draw, x + gap, -LANE_Y_M, 0.0, draw.uniform(0.6, 1.0), moving=True)

    def _add_car(
        self, things: Things, draw: Draw, x: float, y: float, yaw: float, heat: float, moving: bool
    ) -> None:
        van = draw.chance(0.18)
        half = np.array(
            [
                draw.uniform(1.9, 2.4),
                draw.uniform(0.84, 0.95),
                draw.uniform(0.7, 0.86) * (1.25 if van else 1.0),
            ]
        )
        grey = draw.chance(0.55)
        albedo = draw.colour((0.03, 0.6), 0.04) if grey else draw.colour((0.08, 0.3), 0.9)
        number = things.add(
            CAR,
            albedo,
            (x, y, half[2]),
            tuple(half),
            yaw,
            heat,
            seed=2 * int(draw.rng.integers(64)) + int(moving),
            texture=0.02,
        )
        belt = half[2] * (1.0 if van else 0.58)
        low = 0.06
        body = primitives.box(
            np.array([x, y, low + (2 * belt - low) / 2]),
            np.array([half[0], half[1], (2 * belt - low) / 2]),
            yaw,
            np.array([0.35 if van else 0.12, 0.05, 0.06, 0.06]),
        )
        things.bodies.add(body, number)
        if van:
            return
        turn = np.array([np.cos(yaw), np.sin(yaw)])
        estate = draw.chance(0.4)
        centre = np.array([x, y]) - turn * (0.14 if estate else 0.06) * half[0]
        cabin_half = np.array([half[0] * (0.74 if estate else 0.60), half[1] * 0.93, half[2] - belt])
        cabin = primitives.box(
            np.array([*centre, half[2] + belt]),
            cabin_half,
            yaw,
            np.array([0.62, 0.2 if estate else 0.5, 0.16, 0.16]),
        )
        things.bodies.add(cabin, number)

    def _add_people(self, things: Things, cell: int, side: int, t: float) -> None:
        draw = self.pools.stream(8, cell, side)
        for k in range(int(draw.rng.poisson(0.75 * self.crowd))):
            person = self.pools.stream(9, cell, side, k)
            speed = person.uniform(0.8, 1.6) * (1 if person.chance(0.5) else -1)
            since = t - ((cell + 0.5) * CELL_M - 12.0 - self.start) / self.speed
            x = (cell + person.uniform(0.0, 1.0)) * CELL_M
            y = side * (self.half_road + person.uniform(0.9, 2.2))
            if person.chance(0.3):  # somebody crosses the road
                y, yaw = y - side * 1.2 * (since + 3.0), -side * np.pi / 2
                if abs(y) > self.half_street:
                    continue
            else:
                x, yaw = x + speed * since, 0.0 if speed > 0 else np.pi
            self._add_person(things, person, x, y, yaw, speed * t)

    def _add_person(self, things: Things, draw: Draw, x: float, y: float, yaw: float, walked: float) -> None:
        size = draw.uniform(0.9, 1.1)
        top, trousers = draw.colour((0.04, 0.5), 0.7), draw.colour((0.04, 0.35), 0.4)
        skin = draw.uniform(0.12, 0.45) * np.array([1.15, 0.85, 0.7], np.float32)
        clothing = draw.uniform(3.0, 8.0)
        stride = 0.42 * np.sin(walked * 4.4)
        facing = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        ground = np.array([x, y, 0.0])

        def up(height: float) -> Float64:
            return np.array([0.0, 0.0, height * size])

        def part(
            albedo: Float32, heat: float, centre: Float64, radii: tuple[float, float, float], lean: float
        ) -> None:
            number = things.add(PERSON, albedo, tuple(centre), heat=heat, seed=int(heat == 0), texture=0.05)
            body = primitives.ellipsoid(centre, size * np.array(radii), yaw, lean)
            things.bodies.add(body, number)

        left = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
        for sign in (1, -1):
            foot = 0.20 * sign * stride * facing + 0.08 * sign * left
            hand = -0.16 * sign * stride * facing + 0.225 * sign * left
            part(
                trousers,
                clothing - 1.0,
                ground + foot + up(0.44),
                (0.09, 0.09, 0.47),
                -sign * 0.5 * stride,
            )
            part(
                top,
                clothing - 0.5,
                ground + hand + up(1.13),
                (0.065, 0.065, 0.33),
                sign * 0.5 * stride,
            )
        part(top, clothing, ground + up(1.14), (0.15, 0.21, 0.38), 0.04)
        part(skin, 0.0, ground + up(1.62), (0.11, 0.10, 0.145), 0.0)

    def view(self, eye: Eye, index: int) -> StreetView:
        """What a camera sees at a time step."""
        return StreetView(self, eye, index)
