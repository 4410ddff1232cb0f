"""From similarity surfaces of many pairs to one shift a tile, with its error and its course in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.align import Float32
from rigsight.calibration.rig import Float64

BLOCKS = 10
FOLLOW_PX = 4  # how far a part's peak may lie from the session's
# Low: whether a peak is true shows in how it stays when parts of the session are left out, and in whether the
# tiles agree.
MIN_PROMINENCE = 2.0
# Depth blurs a tile's peak along the baseline; across it the peak must be sharp.
MAX_ERROR_PX = 1.0
MAX_ERROR_ALONG_PX = 5.0


@dataclass(frozen=True)
class TileShifts:
    """Displacement of thermal against RGB in every tile, working pixels (x, y).

    Attributes:
        shift: float64 [T,2], NaN where the tile shows no common structure.
        error: float64 [T,2], standard errors from leaving out parts of the session (jackknife).
        course: float64 [B,T,2], what parts of the session show alone; NaN where too little.
    """

    shift: Float64
    error: Float64
    course: Float64

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which tiles have a shift, bool [T]."""
        return np.isfinite(self.shift[:, 0])


def tile_shifts(surfaces: list[Float32], reach: int) -> TileShifts:
    """Shifts of a session's surfaces, each float32 [T,S,S] with S = 2 reach + 1."""
    stack = np.array(surfaces, dtype=np.float64)
    blocks = max(2, min(BLOCKS, len(stack) // 5))
    parts = np.array([part.sum(axis=0) for part in np.array_split(stack, blocks)])
    whole = parts.sum(axis=0)
    tiles = whole.shape[0]
    shift, error = np.full((tiles, 2), np.nan), np.full((tiles, 2), np.nan)
    course = np.full((blocks, tiles, 2), np.nan)
    for k in range(tiles):
        at = _highest(whole[k])
        if at is None or prominence(whole[k]) < MIN_PROMINENCE:
            continue
        without = np.array([_near(whole[k] - part[k], at) for part in parts])
        spread = np.sqrt((blocks - 1) / blocks * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
        if not np.isfinite(spread).all() or spread.max() > MAX_ERROR_ALONG_PX or spread.min() > MAX_ERROR_PX:
            continue
        shift[k], error[k] = _near(whole[k], at) - reach, spread
        course[:, k] = [_near(part[k], at) - reach for part in parts]
    return TileShifts(shift, error, course)


def prominence(surface: Float64) -> float:
    """Height of the peak over the median, in robust standard deviations of the surface."""
    middle = float(np.median(surface))
    spread = 1.4826 * float(np.median(np.abs(surface - middle)))
    return float((surface.max() - middle) / max(spread, 1e-12))


def _highest(surface: Float64) -> tuple[int, int] | None:
    """Row and column of the maximum; None at the rim, where the true peak may lie outside."""
    row, column = (int(i) for i in np.unravel_index(int(np.argmax(surface)), surface.shape))
    last = surface.shape[0] - 1
    return (row, column) if 0 < row < last and 0 < column < last else None


def _near(surface: Float64, at: tuple[int, int]) -> Float64:
    """Sub-pixel place (x, y) of the highest point near ``at``, by parabolas; NaN when it is on the edge."""
    last = surface.shape[0] - 1
    top, left = max(at[0] - FOLLOW_PX, 0), max(at[1] - FOLLOW_PX, 0)
    window = surface[top : at[0] + FOLLOW_PX + 1, left : at[1] + FOLLOW_PX + 1]
    row, column = np.unravel_index(int(np.argmax(window)), window.shape)
    r, c = int(row) + top, int(column) + left
    if not (0 < r < last and 0 < c < last):
        return np.array([np.nan, np.nan])
    up, here, down = surface[r - 1 : r + 2, c]
    before, after = surface[r, c - 1], surface[r, c + 1]
    dy = (up - down) / (2 * min(up - 2 * here + down, -1e-12))
    dx = (before - after) / (2 * min(before - 2 * here + after, -1e-12))
    return np.array([c + float(np.clip(dx, -1, 1)), r + float(np.clip(dy, -1, 1))])
