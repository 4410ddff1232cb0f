"""numpy <-> sensor_msgs/CompressedImage: PNG and JPEG with image_transport's ``format`` text."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from rigsight.edge.frames import Image as Picture
from rigsight.edge.messages import codes
from rigsight.edge.messages.images import image_of
from rigsight.edge.messages.types.sensor_msgs import CompressedImage
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.radiometry.jpeg import ends_early, is_jpeg, jpeg_size

MAX_PIXELS = 64_000_000
_PNG = b"\x89PNG\r\n\x1a\n"
_END = b"IEND\xaeB`\x82"
_CHANGED = {"rgb8": "bgr8", "mono8": "", "mono16": ""}


def compressed_of(
    picture: Picture, header: Header, kind: Literal["png", "jpeg"] = "png", quality: int = 90
) -> CompressedImage:
    """A picture as PNG (lossless: masks, counts) or JPEG.

    Args:
        picture: uint8 [H,W], RGB uint8 [H,W,3], or for PNG uint16 [H,W].
        header: of the picture.
        kind: the file format.
        quality: of a JPEG, 1 to 100.

    Raises:
        RigsightError: MSG-003 for a picture that the format cannot hold.
    """
    encoding = image_of(picture, header).encoding
    if encoding not in _CHANGED or (encoding == "mono16" and kind == "jpeg") or picture.size == 0:
        raise codes.PICTURE(f"a {encoding} picture of {list(picture.shape)} cannot be {kind}")
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if encoding == "rgb8" else np.ascontiguousarray(picture)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if kind == "jpeg" else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    done, data = cv2.imencode(f".{kind}", bgr, options)
    if not done:
        raise codes.PICTURE(f"OpenCV cannot write a {kind} of {list(picture.shape)}")
    return CompressedImage(
        header, f"{encoding}; {kind} compressed {_CHANGED[encoding]}", memoryview(data.data)
    )


def decompressed(message: CompressedImage) -> Picture:
    """The picture of a PNG or JPEG: RGB uint8 [H,W,3], or uint8 or uint16 [H,W].

    The content decides, not ``format``, which publishers write in many ways.

    Raises:
        RigsightError: MSG-003 for other formats, damaged files, and pictures above 64 million pixels.
    """
    data = bytes(message.data)
    if is_jpeg(data):
        size, cut = jpeg_size(data), ends_early(data)
    elif data[:8] == _PNG and data[12:16] == b"IHDR" and len(data) >= 24:
        size, cut = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")), _END not in data
    else:
        raise codes.PICTURE(f"'{message.format:.40}' is neither PNG nor JPEG")
    if size is None or not 0 < size[0] * size[1] <= MAX_PIXELS:
        raise codes.PICTURE(f"the compressed picture has the size {size}")
    if cut:
        raise codes.PICTURE("the compressed picture is cut off")
    mode = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error:
        picture = None
    if picture is None or picture.dtype not in (np.uint8, np.uint16):
        raise codes.PICTURE("the compressed picture is damaged")
    if picture.ndim == 2:
        return picture
    if picture.dtype != np.uint8 or picture.shape[2] not in (3, 4):
        raise codes.PICTURE(f"a compressed picture of {picture.dtype} {list(picture.shape)} is not read")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB if picture.shape[2] == 3 else cv2.COLOR_BGRA2RGB)
