"""Paired augmentation: both modalities and the labels move together, the AGC's bounds wander."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from rigsight.edge.agc import Bounds, PercentileAgc
from rigsight.edge.frames import UNLABELLED, Float64, Image, UInt8, as_uint8
from rigsight.training.config import Augmentation


@dataclass(frozen=True)
class Sample:
    """What the network sees of one set: ``rgb`` uint8 [H,W,3], ``thermal`` and ``labels`` uint8 [H,W].

    A missing modality is all zero, missing labels are all 255.
    """

    rgb: UInt8
    thermal: UInt8
    labels: UInt8


@dataclass(frozen=True)
class Target:
    """What a variant looks like: ``size`` (width, height) in pixels, and whether it is a crop at the source's
    own resolution or the whole picture."""

    size: tuple[int, int]
    crop: bool = False


def augment(
    rgb: UInt8 | None,
    counts: Image | None,
    bounds: Bounds | None,
    labels: UInt8,
    settings: Augmentation,
    random: np.random.Generator,
    target: Target | None = None,
) -> Sample:
    """One random variant of a set.

    Args:
        rgb: uint8 [H,W,3], or None.
        counts: thermal, uint16 [H,W], or uint8 [H,W] when ``bounds`` is None; or None.
        bounds: the AGC's choice for this set; moved by ``settings.agc``, as smoothing and lag do on a device.
        labels: uint8 [H,W].
        settings: ranges.
        random: the only source of chance.
        target: size and kind of the variant; None: the whole picture at its own size.
    """
    source = (labels.shape[1], labels.shape[0])
    target = target or Target(source)
    move = movement(source, target, settings, random)
    # A crop is continued by reflection, labels too: no black corners, which crops turned far would have.
    mirror = target.crop
    if rgb is not None:
        rgb = as_uint8(warp(rgb, move, target, cv2.INTER_LINEAR, None if mirror else 0))
    if counts is not None:
        counts = warp(counts, move, target, cv2.INTER_LINEAR, None if mirror else 0)
    labels = as_uint8(warp(labels, move, target, cv2.INTER_NEAREST, None if mirror else UNLABELLED))
    thermal = None if counts is None else to_8_bits(counts, bounds, settings.agc, random)
    lost = random.random() if rgb is not None and thermal is not None else 1.0
    width, height = target.size
    if rgb is None or lost < settings.drop_rgb:
        rgb = np.zeros((height, width, 3), np.uint8)
    else:
        rgb = photometric(rgb, settings, random)
    if thermal is None or settings.drop_rgb <= lost < settings.drop_rgb + settings.drop_thermal:
        thermal = np.zeros((height, width), np.uint8)
    elif settings.thermal_noise:
        thermal = noisy(thermal, random.uniform(0, settings.thermal_noise), random)
    return Sample(rgb, thermal, labels)


def movement(
    source: tuple[int, int], target: Target, settings: Augmentation, random: np.random.Generator
) -> Float64:
    """2x3 matrix source -> variant: scale, rotation and shift round a centre, perhaps flips.

    The whole picture turns round its own centre and is stretched to the target; a crop turns round a random
    one, at least half a crop from the border where the source is large enough.
    """
    angle = random.uniform(-settings.rotation_deg, settings.rotation_deg)
    scale = float(np.exp(random.uniform(*np.log(settings.scale))))
    width, height = target.size
    size = np.array(source, np.float64)
    if target.crop:
        reach = np.minimum(np.array(target.size) / (2 * scale), size / 2)
        centre = random.uniform(reach, size - reach) - 0.5
    else:
        centre = (size - 1) / 2
    move: Float64 = np.array(
        cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, scale), np.float64
    )
    move[:, 2] -= centre
    if not target.crop:
        move *= (np.array(target.size) / size)[:, None]
        move[:, 2] += random.uniform(-settings.shift, settings.shift, 2) * np.array(target.size)
    move[:, 2] += (np.array([width, height]) - 1) / 2
    for axis, chance in ((0, settings.flip), (1, settings.flip_vertical)):
        if random.random() < chance:
            move[axis] *= -1
            move[axis, 2] += target.size[axis] - 1
    return move


def warp(image: Image, move: Image, target: Target, interpolation: int, border: int | None) -> Image:
    """``border`` None: reflected; else its value."""
    mode = cv2.BORDER_REFLECT_101 if border is None else cv2.BORDER_CONSTANT
    return cv2.warpAffine(
        image, move, target.size, flags=interpolation, borderMode=mode, borderValue=[border or 0] * 3
    )


def to_8_bits(counts: Image, bounds: Bounds | None, amount: float, random: np.random.Generator) -> UInt8:
    """Counts through an AGC whose bounds wander; 8-bit pictures as if their own AGC's bounds had."""
    if bounds is not None:
        return PercentileAgc.apply(counts, _wander(bounds, amount, random))
    if not amount:
        return as_uint8(counts)
    low, high = _wander((0.0, 255.0), amount / 2, random)
    levels = (np.arange(256) - low) * (255 / (high - low))
    return as_uint8(cv2.LUT(counts, np.clip(levels + 0.5, 0, 255).astype(np.uint8)))


def _wander(bounds: Bounds, amount: float, random: np.random.Generator) -> Bounds:
    low, high = float(bounds[0]), float(bounds[1])
    span = high - low
    low, high = low + span * random.normal(0, amount), high + span * random.normal(0, amount)
    centre, least = (low + high) / 2, 0.3 * span
    return (low, high) if high - low >= least else (centre - least / 2, centre + least / 2)


def photometric(rgb: UInt8, settings: Augmentation, random: np.random.Generator) -> UInt8:
    """Brightness, contrast round the mean grey, a tint and noise, on the visible picture only."""
    gain = 1 + random.uniform(-settings.contrast, settings.contrast)
    light = 1 + random.uniform(-settings.brightness, settings.brightness)
    tint = 1 + random.uniform(-settings.tint, settings.tint, 3)
    grey = float(rgb.mean())
    levels = np.arange(256, dtype=np.float64)
    curve = ((levels - grey) * gain + grey) * light
    table = np.clip(curve[:, None] * tint + 0.5, 0, 255).astype(np.uint8)
    return noisy(cv2.LUT(rgb, table.reshape(1, 256, 3)), random.uniform(0, settings.noise), random)


def noisy(image: Image, sigma: float, random: np.random.Generator) -> UInt8:
    """A uint8 picture with normal noise of ``sigma`` grey levels, cut at 4 sigma.

    The noise is a random stretch of a fixed strip: drawing it anew would take longer than all the rest.
    """
    strip = _noise_strip()
    start = int(random.integers(0, len(strip) - image.size)) if image.size < len(strip) else 0
    noise = (
        np.resize(strip[start:], image.shape)
        if image.size > len(strip)
        else strip[start : start + image.size]
    )
    scale = sigma / _PER_SIGMA
    return as_uint8(cv2.addWeighted(image, 1.0, noise.reshape(image.shape), scale, -128.0 * scale))


_PER_SIGMA = 31.0  # levels of the strip, whose 8 bits hold +-4 sigma round 128


@cache
def _noise_strip() -> UInt8:
    normal = np.random.default_rng(0).standard_normal(1 << 22, dtype=np.float32)
    return as_uint8(np.clip(np.rint(128 + _PER_SIGMA * normal), 0, 255).astype(np.uint8))
