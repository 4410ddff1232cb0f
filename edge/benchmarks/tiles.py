"""What tiles cost and what they change: seams, time and memory of a bundle on photos of any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from rigsight.edge import codes
from rigsight.edge.benchmarks.throughput import resident_mib
from rigsight.edge.bundle.contract import wanted
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Geometry
from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.engines.select import open_graph
from rigsight.edge.frames import UInt8
from rigsight.edge.tiling import TiledEngine, axis, crop

MIB = 1 << 20
PLACES = 8  # of a photo, at which the border of a tile is compared with the inside of another


@dataclass(frozen=True)
class BorderError:
    """What a tile gives at one distance from its border, beside a tile that has these pixels well inside.

    ``differing`` is the share of pixels with another class, ``mean_levels`` and ``max_levels`` the difference
    of the probability of 255; ``distance_px`` 0 is the border itself.
    """

    distance_px: int
    differing: float
    mean_levels: float
    max_levels: int


@dataclass(frozen=True)
class TileRun:
    """One photo through a bundle's tiles.

    Resident memory in MiB before the photo was taken up and at its peak; ``photo_mib`` is the photo's own and
    the result's. ``differing`` is the share of the mask's pixels that differ from ``reference``,
    ``differing_foreground`` that among the pixels which either side calls foreground.
    """

    width: int
    height: int
    tiles: int
    seconds: float
    start_mib: float
    peak_mib: float
    photo_mib: float
    reference: str
    differing: float
    differing_foreground: float
    max_levels: int


def check_binary(bundle: Bundle) -> int:
    """The threshold of a bundle that can be measured. Raises BND-006 for one that runs otherwise."""
    spec = bundle.spec
    if (
        spec.threshold is None
        or spec.preprocessing.geometry.kind != "tile"
        or wanted(bundle.part()) != ("rgb",)
    ):
        raise codes.VARIANT_MISSING(
            "tiles are measured on binary bundles of one RGB camera with the geometry 'tile'",
            where=bundle.path,
        )
    return spec.threshold


def border_errors(bundle: Bundle, photo: UInt8, threads: int | None = None) -> list[BorderError]:
    """How far from a tile's border its result is that of the whole picture, by distance up to a quarter tile.

    Two tiles of the same rows lie half a tile apart: what is ``d`` px from the border of one is half a tile
    less ``d`` from that of the other. Likewise in columns.

    Args:
        bundle: binary, of RGB, with tiles.
        photo: uint8 [H,W,3].
        threads: of the engine.
    """
    threshold, engine = check_binary(bundle), open_graph(bundle, threads=threads)
    (width, height), align = bundle.size, bundle.spec.preprocessing.geometry.align_px
    near: list[Array] = []
    far: list[Array] = []
    for y, x in _places(photo, width, height, align):
        whole = _probability(engine, photo, y, x, width, height)
        for dy, dx in ((0, _half(width, align)), (_half(height, align), 0)):
            other = _probability(engine, photo, y + dy, x + dx, width, height)
            if dx:
                near.append(other[:, : width // 4].T)
                far.append(whole[:, dx : dx + width // 4].T)
            else:
                near.append(other[: height // 4])
                far.append(whole[dy : dy + height // 4])
    engine.close()
    found = []
    for distance in range(min(width, height) // 4):
        a = np.concatenate([rows[distance] for rows in near]).astype(np.int16)
        b = np.concatenate([rows[distance] for rows in far]).astype(np.int16)
        levels = np.abs(a - b)
        differing = float(((a >= threshold) != (b >= threshold)).mean())
        found.append(BorderError(distance, differing, float(levels.mean()), int(levels.max())))
    return found


def run_tiles(
    bundle: Bundle,
    photo: UInt8,
    reference: Callable[[UInt8], UInt8] | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TileRun:
    """Time, memory and seams of one photo.

    Args:
        bundle: binary, of RGB, with tiles.
        photo: uint8 [H,W,3].
        reference: gives the probability uint8 [H,W] of the whole photo at once; without it tiles that share
            three quarters are taken: what they give lies three eighths of a tile from their borders.
        threads: of the engine.
        progress: hears (tiles done, tiles in all), of the reference's tiles too.
    """
    threshold, geometry = check_binary(bundle), bundle.spec.preprocessing.geometry
    engine = open_graph(bundle, threads=threads)
    _probability(engine, photo, 0, 0, *bundle.size)  # the engine's own memory is taken at its first run
    start = peak = resident_mib()

    def watch(done: int, total: int) -> None:
        nonlocal peak
        peak = max(peak, resident_mib())
        progress(done, total)

    began = perf_counter()
    found = TiledEngine(engine, geometry, watch).infer({"rgb": photo[None]})["probability"][0]
    seconds = perf_counter() - began
    if reference is None:
        side, align = min(bundle.size), geometry.align_px
        wide = Geometry(kind="tile", overlap_px=side - max(align, side // 4 // align * align), align_px=align)
        name = f"tiles that share {wide.overlap_px} px"
        expected = TiledEngine(engine, wide, progress).infer({"rgb": photo[None]})["probability"][0]
    else:
        name, expected = "the whole picture at once", reference(photo)
    engine.close()
    a, b = found >= threshold, expected >= threshold
    wrong, either = int((a != b).sum()), int((a | b).sum())
    height, width = photo.shape[:2]
    return TileRun(
        width=width,
        height=height,
        tiles=_count(photo, bundle),
        seconds=seconds,
        start_mib=start,
        peak_mib=peak,
        photo_mib=(photo.nbytes + found.nbytes) / MIB,
        reference=name,
        differing=wrong / a.size,
        differing_foreground=wrong / either if either else 0.0,
        max_levels=int(np.abs(found.astype(np.int16) - expected).max()),
    )


def _count(photo: UInt8, bundle: Bundle) -> int:
    geometry = bundle.spec.preprocessing.geometry
    sides = zip(photo.shape[1::-1], bundle.size, strict=True)
    columns, rows = (len(axis(length, tile, geometry).offsets) for length, tile in sides)
    return columns * rows


def _places(photo: UInt8, width: int, height: int, align: int) -> list[tuple[int, int]]:
    """Upper left corners (y, x) spread over the photo."""
    rows, columns = (max(0, n - side) for n, side in zip(photo.shape[:2], (height, width), strict=True))
    corners = {
        (int(y) // align * align, int(x) // align * align)
        for y in np.linspace(0, rows, 3)
        for x in np.linspace(0, columns, 3)
    }
    return sorted(corners)[:PLACES]


def _half(side: int, align: int) -> int:
    return max(align, side // 2 // align * align)


def _probability(engine: Engine, photo: UInt8, y: int, x: int, width: int, height: int) -> UInt8:
    found: UInt8 = engine.infer({"rgb": crop(photo, y, x, height, width)})["probability"][0].copy()
    return found
