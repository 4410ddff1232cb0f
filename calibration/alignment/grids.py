"""Output grids: other sizes of the same view, and the largest rectangle that is valid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.rig import Float64, OutputGrid, as_matrix3

UInt8 = NDArray[np.uint8]


def scaled_grid(grid: OutputGrid, width: int, height: int) -> OutputGrid:
    """The same view on another number of pixels (pixel centres at integers).

    >>> from rigsight.calibration.rig import OutputGrid
    >>> grid = OutputGrid(camera="rgb", width=4, height=4, K=((8, 0, 1.5), (0, 8, 1.5), (0, 0, 1)))
    >>> scaled_grid(grid, 8, 2).K
    ((16.0, 0.0, 3.5), (0.0, 4.0, 0.5), (0.0, 0.0, 1.0))
    """
    K = pixel_scaling(grid.size, (width, height)) @ grid.matrix
    crop = None
    if grid.crop is not None:
        sx, sy = width / grid.width, height / grid.height
        x, y = int(np.ceil(grid.crop[0] * sx)), int(np.ceil(grid.crop[1] * sy))
        right, bottom = (grid.crop[0] + grid.crop[2]) * sx, (grid.crop[1] + grid.crop[3]) * sy
        crop = (x, y, int(right) - x, int(bottom) - y)
    return OutputGrid(camera=grid.camera, width=width, height=height, K=as_matrix3(K), crop=crop)


def pixel_scaling(source: tuple[int, int], target: tuple[int, int]) -> Float64:
    """3x3 matrix from pixels of a (width, height) grid to those of another over the same view."""
    sx, sy = target[0] / source[0], target[1] / source[1]
    return np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])


def largest_rectangle(valid: UInt8, cells: int = 256) -> tuple[int, int, int, int]:
    """Largest axis-parallel rectangle (x, y, width, height) of non-zero pixels.

    Exact on pictures up to ``cells`` pixels a side; larger ones are searched in blocks that are valid as a
    whole, so that the answer is valid and at most one block smaller on each side. Zeros when there is none.

    >>> import numpy as np
    >>> picture = np.zeros((5, 6), np.uint8)
    >>> picture[1:4, 2:6] = 255
    >>> largest_rectangle(picture)
    (2, 1, 4, 3)
    """
    height, width = valid.shape
    block = -(-max(height, width) // cells)
    rows, columns = height // block, width // block
    blocks = valid[: rows * block, : columns * block].reshape(rows, block, columns, block)
    whole: NDArray[np.bool_] = np.asarray(blocks.all(axis=(1, 3)))
    best, area = (0, 0, 0, 0), 0
    heights = np.zeros(columns, dtype=int)
    for row in range(rows):
        heights = np.where(whole[row], heights + 1, 0)
        stack: list[tuple[int, int]] = []  # (start column, height), heights rising
        for column, current in enumerate([*heights.tolist(), 0]):
            start = column
            while stack and stack[-1][1] >= current:
                start, tall = stack.pop()
                if tall * (column - start) > area:
                    area = tall * (column - start)
                    best = (start, row - tall + 1, column - start, tall)
            stack.append((start, current))
    return best[0] * block, best[1] * block, best[2] * block, best[3] * block
