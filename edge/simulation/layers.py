"""What strokes and patches cover on a picture, and how that changes labels, colour and temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rigsight.edge.frames import Float32, UInt8
from rigsight.edge.simulation import classes, textures
from rigsight.edge.simulation.view import MIN_AREA_PX, DefectShape, Int32, Mask


@dataclass
class Layer:
    """What a set of strokes or patches covers, per pixel.

    ``item`` int32 [H,W] is the index of the item (-1: none), ``inside`` float32 [H,W] is 0 at its edge and
    outside, 1 on a stroke's middle line or a patch's centre. ``resolved`` bool [H,W] is True where the item
    is wide enough on the picture to be labelled.
    """

    item: Int32
    inside: Float32
    resolved: Mask

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Layer:
        """A layer that covers nothing."""
        return cls(np.full(shape, -1, np.int32), np.zeros(shape, np.float32), np.zeros(shape, np.bool_))


def label_layers(
    layers: tuple[tuple[Layer, int], ...], shapes: tuple[DefectShape, ...]
) -> tuple[Int32, UInt8]:
    """Defect index int32 [H,W] and labels uint8 [H,W] of layers, later ones on top.

    Each layer comes with the index of its first item in ``shapes``. Items with too few pixels are dropped.
    """
    defects: Int32 = np.full(layers[0][0].item.shape, -1, np.int32)
    for layer, first in layers:
        covered = (layer.item >= 0) & layer.resolved
        np.copyto(defects, layer.item + np.int32(first), where=covered)
    count = np.bincount(defects.reshape(-1) + 1, minlength=len(shapes) + 1)[1:]
    keep = np.append(np.where(count >= MIN_AREA_PX, np.arange(len(shapes)), -1), -1).astype(np.int32)
    defects = keep[defects]
    table = np.array([*(shape.class_id for shape in shapes), classes.BACKGROUND], dtype=np.uint8)
    return defects, table[defects]


def apply_contrast(
    albedo: Float32, layer: Layer, contrasts: list[float], soft: float, mottle: Float32 | None = None
) -> None:
    """Multiply the albedo float32 [3,H,W] inside the items; the edge reaches ``soft`` (0..1) inwards."""
    where = np.flatnonzero(layer.item >= 0)
    if len(where) == 0:
        return
    full = np.array(contrasts, dtype=np.float32)[layer.item.reshape(-1)[where]]
    depth = textures.smooth(layer.inside.reshape(-1)[where], 0.0, soft)
    if mottle is not None:
        depth = depth * np.clip(0.8 + 0.25 * mottle.reshape(-1)[where], 0.3, 1.2)
    factor = 1 + depth * (full - 1)
    for channel in albedo.reshape(3, -1):
        channel[where] *= factor


def add_warmth(kelvin: Float32, layer: Layer, warmth: list[float]) -> None:
    """Add the items' temperature differences, strongest in the middle."""
    where = np.flatnonzero(layer.item >= 0)
    if len(where) == 0:
        return
    full = np.array(warmth, dtype=np.float32)[layer.item.reshape(-1)[where]]
    share = 0.45 + 0.55 * textures.smooth(layer.inside.reshape(-1)[where], 0.0, 0.5)
    kelvin.reshape(-1)[where] += full * share
