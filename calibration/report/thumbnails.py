"""Pictures for the report: stretched for the eye, with the detected points drawn in."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.base.errors import RigsightError
from rigsight.base.html.page import jpeg_uri
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.pictures import Image, Picture, as_image

UInt8 = NDArray[np.uint8]

STRETCH = (0.5, 99.5)  # percentiles that become black and white
QUALITY = 74
# Dark rim, bright core: visible on any picture.
RIM, CORE, FIRST = (20, 20, 20), (90, 230, 255), (255, 190, 60)


def readable(picture: Picture | None) -> Image | None:
    """The picture's pixels, or None where it is missing or cannot be read."""
    if picture is None:
        return None
    try:
        return as_image(picture)
    except RigsightError:
        return None


def for_the_eye(image: Image) -> UInt8:
    """A picture [H,W] or [H,W,3], uint8 or uint16, as RGB uint8 [H,W,3].

    Grey ones are stretched between two percentiles, so that a few kelvin among 65536 counts are seen.

    >>> for_the_eye(np.array([[7000, 7100], [7200, 7400]], np.uint16))[:, :, 0].tolist()
    [[0, 64], [128, 255]]
    """
    if image.ndim == 3 and image.dtype == np.uint8:
        return np.ascontiguousarray(image).astype(np.uint8)
    low, high = np.percentile(image[::2, ::2] if image.size > 10_000 else image, STRETCH)
    scaled = np.clip((image.astype(np.float32) - low) * (255 / max(high - low, 1.0)), 0, 255)
    grey = np.rint(scaled).astype(np.uint8)
    return grey if grey.ndim == 3 else np.repeat(grey[:, :, None], 3, axis=2)


def thumbnail(image: Image, width: int, points: Float64 | None = None, board: Board | None = None) -> UInt8:
    """The picture ``width`` pixels wide with points [N,2] (pixels of the picture), RGB uint8 [H,W,3].

    Where the whole board was seen, a line runs along the points of its first row from the first of them, so
    that a wrong order is seen at once.
    """
    small = resized(for_the_eye(image), width)
    if points is None:
        return small
    scale = small.shape[1] / image.shape[1]
    at = (points + 0.5) * scale - 0.5
    if board is not None and len(at) == board.count:
        row = np.rint(at[: first_row(board)] * 8).astype(np.int32)
        cv2.polylines(small, [row.reshape(-1, 1, 2)], False, RIM, 3, cv2.LINE_AA, 3)
        cv2.polylines(small, [row.reshape(-1, 1, 2)], False, FIRST, 1, cv2.LINE_AA, 3)
        _dot(small, at[0], FIRST, 4.0)
    for point in at:
        _dot(small, point, CORE, 1.6)
    return small


def first_row(board: Board) -> int:
    """Number of points in the first row of a board, counted on its points.

    >>> first_row(Board(kind="chessboard", columns=5, rows=4, square_m=0.1))
    5
    """
    y = board.object_points()[:, 1]
    return int(np.argmax(np.abs(y - y[0]) > 1e-9)) or len(y)


def resized(picture: UInt8, width: int) -> UInt8:
    """An RGB picture at another width, enlarged only up to twice."""
    width = min(width, 2 * picture.shape[1])
    size = (width, max(1, round(picture.shape[0] * width / picture.shape[1])))
    shrinks = width < picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=method), dtype=np.uint8)


def uri(picture: UInt8) -> str:
    """RGB uint8 [H,W,3] as a JPEG data URI."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return jpeg_uri(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())


def _dot(picture: Any, at: Float64, color: tuple[int, int, int], radius: float) -> None:
    centre = (round(float(at[0]) * 8), round(float(at[1]) * 8))
    cv2.circle(picture, centre, round((radius + 1) * 8), RIM, -1, cv2.LINE_AA, 3)
    cv2.circle(picture, centre, round(radius * 8), color, -1, cv2.LINE_AA, 3)
