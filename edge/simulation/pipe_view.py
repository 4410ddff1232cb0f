"""How the pipe's inside looks by the crawler's lamp, and how warm it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rigsight.edge.frames import Float32
from rigsight.edge.simulation import textures
from rigsight.edge.simulation.camera import Eye
from rigsight.edge.simulation.layers import Layer, add_warmth, apply_contrast, label_layers
from rigsight.edge.simulation.surface import paint_patches, paint_strokes
from rigsight.edge.simulation.view import MIN_WIDTH_PX, DefectShape, Mask

if TYPE_CHECKING:
    from rigsight.edge.simulation.pipe import Pipe

FAR_M = 3.0
DEPOSIT_TINT = np.array([1.12, 0.98, 0.78], np.float32)


class PipeView:
    """One camera's view of the pipe; see ``view.View``. Beyond ``FAR_M`` nothing is hit."""

    def __init__(self, pipe: Pipe, eye: Eye, index: int) -> None:
        self.pipe, self.eye, self.index = pipe, eye, index
        self.light = np.float32(0.2 + 0.8 * pipe.illumination(index))
        _, dy, dz = eye.directions
        _, oy, oz = (np.float32(value) for value in eye.origin)
        a = dy * dy + dz * dz
        b = oy * dy + oz * dz
        c = np.float32(oy * oy + oz * oz - pipe.radius**2)
        leave = (np.sqrt(b * b - a * c) - b) / np.maximum(a, np.float32(1e-9))
        self.depth: Float32 = np.minimum(leave, np.float32(FAR_M))
        self.points = eye.points(self.depth)
        x, y, z = self.points
        self.v = np.arctan2(y, z) * np.float32(pipe.radius)
        self.u = x
        # Two and six times round: the textures close at the seam.
        turn = np.float32(textures.SIZE / (2 * np.pi * pipe.radius))
        first, second = (textures.noise(seed) for seed in pipe.texture_seeds)
        self.coarse = textures.sample(first, x * turn, self.v * turn)
        self.fine = textures.sample(second, x * (3 * turn), self.v * (3 * turn))
        self.fine *= np.minimum(1, np.float32(0.3) / self.depth)

        v = self.v
        self.marks = pipe.marks(float(eye.origin[0]))
        ragged = np.clip(self.fine, -2, 2) * np.float32(0.5)
        straight = np.zeros_like(ragged)
        self.cracks = paint_strokes(eye, pipe.surface, x, v, self.marks.cracks, ragged, MIN_WIDTH_PX)
        self.deposits = paint_patches(eye, pipe.surface, x, v, self.marks.deposits, 3 * MIN_WIDTH_PX)
        self.scratches = paint_strokes(eye, pipe.surface, x, v, self.marks.scratches, straight, MIN_WIDTH_PX)
        self.stains = paint_patches(eye, pipe.surface, x, v, self.marks.stains, MIN_WIDTH_PX)
        self.joints, shapes = self._joints()
        cracks, deposits = len(self.marks.cracks), len(self.marks.deposits)
        self.defect_list: tuple[DefectShape, ...] = (
            *(stroke.shape for stroke in self.marks.cracks),
            *(patch.shape for patch in self.marks.deposits),
            *shapes,
        )
        self.defects, self.labels = label_layers(
            ((self.joints, cracks + deposits), (self.cracks, 0), (self.deposits, cracks)), self.defect_list
        )
        self.depth[leave >= FAR_M] = np.inf

    def _joints(self) -> tuple[Layer, list[DefectShape]]:
        """Rings round the pipe: nearest one for every pixel."""
        pipe = self.pipe
        layer = Layer.empty(self.eye.shape)
        first = int(np.floor(self.eye.origin[0] / pipe.joint_pitch - pipe.joint_shift))
        count = int(FAR_M / pipe.joint_pitch) + 3
        places, shapes = zip(*(pipe.joint(first + k) for k in range(count)), strict=True)
        number = np.round(self.u * np.float32(1 / pipe.joint_pitch) - np.float32(pipe.joint_shift + first))
        away = np.abs(self.u - (number + np.float32(pipe.joint_shift + first)) * np.float32(pipe.joint_pitch))
        np.maximum(1 - away * np.float32(2 / pipe.joint_width), 0, out=layer.inside)
        covered = (layer.inside > 0) & (number >= 0) & (number < count)
        layer.item[covered] = number[covered].astype(np.int32)
        # A ring's width shrinks with the square of its distance: width * f * radius / z^2.
        ahead = np.maximum(np.array(places) - self.eye.origin[0], 0.02)
        wide = pipe.joint_width * self.eye.focal_px * pipe.radius / ahead**2 >= MIN_WIDTH_PX
        layer.resolved = wide[np.maximum(layer.item, 0)]
        return layer, list(shapes)

    def _water(self) -> Mask:
        """True where water stands in the invert, bool [H,W]."""
        pipe = self.pipe
        angle = np.pi - np.abs(self.v) * np.float32(1 / pipe.radius)
        return np.asarray(angle < np.float32(pipe.water_half) * (1 + np.float32(0.12) * self.coarse))

    def radiance(self) -> Float32:
        """Linear RGB float32 [3,H,W]."""
        pipe, marks = self.pipe, self.marks
        albedo = np.empty((3, *self.eye.shape), np.float32)
        albedo[:] = pipe.wall[:, None, None]
        albedo *= np.maximum(1 + np.float32(pipe.grain) * (self.coarse + 0.9 * self.fine), 0.25)
        # Slime creeps up from the water line.
        slime = textures.smooth(np.abs(self.v) * np.float32(1 / pipe.radius) + 0.25 * self.coarse, 1.6, 2.6)
        for channel, share in zip(albedo, (0.36, 0.34, 0.45), strict=True):
            channel *= 1 - np.float32(share) * slime
        apply_contrast(albedo, self.stains, [p.contrast for p in marks.stains], 0.2, self.coarse)
        apply_contrast(albedo, self.scratches, [s.contrast for s in marks.scratches], 0.4)
        apply_contrast(albedo, self.joints, [pipe.joint_contrast] * int(self.joints.item.max() + 1), 0.35)
        apply_contrast(albedo, self.cracks, [s.contrast for s in marks.cracks], 0.3)
        water = self._water()
        albedo[:, water] = pipe.water_colour[:, None] * (1 + 0.1 * self.coarse[water])
        deposit = self.deposits.item >= 0
        albedo[:, deposit] = 0.5 * albedo[:, deposit] + 0.16 * DEPOSIT_TINT[:, None]
        apply_contrast(albedo, self.deposits, [p.contrast for p in marks.deposits], 0.15, self.fine)
        bump = textures.smooth(self.deposits.inside, 0.0, 0.6)

        # The lamp sits at the camera: inverse square, a wide beam, and the wall's slant.
        d = self.eye.directions
        _, y, z = self.points
        length2 = np.einsum("khw,khw->hw", d, d)
        distance2 = self.depth * self.depth * length2
        slant = np.abs(d[1] * y + d[2] * z) * np.float32(1 / pipe.radius) / np.sqrt(length2)
        light = self.light * (np.float32(0.12) + np.float32(0.88) * slant + np.float32(0.25) * bump)
        light *= np.float32(0.075) / (distance2 + np.float32(0.035))
        light[~np.isfinite(self.depth)] = 0
        result = albedo * (light * pipe.lamp[:, None, None])
        # Wet bottom: the lamp's glint breaks up on the ripples.
        glint = water & (self.fine + 0.6 * self.coarse > 1.1)
        result[:, glint] += np.float32(0.35) * light[glint] * pipe.lamp[:, None]
        return np.asarray(result, dtype=np.float32)

    def kelvin(self) -> Float32:
        """Apparent temperature float32 [H,W]."""
        pipe, marks = self.pipe, self.marks
        result = np.float32(pipe.soil_k) + 0.35 * self.coarse + 0.12 * self.fine
        result += (
            np.float32(0.5) * np.sin(self.u * np.float32(1.7))
            + np.cos(self.v * np.float32(1 / pipe.radius)) * 0.5
        )
        # The crawler's lamp and motor warm what is near.
        near_wall = np.where(np.isfinite(self.depth), self.depth, np.float32(FAR_M))
        result += np.float32(pipe.lamp_k) / (1 + (near_wall / 0.25) ** 2)
        add_warmth(result, self.stains, [p.warmth for p in marks.stains])
        add_warmth(result, self.scratches, [s.warmth for s in marks.scratches])
        add_warmth(result, self.joints, [pipe.joint_k] * int(self.joints.item.max() + 1))
        add_warmth(result, self.cracks, [s.warmth for s in marks.cracks])
        result[self._water()] += pipe.water_k
        add_warmth(result, self.deposits, [p.warmth for p in marks.deposits])
        return np.asarray(result, dtype=np.float32)
