"""The same picture in two splits: equal to the pixel, or alike as thumbnails.

Thumbnails are compared at 16x16 pixels, and what correlates there by 0.9 again at 64x64. Measured on the
crack sets of docs/datasets.md: copies (scaled by 0.8, darkened, JPEG of quality 60) correlate by 0.97
and more at both sizes, different pictures by 0.79 at most at 64x64 and by 0.89 at 16x16. So 0.9 parts them. A
crop of a picture is no copy to a thumbnail: ``rigsight data make --group overlap`` finds those.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.edge.frames import Float32, Image, UInt8, as_uint8
from rigsight.training.data.checking.report import Leak

COARSE, FINE = 16, 64
COARSE_THRESHOLD = 0.9
FINE_THRESHOLD = 0.9
LEAST_CONTRAST = 1.0
"""Standard deviation of a thumbnail, grey levels: below it there is noise alone to compare."""


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a picture: a hash of its pixels, and a grey thumbnail uint8 [64,64]."""

    split: str
    stem: str
    digest: bytes
    thumbnail: UInt8


def fingerprint(split: str, stem: str, image: Image) -> Fingerprint:
    """Of RGB uint8 [H,W,3], or of thermal [H,W], counts scaled to their own range."""
    digest = hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16)
    digest.update(str(image.shape).encode())
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    small = cv2.resize(grey, (FINE, FINE), interpolation=cv2.INTER_AREA)
    if small.dtype != np.uint8:
        small = cv2.normalize(small, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    return Fingerprint(split, stem, digest.digest(), as_uint8(small.astype(np.uint8)))


def find_leaks(prints: list[Fingerprint]) -> list[Leak]:
    """All pairs of pictures of different splits that are one, in the order of ``prints``."""
    splits = list(dict.fromkeys(p.split for p in prints))
    found: list[Leak] = []
    for i, one in enumerate(splits):
        here = [p for p in prints if p.split == one]
        for other in splits[i + 1 :]:
            found += _between(here, [p for p in prints if p.split == other])
    return found


def _between(here: list[Fingerprint], there: list[Fingerprint]) -> list[Leak]:
    coarse = _normalised(there, COARSE)
    fine = _normalised(there, FINE)
    found = []
    for a, small, large in zip(here, _normalised(here, COARSE), _normalised(here, FINE), strict=True):
        alike = coarse @ small >= COARSE_THRESHOLD
        for j in np.flatnonzero(alike | np.array([a.digest == b.digest for b in there])):
            b, correlation = there[j], float(fine[j] @ large)
            if a.digest == b.digest:
                found.append(Leak((a.split, b.split), (a.stem, b.stem), None))
            elif correlation >= FINE_THRESHOLD:
                found.append(Leak((a.split, b.split), (a.stem, b.stem), correlation))
    return found


def _normalised(prints: list[Fingerprint], side: int) -> Float32:
    """Thumbnails [N, side²] of zero mean and unit length; all zero where there is no contrast."""
    small = [cv2.resize(p.thumbnail, (side, side), interpolation=cv2.INTER_AREA) for p in prints]
    flat = np.stack(small).reshape(len(prints), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    plain: Float32 = np.where(length > LEAST_CONTRAST * side, flat / np.maximum(length, 1e-6), 0).astype(
        np.float32
    )
    return plain
