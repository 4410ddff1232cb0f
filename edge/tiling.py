"""A picture of any size through a graph of one size: overlapping tiles, joined without seams.

A network without global operations sees only so far: where the distance to a tile's inner border is at least
the radius of its receptive field, a tile gives exactly what the whole picture would. So neighbours overlap,
and what lies near their borders is left to the other one. Memory is the result and one row of tiles.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rigsight.edge.bundle.contract import PICTURES
from rigsight.edge.bundle.spec import Geometry
from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.frames import Float32, Image, UInt8
from rigsight.edge.postprocess import class_confidence, class_mask


@dataclass(frozen=True)
class Axis:
    """Where tiles lie along one side of a picture.

    Attributes:
        length: of the picture, px.
        tile: side of a tile, px.
        offsets: first pixel of every tile, ascending multiples of the alignment; the last tile may end
            beyond the picture.
        weights: float32 [tile] of every tile; over all tiles they sum to 1 at every pixel.
    """

    length: int
    tile: int
    offsets: tuple[int, ...]
    weights: tuple[Float32, ...]

    @property
    def padded(self) -> int:
        """Side of the picture with what continues it, so that the last tile is full."""
        return self.offsets[-1] + self.tile


def axis(length: int, tile: int, geometry: Geometry, blend_px: int | None = None) -> Axis:
    """Tiles of side ``tile`` along a picture's side of ``length``; ``blend_px`` replaces the geometry's.

    Neighbours share at least ``overlap_px``; the last tile is drawn back to the end of the picture, which is
    mirrored at its end up to the next multiple of ``align_px`` and to at least one tile.

    >>> tiles = axis(100, 64, Geometry(kind="tile", overlap_px=16, align_px=16))
    >>> tiles.offsets, tiles.padded
    ((0, 48), 112)
    """
    align = geometry.align_px
    padded = max(tile, -(-length // align) * align)
    step = (tile - geometry.overlap_px) // align * align
    offsets = [*range(0, padded - tile, step), padded - tile]
    blend = geometry.blend_px if blend_px is None else blend_px
    return Axis(length, tile, tuple(offsets), _weights(offsets, tile, blend))


def _weights(offsets: list[int], tile: int, blend: int) -> tuple[Float32, ...]:
    """Each tile's ramp up less the next one's: the sum telescopes to 1, whatever overlaps."""
    centres = [(before + after + tile) / 2 for before, after in pairwise(offsets)]
    made = []
    for i, offset in enumerate(offsets):
        place = offset + np.arange(tile, dtype=np.float64) + 0.5
        up = np.ones(tile) if i == 0 else _ramp(place, centres[i - 1], blend)
        down = np.zeros(tile) if i + 1 == len(offsets) else _ramp(place, centres[i], blend)
        made.append((up - down).astype(np.float32))
    return tuple(made)


def _ramp(place: Array, centre: float, width: int) -> Array:
    if width == 0:
        return (place > centre).astype(np.float64)
    return np.clip((place - centre) / width + 0.5, 0.0, 1.0)


def crop(picture: Image, y: int, x: int, height: int, width: int) -> Image:
    """``picture`` [H,W(,C)] from (y, x) on, mirrored at its lower and right border; [1,height,width,C].

    >>> crop(np.uint8([[1, 2, 3]]), 0, 1, 2, 4)[0, :, :, 0].tolist()
    [[2, 3, 2, 1], [2, 3, 2, 1]]
    """
    part = picture[y : y + height, x : x + width]
    if part.shape[:2] != (height, width):
        rows = _mirrored(y, height, picture.shape[0])
        part = picture[rows[:, None], _mirrored(x, width, picture.shape[1])]
    return np.ascontiguousarray(part).reshape(1, height, width, -1)


def _mirrored(start: int, count: int, length: int) -> Array:
    """Indices ``start`` ... of a side, reflected at its ends without repeating the last pixel."""
    period = max(1, 2 * (length - 1))
    index = np.arange(start, start + count) % period
    return np.minimum(index, period - index)


class _Band:
    """One output, summed over a row of tiles: float32 [C, tile height, padded width]."""

    def __init__(self, channels: int, rows: Axis, columns: Axis) -> None:
        self._sum = np.zeros((channels, rows.tile, columns.padded), np.float32)
        self._rows, self._columns = rows, columns

    def add(self, values: Array, row: int, column: int) -> None:
        """Add a tile's output [C,h,w] with its weights."""
        across = self._columns.weights[column]
        weight = self._rows.weights[row][:, None] * across
        x = self._columns.offsets[column]
        self._sum[:, :, x : x + len(across)] += values * weight

    def take(self, count: int) -> Float32:
        """The first ``count`` rows [C,count,W], which no later tile reaches; the band moves on by as many."""
        done = self._sum[:, :count, : self._columns.length].copy()
        self._sum[:, :-count] = self._sum[:, count:]
        self._sum[:, -count:] = 0
        return done


