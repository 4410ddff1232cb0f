"""Augmentation of pictures with instances: picture, masks and boxes move together."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.edge.agc import Bounds, PercentileAgc
from rigsight.edge.frames import Float32, Image, UInt8, as_uint8
from rigsight.training.config import Augmentation
from rigsight.training.data.augment import Target, movement, noisy, photometric, to_8_bits, warp
from rigsight.training.data.instances import InstanceRecord, boxes_of, resized_masks

# A thing of which the picture's border leaves fewer pixels than this is no longer asked for.
LEAST_PIXELS = 8


@dataclass(frozen=True)
class InstanceSample:
    """What the network learns from: ``picture`` uint8 [H,W] or [H,W,3]; ``boxes`` float32 [K,4] round the
    ``masks`` uint8 0 or 1 [K,H,W]; ``labels`` int64 [K] from 1 on."""

    picture: UInt8
    boxes: Float32
    masks: UInt8
    labels: NDArray[np.int64]


def augment_instances(
    record: InstanceRecord,
    bounds: Bounds | None,
    size: tuple[int, int],
    settings: Augmentation,
    random: np.random.Generator,
) -> InstanceSample:
    """One random variant.

    Args:
        record: picture and things; crowds are left out, as in COCO's own protocol.
        bounds: the AGC's choice for 16-bit thermal pictures, None for others.
        size: (width, height) of the variant.
        settings: ranges; a picture of one camera is never dropped.
        random: the only source of chance.
    """
    picture = record.picture
    target = Target(size)
    move = movement((picture.shape[1], picture.shape[0]), target, settings, random)
    single = record.masks[~record.crowd]
    masks = np.zeros((len(single), size[1], size[0]), np.uint8)
    for k, mask in enumerate(single):
        masks[k] = warp(mask, move, target, cv2.INTER_NEAREST, 0)
    kept = masks.sum(axis=(1, 2), dtype=np.int64) >= LEAST_PIXELS
    masks, labels = as_uint8(masks[kept]), record.labels[~record.crowd][kept]
    moved = warp(picture, move, target, cv2.INTER_LINEAR, 0)
    if moved.ndim == 3:
        varied = photometric(as_uint8(moved), settings, random)
    else:
        varied = to_8_bits(moved, bounds, settings.agc, random)
        if settings.thermal_noise:
            varied = noisy(varied, random.uniform(0, settings.thermal_noise), random)
    return InstanceSample(varied, boxes_of(masks), masks, labels)


def plain_instances(record: InstanceRecord, bounds: Bounds | None, size: tuple[int, int]) -> InstanceSample:
    """The picture as the device sees it, at ``size``; crowds stay, masks may have become empty."""
    picture: Image = record.picture
    if bounds is not None:
        picture = PercentileAgc.apply(picture, bounds)
    if (picture.shape[1], picture.shape[0]) != size:
        method = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_LINEAR
        picture = cv2.resize(picture, size, interpolation=method)
    masks = resized_masks(record.masks, size)
    boxes = np.zeros((len(masks), 4), np.float32)
    seen = masks.any(axis=(1, 2))
    boxes[seen] = boxes_of(as_uint8(masks[seen]))
    return InstanceSample(as_uint8(picture), boxes, masks, record.labels)
