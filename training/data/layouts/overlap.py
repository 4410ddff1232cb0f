"""Which pictures show the same place, by what they show: matched features that one homography explains.

Names do not tell it where a drone's photos overlap and were cut into tiles. SIFT as Lowe, IJCV 60(2), 2004,
with the square root of Arandjelović and Zisserman, CVPR 2012.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.edge.frames import Float32, UInt8

FEATURES = 200
LONGEST_SIDE = 640
RATIO = 0.75
INLIERS = 12
REPROJECTION_PX = 4.0


@dataclass(frozen=True)
class Features:
    """Places float32 [N,2] in pixels, and descriptors float32 [N,128] of unit length."""

    places: Float32
    descriptors: Float32


def features(grey: UInt8) -> Features:
    """Of a picture uint8 [H,W], scaled down to 640 pixels."""
    scale = LONGEST_SIDE / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    found, descriptors = cv2.SIFT_create(FEATURES).detectAndCompute(grey, None)  # type: ignore[attr-defined]
    if descriptors is None or len(found) < INLIERS:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    order = sorted(range(len(found)), key=lambda i: -found[i].response)[:FEATURES]
    places = np.array([found[i].pt for i in order], np.float32)
    share = descriptors[order] / np.maximum(descriptors[order].sum(axis=1, keepdims=True), 1e-9)
    return Features(places, np.sqrt(share).astype(np.float32))


def overlap(one: Features, other: Features) -> bool:
    """Do at least 12 matches, and half of all, agree on one homography?"""
    if min(len(one.places), len(other.places)) < INLIERS:
        return False
    likeness = one.descriptors @ other.descriptors.T
    best = likeness.argmax(axis=1)
    rows = np.arange(len(best))
    first = likeness[rows, best]
    likeness[rows, best] = -1
    # Unit vectors: their squared distance is 2 - 2 likeness.
    clear = np.flatnonzero(1 - first < RATIO**2 * (1 - likeness.max(axis=1)))
    if len(clear) < INLIERS:
        return False
    cv2.setRNGSeed(0)
    _, inliers = cv2.findHomography(
        one.places[clear], other.places[best[clear]], cv2.RANSAC, REPROJECTION_PX, maxIters=500
    )
    return inliers is not None and int(inliers.sum()) >= max(INLIERS, len(clear) / 2)


def joined(
    groups: Sequence[Sequence[str]],
    read: Callable[[str], UInt8],
    report: Callable[[int, int], None] | None = None,
) -> list[list[str]]:
    """Groups of stems, those made one that hold pictures which overlap.

    Every picture is compared with every other: some milliseconds a pair.

    Args:
        groups: a first grouping, by name; all stems once.
        read: stem -> grey picture uint8 [H,W].
        report: called with the pictures done and their number.
    """
    stems = [stem for group in groups for stem in group]
    home = {stem: k for k, group in enumerate(groups) for stem in group}
    root = list(range(len(groups)))

    def of(k: int) -> int:
        while root[k] != k:
            k = root[k]
        return k

    seen: list[Features] = []
    for i, stem in enumerate(stems):
        mine = features(read(stem))
        for before, other in enumerate(seen):
            a, b = of(home[stem]), of(home[stems[before]])
            if a != b and overlap(mine, other):
                root[max(a, b)] = min(a, b)
        seen.append(mine)
        if report is not None:
            report(i + 1, len(stems))
    made: dict[int, list[str]] = {}
    for stem in stems:
        made.setdefault(of(home[stem]), []).append(stem)
    return list(made.values())
