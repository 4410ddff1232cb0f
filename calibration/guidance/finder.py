"""Finding the board in a stream: a full search now and then, optical flow in between."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detect import detect
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.detection.grey import to_grey
from rigsight.calibration.pictures import Image

# Followed points serve stillness and display alone; a view that is taken is searched thoroughly.
FRESH_FOR = 30  # pictures that are followed before the next search
SEARCH_EVERY = 3  # pictures, while the board is lost: hopeless searches are the slow ones
WINDOW, LEVELS = 21, 3
THERE_AND_BACK_PX = 0.7
LARGEST_MISFIT = 0.12  # of the distance of neighbours, of a followed point from the homography of all
PART_KEPT = 0.9
SETTLED_PX = 1.0  # mean motion between pictures below which a moving board counts as having arrived
LIVE_DEADLINE_S, THOROUGH_S = 0.35, 2.0


class Finder(Protocol):
    """Looks for one board in the pictures of several cameras."""

    def follow(self, camera: str, image: Image) -> Detection | None:
        """The board in the next picture of a camera's stream."""

    def search(self, image: Image) -> Detection | None:
        """The board in a picture by itself: the same picture gives the same points."""


@dataclass
class _Track:
    """What is known of one camera's stream."""

    grey: NDArray[np.uint8] | None = None
    seen: Detection | None = None
    age: int = 0
    lost: int = 0
    moving: bool = False


class LiveFinder:
    """Fast enough for a live picture: a search costs 50 to 250 ms, following some 3 ms."""

    def __init__(self, board: Board, deadline_s: float = LIVE_DEADLINE_S) -> None:
        """``deadline_s`` is the longest that a search of the stream may take."""
        self._board, self._deadline_s = board, deadline_s
        self._tracks: dict[str, _Track] = {}

    def search(self, image: Image) -> Detection | None:
        """See :class:`Finder`."""
        return detect(image, self._board, THOROUGH_S)

    def follow(self, camera: str, image: Image) -> Detection | None:
        """See :class:`Finder`."""
        if camera not in self._tracks:
            # The cameras search in turns, so that no picture waits for two searches.
            self._tracks[camera] = _Track(lost=len(self._tracks))
        track = self._tracks[camera]
        grey = _eight_bit(image)
        followed = _followed(track, grey)
        track.grey = grey
        if followed is not None and track.seen is not None:
            shift = float(np.mean(np.linalg.norm(followed.points - track.seen.points, axis=1)))
            arrived = track.moving and shift < SETTLED_PX
            track.moving = shift >= SETTLED_PX
            track.seen, track.age = followed, track.age + 1
            # Flow may have slipped by a cell of the pattern while the board moved.
            if not arrived and track.age < FRESH_FOR:
                return followed
        elif track.seen is not None:
            track.seen, track.lost = None, 0
        if track.seen is None and track.lost % SEARCH_EVERY:
            track.lost += 1
            return None
        track.seen, track.age, track.lost = detect(image, self._board, self._deadline_s), 0, 1
        return track.seen


def _followed(track: _Track, grey: NDArray[np.uint8]) -> Detection | None:
    """The board of the picture before where it is now, or None where it cannot be followed."""
    if track.grey is None or track.seen is None or track.grey.shape != grey.shape:
        return None
    seen = track.seen
    before = seen.points.astype(np.float32).reshape(-1, 1, 2)
    now, found = _flow(track.grey, grey, before)
    back, again = _flow(grey, track.grey, now)
    points = np.asarray(now, dtype=np.float64).reshape(-1, 2)
    off = np.linalg.norm((back - before).reshape(-1, 2), axis=1)
    good = found & again & (off < THERE_AND_BACK_PX)
    good &= (points >= 0).all(axis=1) & (points <= np.array(seen.size) - 1).all(axis=1)
    if good.mean() < PART_KEPT or good.sum() < 8:
        return None
    H, _ = cv2.findHomography(seen.points[good], points[good], cv2.RANSAC, 2.0)
    if H is None:
        return None
    expected = cv2.perspectiveTransform(seen.points.reshape(-1, 1, 2), H).reshape(-1, 2)
    spacing = _spacing(points)
    misfit = np.linalg.norm(points - expected, axis=1)
    if (misfit[good] > LARGEST_MISFIT * spacing).any():
        return None
    kept: Float64 = np.where(good[:, None], points, expected)
    return replace(seen, points=kept)


def _flow(first: NDArray[np.uint8], second: NDArray[np.uint8], points: Image) -> tuple[Image, Image]:
    """Where points float32 [N,1,2] of one picture are in another, and whether they were found, bool [N]."""
    start: Any = None  # OpenCV's stubs know no missing first guess
    now, found, _ = cv2.calcOpticalFlowPyrLK(
        first, second, points, start, winSize=(WINDOW, WINDOW), maxLevel=LEVELS
    )
    return np.asarray(now), np.asarray(found).ravel() == 1


def _spacing(points: Float64) -> float:
    """Typical distance of nearest neighbours, pixels."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return float(np.median(apart.min(axis=1)))


def _eight_bit(image: Image) -> NDArray[np.uint8]:
    """Grey, 8 bits; counts are stretched between percentiles of a part of the pixels."""
    grey = to_grey(image)
    if grey.dtype == np.uint8:
        return np.asarray(grey, dtype=np.uint8)
    low, high = np.percentile(grey[::3, ::3], (0.5, 99.5))
    scale = 255.0 / max(float(high - low), 1.0)
    scaled = cv2.convertScaleAbs(np.maximum(grey, np.uint16(low)), alpha=scale, beta=-scale * float(low))
    return np.asarray(scaled, dtype=np.uint8)
