"""Motion signals of a clip: where the board is, or how the picture changes, with time stamps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detect import detect
from rigsight.calibration.detection.grey import to_grey
from rigsight.calibration.pictures import Image
from rigsight.calibration.projection import undistort
from rigsight.calibration.rig import Camera
from rigsight.calibration.time_offset import NS_PER_S, Motion

SMALL_PX = 160  # pictures are compared at this width
ENOUGH_FOUND = 0.5


@dataclass(frozen=True)
class Clip:
    """A clip boiled down: small grey pictures for the change signal, and the board where it was found.

    ``stamps_ns`` int64 [N], ``small`` float32 [N,h,w], ``board`` float64 [N,3] (x and y of the board's
    centre and its size, pixels or normalised units; NaN where it was not found).
    """

    stamps_ns: NDArray[np.int64]
    small: NDArray[np.float32]
    board: Float64

    @property
    def period_s(self) -> float:
        """Median time between pictures, seconds."""
        return float(np.median(np.diff(self.stamps_ns))) / NS_PER_S

    @property
    def found(self) -> float:
        """Share of the pictures in which the board was found."""
        return float(np.isfinite(self.board[:, 0]).mean())


def read_clip(
    pictures: Iterable[tuple[int, Image]],
    board: Board | None,
    camera: Camera | None = None,
    progress: Callable[[int], None] | None = None,
) -> Clip:
    """Boil a clip of (stamp in ns, picture uint8 or uint16 [H,W] or [H,W,3]) down.

    With a ``camera`` the board's place is undistorted, which leaves less for the fit to explain.
    """
    stamps, small, places = [], [], []
    for stamp, picture in pictures:
        grey = to_grey(picture)
        width = min(SMALL_PX, grey.shape[1])
        height = max(1, round(grey.shape[0] * width / grey.shape[1]))
        stamps.append(int(stamp))
        small.append(cv2.resize(grey.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA))
        places.append(_place_of(picture, board, camera))
        if progress is not None:
            progress(len(stamps))
    return Clip(np.array(stamps, dtype=np.int64), np.array(small), np.array(places).reshape(-1, 3))


def _place_of(picture: Image, board: Board | None, camera: Camera | None) -> tuple[float, float, float]:
    """The board's centre and size; the centre does not depend on the order of the points."""
    detection = None if board is None else detect(picture, board)
    if board is None or detection is None:
        return np.nan, np.nan, np.nan
    points = detection.points
    if camera is not None:
        points = undistort(camera, points)
    plane = board.object_points()[:, :2]
    H = cv2.findHomography(np.ascontiguousarray(plane[detection.ids]), points)[0]
    if H is None:
        return np.nan, np.nan, np.nan
    middle = (plane.max(axis=0) + plane.min(axis=0)) / 2
    place = H @ np.array([*middle, 1.0])
    size = float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
    return float(place[0] / place[2]), float(place[1] / place[2]), size


def motions(reference: Clip, other: Clip) -> tuple[Motion, Motion]:
    """The best signals that both clips give: the board's track where it is mostly found, else the change."""
    if min(reference.found, other.found) >= ENOUGH_FOUND:
        return _track(reference), _track(other)
    lag_s = max(reference.period_s, other.period_s)
    return (
        change(reference.stamps_ns, reference.small, lag_s),
        change(other.stamps_ns, other.small, lag_s),
    )


def _track(clip: Clip) -> Motion:
    found = np.isfinite(clip.board[:, 0])
    return Motion(clip.stamps_ns[found], clip.board[found], tracked=True)


def change(stamps_ns: NDArray[np.int64], pictures: Sequence[Image] | Image, lag_s: float) -> Motion:
    """How strongly the picture changes over ``lag_s``, and the centre of the change.

    Both cameras must use the same lag: it is the exposure of this signal. A difference of two pictures is
    stamped halfway between them. Columns: strength, x and y of the change's centre (-0.5 to 0.5).
    """
    period_s = float(np.median(np.diff(stamps_ns))) / NS_PER_S
    lag = max(1, round(lag_s / period_s))
    stack = np.asarray(pictures, dtype=np.float32)
    stack = stack - np.median(stack, axis=(1, 2), keepdims=True)  # exposure steps and thermal drift
    difference = np.abs(stack[lag:] - stack[:-lag])
    # What changes everywhere is noise; the median over the clip is the still background's.
    floor = np.median(difference, axis=0, keepdims=True) * 3 + 1e-6
    difference = np.maximum(difference - floor, 0)
    total = difference.sum(axis=(1, 2)) + 1e-6
    height, width = stack.shape[1:]
    x = (difference.sum(axis=1) @ (np.arange(width) / width - 0.5)) / total
    y = (difference.sum(axis=2) @ (np.arange(height) / height - 0.5)) / total
    middle = stamps_ns[:-lag] + (stamps_ns[lag:] - stamps_ns[:-lag]) // 2
    values = np.stack([np.sqrt(total), x, y], axis=1).astype(np.float64)
    return Motion(middle, values, tracked=False)
