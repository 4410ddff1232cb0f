"""Paired augmentation: both modalities and the labels move together, the AGC's bounds wander."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.edge.agc import PercentileAgc
from rigsight.edge.frames import UNLABELLED, Image, UInt8
from rigsight.training.config import Augmentation


@dataclass(frozen=True)
class Sample:
    """What the network sees of one set: ``rgb`` uint8 [H,W,3], ``thermal`` and ``labels`` uint8 [H,W]."""

    rgb: UInt8
    thermal: UInt8
    labels: UInt8


def augment(
    rgb: UInt8,
    counts: Image,
    bounds: tuple[float, float] | None,
    labels: UInt8,
    settings: Augmentation,
    random: np.random.Generator,
) -> Sample:
    """One random variant of a set.

    Args:
        rgb: uint8 [H,W,3].
        counts: thermal, uint16 [H,W], or uint8 [H,W] when ``bounds`` is None.
        bounds: the AGC's choice for this set; moved by ``settings.agc``, as smoothing and lag do on a device.
        labels: uint8 [H,W].
        settings: ranges.
        random: the only source of chance.
    """
    move = _movement(rgb.shape[1], rgb.shape[0], settings, random)
    rgb, counts = _warp(rgb, move, cv2.INTER_LINEAR, 0), _warp(counts, move, cv2.INTER_LINEAR, 0)
    labels = _warp(labels, move, cv2.INTER_NEAREST, UNLABELLED)
    thermal = counts if bounds is None else PercentileAgc.apply(counts, _wander(bounds, settings.agc, random))
    lost = random.random()
    rgb = np.zeros_like(rgb) if lost < settings.drop_rgb else _photometric(rgb, settings, random)
    if settings.drop_rgb <= lost < settings.drop_rgb + settings.drop_thermal:
        thermal = np.zeros_like(thermal)
    elif settings.thermal_noise:
        thermal = _noisy(thermal, random.uniform(0, settings.thermal_noise), random)
    return Sample(rgb, thermal, labels)


def _movement(width: int, height: int, settings: Augmentation, random: np.random.Generator) -> Image:
    """2x3 matrix picture -> variant: scale, rotation and shift round the centre, perhaps a flip."""
    angle = random.uniform(-settings.rotation_deg, settings.rotation_deg)
    scale = float(np.exp(random.uniform(*np.log(settings.scale))))
    centre = ((width - 1) / 2, (height - 1) / 2)
    move = cv2.getRotationMatrix2D(centre, angle, scale)
    move[:, 2] += random.uniform(-settings.shift, settings.shift, 2) * np.array([width, height])
    if random.random() < settings.flip:
        move[0] *= -1
        move[0, 2] += width - 1
    return move


def _warp(image: Image, move: Image, interpolation: int, border: int) -> Image:
    size = (image.shape[1], image.shape[0])
    return cv2.warpAffine(
        image, move, size, flags=interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=[border] * 3
    )


def _wander(bounds: tuple[float, float], amount: float, random: np.random.Generator) -> tuple[float, float]:
    low, high = float(bounds[0]), float(bounds[1])
    span = high - low
    low, high = low + span * random.normal(0, amount), high + span * random.normal(0, amount)
    centre, least = (low + high) / 2, 0.3 * span
    return (low, high) if high - low >= least else (centre - least / 2, centre + least / 2)


def _photometric(rgb: UInt8, settings: Augmentation, random: np.random.Generator) -> UInt8:
    """Brightness, contrast round the mean grey, a tint and noise, on the visible picture only."""
    gain = 1 + random.uniform(-settings.contrast, settings.contrast)
    light = 1 + random.uniform(-settings.brightness, settings.brightness)
    tint = 1 + random.uniform(-settings.tint, settings.tint, 3)
    grey = float(rgb.mean())
    levels = np.arange(256, dtype=np.float64)
    curve = ((levels - grey) * gain + grey) * light
    table = np.clip(curve[:, None] * tint + 0.5, 0, 255).astype(np.uint8)
    return _noisy(cv2.LUT(rgb, table.reshape(1, 256, 3)), random.uniform(0, settings.noise), random)


def _noisy(image: Image, sigma: float, random: np.random.Generator) -> UInt8:
    noise = random.standard_normal(image.shape, dtype=np.float32)
    noisy: UInt8 = np.clip(image + sigma * noise + 0.5, 0, 255).astype(np.uint8)
    return noisy
