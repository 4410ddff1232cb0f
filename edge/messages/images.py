"""numpy <-> sensor_msgs/Image, any step and either endianness, without cv_bridge (it pins numpy's version).

An array goes into a message without a copy when its rows lie one after the other, and comes out of one as a
read-only view when its samples are aligned and of this machine's endianness.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np

from rigsight.edge.frames import Image as Picture
from rigsight.edge.frames import UInt8, as_uint8
from rigsight.edge.messages import codes
from rigsight.edge.messages.types.sensor_msgs import Image
from rigsight.edge.messages.types.std_msgs import Header

Encoding = Literal["mono8", "8UC1", "mono16", "16UC1", "32FC1", "rgb8", "bgr8", "rgba8", "bgra8"]

# encoding -> numpy's kind and size of a sample, channels (sensor_msgs/image_encodings)
ENCODINGS: dict[str, tuple[str, int]] = {
    "mono8": ("u1", 1),
    "8UC1": ("u1", 1),
    "mono16": ("u2", 1),
    "16UC1": ("u2", 1),
    "32FC1": ("f4", 1),
    "rgb8": ("u1", 3),
    "bgr8": ("u1", 3),
    "rgba8": ("u1", 4),
    "bgra8": ("u1", 4),
}
_USUAL: dict[tuple[str, int], Encoding] = {
    ("u1", 1): "mono8",
    ("u2", 1): "mono16",
    ("f4", 1): "32FC1",
    ("u1", 3): "rgb8",
    ("u1", 4): "rgba8",
}
_TO_RGB = {
    "mono8": cv2.COLOR_GRAY2RGB,
    "8UC1": cv2.COLOR_GRAY2RGB,
    "bgr8": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
}


def image_of(picture: Picture, header: Header, encoding: Encoding | None = None) -> Image:
    """A picture as a message: dense rows, little-endian.

    Args:
        picture: uint8, uint16 or float32 [H,W], or uint8 [H,W,3 or 4]; any strides, may be read-only.
        header: of the picture.
        encoding: how its channels are meant; else mono8, mono16, 32FC1, rgb8 or rgba8 by shape and type.

    Returns:
        A message that looks at the picture's own bytes where they are dense and little-endian: serialise it
        before the frame is released.

    Raises:
        RigsightError: MSG-003 for a shape or type without an encoding.
    """
    shape, kind = picture.shape, f"{picture.dtype.kind}{picture.dtype.itemsize}"
    channels = shape[2] if picture.ndim == 3 else 1
    found = encoding or _USUAL.get((kind, channels))
    if picture.ndim not in (2, 3) or found is None or ENCODINGS.get(found) != (kind, channels):
        wanted = f"be {encoding}" if encoding else "be sent as an image"
        raise codes.PICTURE(f"an array of {picture.dtype} {list(shape)} cannot {wanted}")
    dense = np.ascontiguousarray(picture, dtype=picture.dtype.newbyteorder("<"))
    height, width = shape[:2]
    return Image(
        header=header,
        height=height,
        width=width,
        encoding=found,
        is_bigendian=0,
        step=width * channels * picture.dtype.itemsize,
        data=dense.reshape(-1).view(np.uint8).data,
    )


def picture_of(image: Image) -> Picture:
    """The message's picture, read-only: [H,W] or [H,W,C], with the channels in the encoding's own order.

    Padding at the end of rows is left out, and may be missing after the last one. Samples become this
    machine's endianness.

    Raises:
        RigsightError: MSG-003 for an encoding that is not read, or sizes that contradict each other.
    """
    layout = ENCODINGS.get(image.encoding)
    if layout is None:
        raise codes.PICTURE(f"the encoding '{image.encoding:.40}' is not read")
    kind, channels = layout
    order = ">" if image.is_bigendian else "<"
    sample = np.dtype(kind if kind == "u1" else order + kind)
    height, width, step = image.height, image.width, image.step
    row_bytes, held = width * channels * sample.itemsize, len(image.data)
    needed = (height - 1) * step + row_bytes if height else 0
    if not needed <= held <= height * step:
        raise codes.PICTURE(
            f"{held} bytes are no {image.encoding} picture of {width}x{height} with rows of {step} bytes",
            fix="The publisher must give 'step' and 'data' as sensor_msgs/Image says.",
        )
    if row_bytes == 0 or height == 0:
        return _frozen(np.zeros((height, width) if channels == 1 else (height, width, channels), kind))
    strides = (step, channels * sample.itemsize, sample.itemsize)
    whole: Picture = np.ndarray((height, width, channels), sample, image.data, 0, strides)
    view = whole[:, :, 0] if channels == 1 else whole
    if not view.flags.aligned or not sample.isnative:
        view = view.astype(kind)
    return _frozen(view)


def rgb_of(image: Image) -> UInt8:
    """The message's picture as RGB uint8 [H,W,3]; grey becomes grey.

    Raises:
        RigsightError: MSG-003, also for 16-bit and float pictures, which have no one brightness.
    """
    picture = picture_of(image)
    if image.encoding == "rgb8":
        return as_uint8(picture)
    if image.encoding not in _TO_RGB:
        raise codes.PICTURE(
            f"a {image.encoding} picture is no RGB picture", fix="Take it as the thermal one."
        )
    if picture.size == 0:
        return np.zeros((*picture.shape[:2], 3), np.uint8)
    return as_uint8(cv2.cvtColor(np.ascontiguousarray(picture), _TO_RGB[image.encoding]))


def _frozen(picture: np.ndarray[Any, Any]) -> Picture:
    picture.flags.writeable = False
    return picture