class Interrupted(Exception):
    """:meth:`TiledEngine.stop` was called; it ends the picture that is being inferred."""


class TiledEngine:
    """An engine that takes pictures of any size, cut into tiles of its graph's size and joined again.

    ``probability``, ``fused`` and ``logits`` fade from tile to tile; of logits it returns ``mask`` and
    ``confidence``, so that no class plane of the whole picture is ever held. ``mask`` and ``confidence`` of
    the graph itself are cut in the middle of the overlap. What host functions made of the whole picture goes
    to every tile. ``progress`` hears (tiles done, tiles in all).
    """

    def __init__(
        self,
        engine: Engine,
        geometry: Geometry,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self.inputs, self.outputs = engine.inputs, engine.outputs
        self.engine, self.geometry, self.progress = engine, geometry, progress
        self._stopped = threading.Event()
        _, self._height, self._width, _ = next(
            engine.inputs[name].shape for name in PICTURES if name in engine.inputs
        )

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """See :class:`rigsight.edge.engines.base.Engine`; pictures are [1,H,W,C] of any one size.

        Returns:
            ``probability``, ``mask`` and ``confidence`` uint8 [1,H,W], ``fused`` uint8 [1,H,W,3], by what the
            graph gives.

        Raises:
            RigsightError: BND-008 for a feed that is missing or of another depth.
            Interrupted: :meth:`stop` was called.
        """
        pictures = {name: feeds[name][0] for name in PICTURES if name in feeds}
        height, width = next(iter(pictures.values())).shape[:2]
        rows, columns = axis(height, self._height, self.geometry), axis(width, self._width, self.geometry)
        cuts = axis(height, self._height, self.geometry, 0), axis(width, self._width, self.geometry, 0)
        done, total = 0, len(rows.offsets) * len(columns.offsets)
        bands: dict[str, _Band] = {}
        results: dict[str, Array] = {}
        for row, y in enumerate(rows.offsets):
            for column, x in enumerate(columns.offsets):
                if self._stopped.is_set():
                    raise Interrupted
                tile = {
                    name: crop(picture, y, x, self._height, self._width) for name, picture in pictures.items()
                }
                for name, values in _planes(self.engine.infer({**feeds, **tile})):
                    if name not in bands:
                        fades = name in ("probability", "fused", "logits")
                        bands[name] = _Band(len(values), *((rows, columns) if fades else cuts))
                    bands[name].add(values, row, column)
                done += 1
                self.progress(done, total)
            end = rows.offsets[row + 1] if row + 1 < len(rows.offsets) else rows.padded
            for name, band in bands.items():
                _emit(name, band.take(end - y), y, height, results)
        return results

    def stop(self) -> None:
        """End the picture after its current tile, for good; from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """Give the engine's memory back."""
        self.engine.close()


def _planes(outputs: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Name and values [C,h,w] of every output that lies on the picture's grid."""
    for name, values in outputs.items():
        if name == "logits":
            yield name, values[0]
        elif name == "fused":
            yield name, values[0].transpose(2, 0, 1)
        elif name in ("probability", "mask", "confidence"):
            yield name, values


def _emit(name: str, rows: Float32, y: int, height: int, results: dict[str, Array]) -> None:
    """Write finished rows [C,n,W] from ``y`` on into the results, without those below the picture."""
    rows = rows[:, : max(0, height - y)]
    here = slice(y, y + rows.shape[1])
    if rows.shape[1] == 0:
        return
    if name == "logits":
        mask = class_mask(rows[None])
        _canvas("mask", (height, rows.shape[2]), results)[0, here] = mask
        _canvas("confidence", (height, rows.shape[2]), results)[0, here] = class_confidence(rows[None], mask)
    elif name == "fused":
        canvas = _canvas(name, (height, rows.shape[2], len(rows)), results)
        canvas[0, here] = np.rint(rows).transpose(1, 2, 0)
    else:
        _canvas(name, (height, rows.shape[2]), results)[0, here] = np.rint(rows[0])


def _canvas(name: str, shape: tuple[int, ...], results: dict[str, Array]) -> UInt8:
    if name not in results:
        results[name] = np.zeros((1, *shape), np.uint8)
    return results[name]
