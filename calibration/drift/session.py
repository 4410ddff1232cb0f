"""Evidence of a session: in tiles of the picture, how well thermal edges fit RGB edges for every shift.

The similarity of a single pair is noisy, that of many adds up before a peak is looked for.
"""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.calibration.align import Float32, Image, UInt8
from rigsight.calibration.drift.edges import edge_fields
from rigsight.calibration.rig import Float64

COLUMNS, ROWS = 4, 3
REACH_PX = 12  # largest shift looked for in a tile, working pixels
COARSE = 4  # a second look at a quarter of the size reaches four times as far
MAX_WIDTH = 640
MIN_EDGES = 0.02


class Session:
    """Collects pairs of aligned pictures. All of them must have one size."""

    def __init__(self, width: int, height: int) -> None:
        """``width`` and ``height`` of the output grid; large ones are worked on at 640 px."""
        self.scale = min(1.0, MAX_WIDTH / width)
        self.size = round(width * self.scale), round(height * self.scale)
        self.tiles = _Tiles(*self.size, COLUMNS, ROWS)
        self.whole = _Tiles(self.size[0] // COARSE, self.size[1] // COARSE, 1, 1)
        self.surfaces: list[Float32] = []
        self.coarse: list[Float32] = []

    def add(self, rgb: Image, thermal: Image, valid: UInt8) -> None:
        """Add a pair on the output grid: RGB, thermal (uint8 or counts), and where both are valid (255)."""
        rgb, thermal, shown = (self._resized(picture) for picture in (rgb, thermal, valid))
        valid = (shown == 255).astype(np.uint8) * np.uint8(255)
        self.surfaces.append(self.tiles.surfaces(edge_fields(rgb, valid), edge_fields(thermal, valid)))
        rgb, thermal, shown = (
            cv2.resize(picture, self.whole.size, interpolation=cv2.INTER_AREA)
            for picture in (rgb, thermal, valid)
        )
        valid = (shown == 255).astype(np.uint8) * np.uint8(255)
        self.coarse.append(self.whole.surfaces(edge_fields(rgb, valid), edge_fields(thermal, valid)))

    def __len__(self) -> int:
        return len(self.surfaces)

    def _resized(self, picture: Image) -> Image:
        if self.scale == 1:
            return picture
        return cv2.resize(picture, self.size, interpolation=cv2.INTER_AREA)


class _Tiles:
    """Cross-correlation of two edge fields in tiles, by FFT."""

    def __init__(self, width: int, height: int, columns: int, rows: int) -> None:
        self.size = width, height
        x = np.linspace(0, width, columns + 1).round().astype(int)
        y = np.linspace(0, height, rows + 1).round().astype(int)
        self.boxes = [(x[i], y[k], x[i + 1], y[k + 1]) for k in range(rows) for i in range(columns)]
        self.centres: Float64 = np.array([((a + c - 1) / 2, (b + d - 1) / 2) for a, b, c, d in self.boxes])
        largest = np.array([(d - b, c - a) for a, b, c, d in self.boxes]).max(axis=0) + 2 * REACH_PX
        self._shape = tuple(cv2.getOptimalDFTSize(int(n)) for n in largest)

    def surfaces(self, rgb: Float32, thermal: Float32) -> Float32:
        """Similarity for every displacement of thermal against RGB, float32 [tiles, 2*REACH+1, 2*REACH+1].

        Rows are the displacement in y, columns in x, from -REACH_PX on. 1 would be a perfect fit.
        """
        from scipy import fft

        reach, tiles = REACH_PX, len(self.boxes)
        padded = np.pad(rgb, ((0, 0), (reach, reach), (reach, reach)))
        templates = np.zeros((tiles, 3, *self._shape), dtype=np.float32)
        windows = np.zeros_like(templates)
        norms = np.zeros(tiles, dtype=np.float32)
        for k, (x0, y0, x1, y1) in enumerate(self.boxes):
            template = thermal[:, y0:y1, x0:x1]
            seen = template[0] > 0
            if seen.mean() < MIN_EDGES:
                continue
            template = np.where(seen, template - template.mean(axis=(1, 2), keepdims=True), 0)
            window = padded[:, y0 : y1 + 2 * reach, x0 : x1 + 2 * reach]
            window = window - window.mean(axis=(1, 2), keepdims=True)
            norms[k] = np.sqrt((template**2).sum() * (window**2).sum())
            templates[k, :, : y1 - y0, : x1 - x0] = template
            windows[k, :, : window.shape[1], : window.shape[2]] = window
        spectra = np.conj(fft.rfft2(templates)) * fft.rfft2(windows)
        similarity = fft.irfft2(spectra.sum(axis=1), self._shape)
        # Window offset s means thermal(x) ~ rgb(x + s - reach): thermal lies at minus that shift.
        found = similarity[:, 2 * reach :: -1, 2 * reach :: -1] / np.maximum(norms, 1e-6)[:, None, None]
        return np.where(norms[:, None, None] > 1e-6, found, 0).astype(np.float32)
