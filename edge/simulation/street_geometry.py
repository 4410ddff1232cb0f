"""What the rays met in the street: surfaces, labels, shadows and the parts of houses and cars."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rigsight.edge.frames import Float32, Float64, UInt8
from rigsight.edge.simulation import classes, primitives, textures
from rigsight.edge.simulation.camera import Eye, Indices, box_corners
from rigsight.edge.simulation.things import CAR, CELL_M, GROUND, HOUSE, PARTS_OF_A_PERSON, PERSON, POLE, SIGN
from rigsight.edge.simulation.view import MIN_AREA_PX, DefectShape, Int32, Mask

if TYPE_CHECKING:
    from rigsight.edge.simulation.street import Street

_CLASS_OF_KIND = np.zeros(7, np.uint8)
_CLASS_OF_KIND[[CAR, PERSON, POLE, SIGN]] = classes.CAR, classes.PERSON, classes.POLE, classes.POLE

POLE_WIDTH_PX = 2.5


class StreetGeometry:
    """One camera's view of the street before light and heat; see ``view.View``."""

    defect_list: tuple[DefectShape, ...] = ()

    def __init__(self, street: Street, eye: Eye, index: int) -> None:
        self.street, self.eye, self.index = street, eye, index
        self.day = street.illumination(index)
        self.things = street.things(index)
        height, width = eye.shape
        self.depth: Float32 = np.full((height, width), np.inf, np.float32)
        face = np.zeros((height, width), np.int32)
        self._cast_ground(face)
        primitives.cast(eye, self.things.bodies, self.depth, face)
        self.face = face
        self.object = np.array(self.things.bodies.owner, dtype=np.int32)[face]
        self.table = self.things.table()
        self.sky = face == primitives.NOTHING
        self.near_depth = np.where(self.sky, np.float32(0), self.depth)
        self.points = eye.points(self.near_depth)
        self.defects: Int32 = np.full((height, width), -1, np.int32)
        self.labels = self._labels()

    def _cast_ground(self, face: Int32) -> None:
        slope = self.eye.directions[2]
        ground = slope < -1e-5
        np.divide(np.float32(-self.eye.origin[2]), slope, out=self.depth, where=ground)
        face[ground] = GROUND

    def _labels(self) -> UInt8:
        kinds = self.table["kind"].astype(np.uint8)
        wanted = _CLASS_OF_KIND[kinds]
        count = np.bincount(self.object.reshape(-1), minlength=len(kinds))
        wanted[count < MIN_AREA_PX] = classes.BACKGROUND
        # The head of a far person is small, the person is not: parts of a kind at one place count together.
        people = np.flatnonzero(kinds == PERSON)
        together = count[people].reshape(-1, PARTS_OF_A_PERSON).sum(axis=1)
        wanted[people] = np.repeat(
            np.where(together < MIN_AREA_PX, classes.BACKGROUND, classes.PERSON), PARTS_OF_A_PERSON
        )
        centres = np.stack([self.table["x"], self.table["y"], self.table["z"]], axis=1)
        away = (centres - self.eye.origin) @ self.eye.T_world_camera[:3, 2]
        thin = self.table["width"] * self.eye.focal_px < POLE_WIDTH_PX * away
        wanted[thin] = classes.BACKGROUND
        labels: UInt8 = wanted[self.object]
        road = (self.object == GROUND) & (np.abs(self.points[1]) < self.street.half_road)
        labels[road] = classes.ROAD
        return labels

    @cached_property
    def coarse(self) -> Float32:
        """Texture with grains of decimetres, float32 [H,W]."""
        x, y, z = self.points
        u, v = x + np.float32(0.83) * z, y + np.float32(0.61) * z
        return textures.sample(textures.noise(self.street.texture_seeds[0]), u * 22, v * 22)

    @cached_property
    def fine(self) -> Float32:
        """Texture with grains of centimetres; far away a pixel covers many, which cancel; float32 [H,W]."""
        x, y, z = self.points
        u, v = x + np.float32(0.83) * z, y + np.float32(0.61) * z
        found = textures.sample(textures.noise(self.street.texture_seeds[1]), u * 140, v * 140)
        found *= np.minimum(1, 9 / (self.near_depth + np.float32(0.1)))
        return found

    def facing(self, direction: Float64) -> Float32:
        """Cosine between the surfaces' normals and a world direction [3], float32 [H,W]."""
        table = (self._normals @ direction).astype(np.float32)
        result = table[self.face]
        where, normals = self._curved
        result.reshape(-1)[where] = direction.astype(np.float32) @ normals
        return result

    @cached_property
    def _normals(self) -> Float64:
        return np.array(self.things.bodies.normal)

    @cached_property
    def _curved(self) -> tuple[Indices, Float32]:
        return primitives.curved_normals(self.things.bodies, self.face, self.points)

    @cached_property
    def upward(self) -> Float32:
        """The normals' z component, float32 [H,W]."""
        return self.facing(np.array([0.0, 0.0, 1.0]))

    @cached_property
    def sunlit(self) -> Float32:
        """Cosine of the sun's angle, zero in the shadow of the houses; float32 [H,W]."""
        facing = np.maximum(self.facing(self.street.weather.sun), 0)
        sun = self.street.weather.sun.astype(np.float32)
        if abs(sun[1]) < 0.05:
            return facing
        row = np.sign(sun[1])
        steps = (row * np.float32(self.street.half_street + 0.6) - self.points[1]) / sun[1]
        x = self.points[0] + steps * sun[0]
        z = self.points[2] + steps * sun[2]
        first = int(np.floor(self.eye.origin[0] / CELL_M)) - 6
        heights = self.street.house_heights(first, 28)[0 if row > 0 else 1]
        cell = np.clip(x * np.float32(1 / CELL_M) - first, 0, 27).astype(np.int32)
        shaded = (z < heights[cell]) & (steps > 0.3)
        facing[shaded] = 0
        return facing

    @cached_property
    def contact(self) -> Float32:
        """Less sky reaches the ground under and beside cars: a factor, float32 [H,W]."""
        factor = np.ones(self.eye.shape, np.float32)
        table = self.table
        cars = np.flatnonzero(table["kind"] == CAR)
        if len(cars) == 0:
            return factor
        reach = 0.5
        low, high = [], []
        for k in cars:
            extent = max(table["hx"][k], table["hy"][k]) + reach
            low.append((table["x"][k] - extent, table["y"][k] - extent, 0.0))
            high.append((table["x"][k] + extent, table["y"][k] + extent, 0.01))
        blocks = self.eye.blocks(box_corners(np.array(low), np.array(high)))
        for k, block in zip(cars, blocks, strict=True):
            if block is None:
                continue
            dx = self.points[0][block] - table["x"][k]
            dy = self.points[1][block] - table["y"][k]
            lx = np.abs(table["cos"][k] * dx + table["sin"][k] * dy) - table["hx"][k]
            ly = np.abs(table["cos"][k] * dy - table["sin"][k] * dx) - table["hy"][k]
            outside = np.maximum(np.maximum(lx, ly), 0) + 2 * np.maximum(self.points[2][block] - 0.15, 0)
            shade = 1 - 0.75 * np.maximum(1 - outside / reach, 0)
            np.minimum(factor[block], shade, out=factor[block])
        factor[self.object != GROUND] = 1
        return factor

    def pixels(self, kind: int) -> tuple[Indices, Int32, Float32]:
        """Flat indices of a kind's pixels, their object numbers, and their points [3,n]."""
        kinds = self.table["kind"] == kind
        where = np.flatnonzero(kinds[self.object])
        return where, self.object.reshape(-1)[where], self.points.reshape(3, -1)[:, where]

    def house_windows(self) -> tuple[Indices, Int32, Mask, Mask, Mask]:
        """House pixels, object numbers, and masks: glass, frame, lit glass."""
        where, thing, points = self.pixels(HOUSE)
        seed = self.table["seed"][thing]
        pitch = 1.9 + 0.0002 * seed
        u, v = (points[0] + points[1]) / pitch, points[2] / 3.1
        column, floor = np.floor(u), np.floor(v)
        a, b = np.abs(u - column - 0.5), v - floor
        below_eaves = points[2] < 2 * self.table["hz"][thing] - 0.7
        wide = np.where(floor == 0, 0.42, 0.24 + 0.00003 * seed)
        glass = (a < wide) & (b > np.where(floor == 0, 0.12, 0.28)) & (b < 0.80) & below_eaves
        frame = (a < wide + 0.06) & (b > 0.2) & (b < 0.86) & below_eaves & ~glass
        lit = glass & (textures.hash01(column, floor * 4096 + seed, self.street.style) < 0.3)
        return where, thing, glass, frame, lit

    def car_parts(self) -> tuple[Indices, Int32, Float32, Float32, dict[str, Mask]]:
        """Car pixels, object numbers, local x relative to half length, and masks of the parts."""
        where, thing, points = self.pixels(CAR)
        table = self.table
        dx, dy = points[0] - table["x"][thing], points[1] - table["y"][thing]
        cos, sin = table["cos"][thing], table["sin"][thing]
        lx, ly, z = cos * dx + sin * dy, cos * dy - sin * dx, points[2]
        hx, hy, hz = table["hx"][thing], table["hy"][thing], table["hz"][thing]
        along, across, up = lx / hx, np.abs(ly) / hy, z / hz
        side = across > 0.94 - 0.06 * np.minimum(up, 1)
        front, back = along > 0.93, along < -0.93
        hub = np.minimum((lx - 0.62 * hx) ** 2, (lx + 0.60 * hx) ** 2) + (z - 0.33) ** 2
        van = hz > 0.9
        glass_band = (up > np.where(van, 1.15, 1.22)) & (up < 1.86)
        pillar = side & ((np.abs(along + 0.12) < 0.035) | (along < -0.75) | (van & (along < 0.35)))
        parts = {
            "wheel": (side | (across > 0.8)) & (hub < 0.33**2),
            "rim": side & (hub < 0.18**2),
            "glass": glass_band & ~pillar & ~(van & back),
            "sill": up < 0.26,
            "lamp": front & (across > 0.58) & (up > 0.62) & (up < 0.92),
            "tail": back & (across > 0.66) & (up > 0.66) & (up < 1.02),
            "grille": front & (across < 0.5) & (up > 0.4) & (up < 0.75),
            "roof": up > 1.93,
        }
        return where, thing, along, up, parts
