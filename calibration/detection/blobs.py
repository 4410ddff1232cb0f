"""Candidates for circles: extrema of the scale-normalised Laplacian of Gaussian at one scale at a time.

Lindeberg, "Feature detection with automatic scale selection", IJCV 1998: a disc of radius r answers most
strongly at sigma = r / sqrt(2). Extrema need no threshold on grey values, so that a contrast far below
that of the room behind the board does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.grey import noise_sigma
from rigsight.calibration.pictures import Image

SCALE_STEP = 2**0.5
LARGEST_FILL = 1.25  # of a board against the picture: tilted boards and wide lenses reach over it
SIZE_RANGE = 9.0
SMALLEST_RADIUS_PX = 1.4
LEVEL_RADIUS_PX = 2.0  # pictures are halved until a disc's radius is less than twice this
SIGNIFICANT = 5.0  # of the answer to the picture's noise
NOISE_ANSWER = (2 * np.pi) ** -0.5
MOST_CANDIDATES = 220
SCALES_JOINED = 3
SAME_PLACE = 0.8  # of the larger radius


@dataclass(frozen=True)
class Blobs:
    """Spots of one polarity and about one size, strongest first.

    ``points`` float64 [M,2] in native pixels, ``strength`` float64 [M] > 0, ``radius_px`` float64 [M] of the
    discs that would answer best.
    """

    points: Float64
    strength: Float64
    radius_px: Float64


def plausible_radii(board: Board, size: tuple[int, int]) -> list[float]:
    """Radii in pixels at which to look for a board's circles in a picture (width, height), largest first."""
    extent = np.sort(np.ptp(board.object_points()[:, :2], axis=0) + board.circle_m)
    largest = LARGEST_FILL * board.circle_m / 2 * float((np.sort(size) / extent).min())
    radii: list[float] = []
    radius = largest
    while radius > max(SMALLEST_RADIUS_PX, largest / SIZE_RANGE) or not radii:
        radii.append(radius)
        radius /= SCALE_STEP
    return radii


def blob_sets(grey: Image, radii: list[float], count: int) -> Iterator[Blobs]:
    """Spots of either polarity over ranges of radii, at least ``count`` each.

    Discs of one board differ in size by perspective, so that each set joins ``SCALES_JOINED`` radii; of
    spots at one place the strongest stays.
    """
    for polarity in zip(*_answers(grey, radii), strict=True):
        for first in range(max(len(polarity) - SCALES_JOINED, 0) + 1):
            joined = _joined(polarity[first : first + SCALES_JOINED])
            if len(joined.points) >= count:
                yield joined


def _joined(blobs: Sequence[Blobs]) -> Blobs:
    points = np.concatenate([b.points for b in blobs])
    strength = np.concatenate([b.strength for b in blobs])
    radius = np.concatenate([b.radius_px for b in blobs])
    order = np.argsort(-strength)
    points, strength, radius = points[order], strength[order], radius[order]
    x, y = points.T.astype(np.float32)
    squares = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    reach = (SAME_PLACE * radius).astype(np.float32)
    kept = ~np.tril(squares < np.maximum(reach, reach[:, None]) ** 2, -1).any(axis=1)
    kept &= np.cumsum(kept) <= MOST_CANDIDATES
    return Blobs(points[kept], strength[kept], radius[kept])


def _answers(grey: Image, radii: list[float]) -> Iterator[tuple[Blobs, Blobs]]:
    """Bright and dark spots at each radius."""
    levels: list[Image] = [grey.astype(np.float32)]
    noise = noise_sigma(levels[0])
    for radius in radii:
        level = max(int(np.floor(np.log2(radius / LEVEL_RADIUS_PX))), 0)
        while len(levels) <= level:
            height, width = levels[-1].shape
            if min(height, width) < 16:
                break
            levels.append(cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA))
        level = min(level, len(levels) - 1)
        picture = levels[level]
        ratio = np.array([grey.shape[1] / picture.shape[1], grey.shape[0] / picture.shape[0]])
        sigma = radius / float(ratio[0]) / 2**0.5
        answer = -(sigma**2) * cv2.Laplacian(cv2.GaussianBlur(picture, (0, 0), sigma), cv2.CV_32F)
        # White noise of sigma s gives answers of s / (sqrt(2 pi) sigma), sigma in native pixels.
        least = SIGNIFICANT * noise * NOISE_ANSWER / (sigma * float(ratio[0]))
        both = []
        for signed in (answer, -answer):
            points, strength = _peaks(signed, least)
            both.append(Blobs((points + 0.5) * ratio - 0.5, strength, np.full(len(points), radius)))
        yield both[0], both[1]


def _peaks(answer: Image, least: float) -> tuple[Float64, Float64]:
    """Local maxima above ``least``, strongest first, at the tops of parabolas: [M,2] and [M]."""
    highest = cv2.dilate(answer, np.ones((3, 3), np.uint8))
    top = (answer == highest) & (answer > max(least, 1e-6))
    top[[0, -1]] = False
    top[:, [0, -1]] = False
    v, u = np.nonzero(top)
    strength = answer[v, u].astype(np.float64)
    order = np.argsort(-strength)[:MOST_CANDIDATES]
    v, u, strength = v[order], u[order], strength[order]
    points = np.stack([u, v], axis=1).astype(np.float64)
    for axis, (before, after) in enumerate(
        ((answer[v, u - 1], answer[v, u + 1]), (answer[v - 1, u], answer[v + 1, u]))
    ):
        curvature = np.minimum(before + after - 2 * strength, -1e-9)
        points[:, axis] += np.clip((before - after) / (2 * curvature), -0.5, 0.5)
    return points, strength
