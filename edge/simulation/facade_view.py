"""How the facade looks and how warm it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rigsight.edge.frames import Float32
from rigsight.edge.simulation import primitives, textures
from rigsight.edge.simulation.camera import Eye, box_corners
from rigsight.edge.simulation.layers import add_warmth, apply_contrast, label_layers
from rigsight.edge.simulation.primitives import Bodies
from rigsight.edge.simulation.surface import paint_patches, paint_strokes
from rigsight.edge.simulation.view import MIN_WIDTH_PX, DefectShape, Mask

if TYPE_CHECKING:
    from rigsight.edge.simulation.facade import Facade

WALL, REVEAL, GLASS, SILL, DRAIN = range(5)
FRAME_M = 0.07
DRAIN_RADIUS_M = 0.055
SKY_COLOUR = np.array([0.86, 0.95, 1.06], np.float32)
SPOT_COLOUR = np.array([1.0, 0.97, 0.9], np.float32)
GLASS_COLOUR = np.array([0.7, 0.86, 1.05], np.float32)


class FacadeView:
    """One camera's view of the facade; see ``view.View``."""

    def __init__(self, facade: Facade, eye: Eye, index: int) -> None:
        from rigsight.edge.simulation.facade import WALL_SURFACE, wall_extent

        self.facade, self.eye, self.index = facade, eye, index
        self.day = np.float32(facade.illumination(index))
        self.depth: Float32 = np.float32(-eye.origin[1]) / np.maximum(eye.directions[1], np.float32(1e-3))
        self.kind = np.full(eye.shape, WALL, np.uint8)
        self.bodies = Bodies()
        on_wall = eye.points(self.depth)
        self._cut_windows(*wall_extent(on_wall), on_wall)
        self._cast_bodies(*wall_extent(on_wall))
        self.points = eye.points(self.depth)
        x, y, z = self.points
        first, second = (textures.noise(seed) for seed in facade.texture_seeds)
        u, v = x + 0.7 * y, z + 0.4 * y
        self.coarse = textures.sample(first, u * 90, v * 90)
        self.fine = textures.sample(second, u * 420, v * 420)

        self.marks = facade.marks(*wall_extent(on_wall))
        ragged = np.clip(self.fine, -2, 2) * np.float32(0.5)
        self.cracks = paint_strokes(eye, WALL_SURFACE, x, z, self.marks.cracks, ragged, MIN_WIDTH_PX)
        self.damp = paint_patches(eye, WALL_SURFACE, x, z, self.marks.damp, MIN_WIDTH_PX)
        self.cables = paint_strokes(eye, WALL_SURFACE, x, z, self.marks.cables, 0 * ragged, MIN_WIDTH_PX)
        self.stains = paint_patches(eye, WALL_SURFACE, x, z, self.marks.stains, MIN_WIDTH_PX)
        off_wall = self.kind != WALL
        for layer in (self.cracks, self.damp, self.cables, self.stains):
            layer.item[off_wall] = -1
        self.defect_list: tuple[DefectShape, ...] = (
            *(stroke.shape for stroke in self.marks.cracks),
            *(patch.shape for patch in self.marks.damp),
        )
        self.defects, self.labels = label_layers(
            ((self.damp, len(self.marks.cracks)), (self.cracks, 0)), self.defect_list
        )

    def _cut_windows(self, x: tuple[float, float], z: tuple[float, float], on_wall: Float32) -> None:
        """Where a window is, the ray goes on to the glass or to the sides of the recess."""
        facade, eye = self.facade, self.eye
        half_x, half_z = facade.window_half
        x0, x1 = int((x[0] - half_x) // facade.window_pitch), int((x[1] + half_x) // facade.window_pitch)
        z0, z1 = int((z[0] - half_z) // facade.floor_m), int((z[1] + half_z) // facade.floor_m)
        centres = [
            (i * facade.window_pitch, (k + 0.5) * facade.floor_m)
            for i in range(x0, x1 + 2)
            for k in range(z0 - 1, z1 + 2)
        ]
        self.windows = centres
        low = np.array([(cx - half_x, 0.0, cz - half_z) for cx, cz in centres])
        high = np.array([(cx + half_x, facade.recess, cz + half_z) for cx, cz in centres])
        for bottom, top, block in zip(low, high, eye.blocks(box_corners(low, high)), strict=True):
            if block is None:
                continue
            px, pz = on_wall[0][block], on_wall[2][block]
            inside = (px > bottom[0]) & (px < top[0]) & (pz > bottom[2]) & (pz < top[2])
            dx, dy, dz = eye.directions[(slice(None), *block)]
            ox, oy, oz = eye.origin
            glass = (facade.recess - oy) / dy
            with np.errstate(divide="ignore"):
                side = (np.where(dx > 0, top[0], bottom[0]) - ox) / dx
                sill = (np.where(dz > 0, top[2], bottom[2]) - oz) / dz
            reveal = np.minimum(np.abs(side), np.abs(sill))
            kind = np.where(reveal < glass, REVEAL, GLASS).astype(np.uint8)
            np.copyto(self.depth[block], np.minimum(glass, reveal), where=inside, casting="same_kind")
            np.copyto(self.kind[block], kind, where=inside)

    def _cast_bodies(self, x: tuple[float, float], z: tuple[float, float]) -> None:
        facade = self.facade
        half_x, half_z = facade.window_half
        for cx, cz in self.windows:
            centre = np.array([cx, -0.04, cz - half_z - 0.03])
            self.bodies.add(primitives.box(centre, np.array([half_x + 0.06, 0.045, 0.03])), SILL)
        spacing = facade.pipe_spacing
        for k in range(int(x[0] // spacing), int(x[1] // spacing) + 2):
            centre = np.array([(k + 0.5) * spacing, -0.12, (z[0] + z[1]) / 2])
            self.bodies.add(primitives.cylinder(centre, DRAIN_RADIUS_M, 6.0), DRAIN)
        face = np.zeros(self.eye.shape, np.int32)
        primitives.cast(self.eye, self.bodies, self.depth, face)
        self.face = face
        owner = np.array(self.bodies.owner, dtype=np.uint8)
        np.copyto(self.kind, owner[face], where=face > 0)

    def _frames(self) -> Mask:
        """True on the bars of the windows' frames, bool [H,W]."""
        half_x, half_z = self.facade.window_half
        pitch, floor = self.facade.window_pitch, self.facade.floor_m
        x, _, z = self.points
        across = np.abs(x - pitch * np.round(x / pitch))
        up = np.abs(z - floor * (np.floor(z / floor) + 0.5))
        bars = (across > half_x - FRAME_M) | (up > half_z - FRAME_M) | (across < FRAME_M / 2)
        return np.asarray(bars & (self.kind == GLASS))

    def _lines(self) -> tuple[Mask, Mask]:
        """Mortar of bricks and joints between panels, bool [H,W] each."""
        x, _, z = self.points
        wall = self.kind == WALL
        mortar = np.zeros(self.eye.shape, np.bool_)
        if self.facade.bricks:
            course = z / 0.083
            row = np.floor(course)
            column = x / 0.26 + 0.5 * (row.astype(np.int32) & 1)
            mortar = wall & ((course - row < 0.14) | (column - np.floor(column) < 0.05))
        panel = np.zeros(self.eye.shape, np.bool_)
        if self.facade.panels:
            p = self.facade.panel_m
            panel = wall & (
                (np.abs(x - p * np.round(x / p)) < 0.009) | (np.abs(z - p * np.round(z / p)) < 0.009)
            )
        return mortar, panel

    def _shadow(self) -> Float32:
        """1 in the sun, 0 in the shadow of a neighbouring roof; float32 [H,W]."""
        slope, width, shift = self.facade.shadow
        x, _, z = self.points
        place = (x + slope * z + 0.002 * self.index + shift) / width
        return textures.smooth(np.abs(place - np.round(place)), 0.16, 0.165)

    def radiance(self) -> Float32:
        """Linear RGB float32 [3,H,W]."""
        facade, day = self.facade, self.day
        albedo = np.empty((3, *self.eye.shape), np.float32)
        albedo[:] = facade.wall[:, None, None]
        mortar, panel = self._lines()
        albedo[:, mortar] = (0.75 * facade.wall + 0.08)[:, None]
        albedo[:, panel] *= 0.35
        tone = np.float32(facade.grain) * (self.coarse + np.float32(0.8) * self.fine)
        albedo *= np.maximum(1 + tone, 0.3)
        apply_contrast(albedo, self.stains, [p.contrast for p in self.marks.stains], 0.12, self.coarse)
        apply_contrast(albedo, self.damp, [p.contrast for p in self.marks.damp], 0.12, self.coarse)
        apply_contrast(albedo, self.cables, [s.contrast for s in self.marks.cables], 0.3)
        apply_contrast(albedo, self.cracks, [s.contrast for s in self.marks.cracks], 0.3)
        glass, frames = self.kind == GLASS, self._frames()
        for where, colour in (
            (self.kind == REVEAL, 0.8 * facade.wall),
            (self.kind == SILL, 0.9 * facade.frame),
            (self.kind == DRAIN, np.array([0.36, 0.37, 0.38], np.float32)),
            (glass, np.array([0.03, 0.035, 0.045], np.float32)),
            (frames, facade.frame),
        ):
            albedo[:, where] = colour[:, None]

        dusk = np.float32(1 - abs(2 * day - 1))
        away = self._facing()
        sun = day * np.float32(0.85 * facade.sun_strength) * self._shadow() * away
        sky = (day * np.float32(0.42) + np.float32(0.012)) * (np.float32(0.5) + np.float32(0.5) * away)
        spot = np.zeros_like(sky)
        if day < 0.8:
            x, y, _ = self.eye.rays.directions
            spot = np.exp((x * x + y * y) * np.float32(-14)) * np.float32(5.5) / (self.depth * self.depth + 1)
            spot *= (1 - day / np.float32(0.8)) * away
        sun_colour = np.array([1.0, 0.93 - 0.2 * dusk, 0.82 - 0.4 * dusk], np.float32)
        for k, channel in enumerate(albedo):
            channel *= SKY_COLOUR[k] * sky + sun_colour[k] * sun + SPOT_COLOUR[k] * spot
        mirror = glass & ~frames
        up = np.float32(0.5) + np.float32(0.08) * self.coarse
        up += np.float32(0.2) * (self.points[2] - np.float32(self.eye.origin[2]))
        albedo[:, mirror] += day * np.float32(0.35) * np.clip(up[mirror], 0.1, 1.0) * GLASS_COLOUR[:, None]
        return albedo

    def _facing(self) -> Float32:
        """How far surfaces turn to the sun and the camera's lamp, 0..1; float32 [H,W]."""
        facing = np.ones(self.eye.shape, np.float32)
        bodies = np.flatnonzero(self.face)
        normals = np.array(self.bodies.normal, dtype=np.float32)[self.face.reshape(-1)[bodies]]
        flat = np.maximum(-normals[:, 1], 0) + np.float32(0.25) * np.maximum(normals[:, 2], 0)
        # The drain pipe is the only round thing: its normal follows from the distance to its axis.
        spacing = self.facade.pipe_spacing
        x = self.points[0].reshape(-1)[bodies] * np.float32(1 / spacing)
        across = (x - np.floor(x) - np.float32(0.5)) * np.float32(spacing / DRAIN_RADIUS_M)
        round_ = np.sqrt(np.maximum(1 - across * across, 0)) * np.where(across > 0, 0.8, 1.0)
        drain = self.kind.reshape(-1)[bodies] == DRAIN
        facing.reshape(-1)[bodies] = np.where(drain, round_, flat)
        facing[self.kind == REVEAL] = 0.45
        return facing

    def kelvin(self) -> Float32:
        """Apparent temperature float32 [H,W]."""
        facade, day = self.facade, self.day
        air = np.float32(facade.air_night + day * (facade.air_day - facade.air_night))
        z = self.points[2]
        # Heat leaks at the floor slabs and where the wall is poorly insulated.
        slab = np.abs(z - facade.floor_m * np.round(z / facade.floor_m))
        wall = air + 1.0 + 0.45 * self.coarse + 0.12 * self.fine
        wall += (0.5 + 0.6 * (1 - day)) * np.exp(-((slab / 0.16) ** 2))
        wall += day * np.float32(facade.sun_k * facade.sun_strength) * (0.35 + 0.65 * self._shadow())
        mortar, panel = self._lines()
        wall -= 0.25 * mortar + 0.4 * panel
        for layer, items in (
            (self.stains, self.marks.stains),
            (self.damp, self.marks.damp),
            (self.cables, self.marks.cables),
            (self.cracks, self.marks.cracks),
        ):
            add_warmth(wall, layer, [item.warmth for item in items])
        result = wall
        glass = self.kind == GLASS
        result[glass] = air - 4.0 + 5.0 * (1 - day) + 0.3 * self.coarse[glass]
        result[self._frames()] = air + 0.8
        result[self.kind == REVEAL] = air + 1.6
        result[self.kind == SILL] = air + 0.2 + 3.0 * day
        result[self.kind == DRAIN] = air - 0.8 + 2.0 * day
        return np.asarray(result, dtype=np.float32)
