"""Tiles give what the whole picture gives: positions, weights, seams, odd sizes, memory."""

from __future__ import annotations

import importlib.util
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.benchmarks.tiles import border_errors, run_tiles
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.bundle.spec import Geometry, Tensor
from rigsight.edge.engines.base import Array
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.edge.engines.select import open_engine
from rigsight.edge.postprocess import class_confidence, class_mask
from rigsight.edge.tiling import Interrupted, TiledEngine, axis, crop

_spec = importlib.util.spec_from_file_location("photo_network", Path(__file__).with_name("photo_network.py"))
assert _spec
assert _spec.loader
network = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(network)
GRID = network.GRID
RADIUS = network.RADIUS
graph = network.graph
photo = network.photo
whole = network.whole
write_photo_bundle = network.write_photo_bundle

TILE = 96


def tiled(overlap: int, blend: int = 0, task: str = "binary", align: int = GRID) -> TiledEngine:
    geometry = Geometry(kind="tile", overlap_px=overlap, blend_px=blend, align_px=align)
    return TiledEngine(OnnxRuntimeEngine(graph(TILE, TILE, task), threads=1), geometry)


@pytest.mark.parametrize("length", [1, 50, 96, 97, 99, 100, 135, 136, 137, 500, 1001])
@pytest.mark.parametrize(("overlap", "blend", "align"), [(0, 0, 1), (16, 0, 4), (40, 40, 8), (33, 12, 32)])
def test_tiles_cover_every_pixel_with_a_weight_of_one(
    length: int, overlap: int, blend: int, align: int
) -> None:
    tiles = axis(length, TILE, Geometry(kind="tile", overlap_px=overlap, blend_px=blend, align_px=align))
    assert tiles.padded >= length
    assert tiles.padded in (TILE, -(-length // align) * align)
    assert all(offset % align == 0 for offset in tiles.offsets)
    assert all(b - a <= TILE - overlap for a, b in zip(tiles.offsets, tiles.offsets[1:], strict=False))
    total, inner = np.zeros(tiles.padded), np.full(tiles.padded, np.inf)
    for i, (offset, weight) in enumerate(zip(tiles.offsets, tiles.weights, strict=True)):
        assert weight.min() >= 0
        total[offset : offset + TILE] += weight
        used = np.flatnonzero(weight)
        left = used + 0.5 if i else np.full(len(used), np.inf)
        right = TILE - 0.5 - used if i + 1 < len(tiles.offsets) else np.full(len(used), np.inf)
        inner[offset + used] = np.minimum(inner[offset + used], np.minimum(left, right))
    assert np.allclose(total, 1)
    assert inner.min() >= (overlap - blend) / 2, "nothing nearer to an inner border counts"


def test_a_crop_is_mirrored_as_often_as_needed() -> None:
    picture = photo(3, 2)
    found = crop(picture, 0, 0, 7, 9)[0]
    assert (found == np.pad(picture, ((0, 5), (0, 6), (0, 0)), mode="reflect")).all()
    assert (crop(photo(1, 1), 0, 0, 4, 4) == photo(1, 1)).all()


@pytest.mark.parametrize(
    ("width", "height"), [(96, 96), (97, 95), (200, 96), (131, 257), (333, 150), (40, 30), (301, 7)]
)
@pytest.mark.parametrize("blend", [0, 8])
def test_with_an_overlap_beyond_the_receptive_field_nothing_differs(
    width: int, height: int, blend: int
) -> None:
    picture = photo(width, height, seed=width)
    found = tiled(2 * RADIUS + blend, blend).infer({"rgb": picture[None]})["probability"]
    # Smaller than a tile, the picture is mirrored further than to the grid.
    larger = np.pad(picture, ((0, max(0, TILE - height)), (0, max(0, TILE - width)), (0, 0)), mode="reflect")
    expected = whole(larger)[:, :height, :width]
    assert found.shape == (1, height, width)
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert (found == expected).mean() > 0.9999, "another order of summation may round the other way"


def test_another_phase_of_the_pooling_would_give_another_mask() -> None:
    """Why offsets are multiples of the coarsest grid."""
    picture = photo(230, TILE)
    aligned = tiled(2 * RADIUS, align=GRID).infer({"rgb": picture[None]})["probability"]
    shifted = tiled(2 * RADIUS + 1, align=1).infer({"rgb": picture[None]})["probability"]
    expected = whole(picture)
    assert ((aligned >= 128) != (expected >= 128)).mean() < 1e-4
    assert ((shifted >= 128) != (expected >= 128)).mean() > 0.05


def test_seams_are_there_without_overlap_and_fade_with_it() -> None:
    picture = photo(400, 200)
    expected = whole(picture)
    share = []
    for overlap in (0, 8, 16, 48):
        found = tiled(overlap).infer({"rgb": picture[None]})["probability"]
        share.append(float((np.abs(found.astype(int) - expected) > 1).mean()))
    assert share[0] > 0.01
    assert share == sorted(share, reverse=True)
    assert share[-1] == 0


@pytest.mark.parametrize("size", [(260, 130), (50, 60)])
def test_logits_become_mask_and_confidence(size: tuple[int, int]) -> None:
    picture = photo(*size)
    found = tiled(2 * RADIUS + 8, 8, "semantic").infer({"rgb": picture[None]})
    padded = np.pad(
        picture, ((0, max(0, TILE - size[1])), (0, max(0, TILE - size[0])), (0, 0)), mode="reflect"
    )
    logits = np.ascontiguousarray(whole(padded, "semantic")[:, :, : size[1], : size[0]])
    mask = class_mask(logits)
    assert (found["mask"][0] == mask).mean() > 0.9999
    assert np.abs(found["confidence"][0].astype(int) - class_confidence(logits, mask)).max() <= 1
    assert set(found) == {"mask", "confidence"}


class Given:
    """An engine that answers with a part of the picture it is fed, for outputs that no test network has."""

    inputs = {"rgb": Tensor(dtype="uint8", shape=(1, TILE, TILE, 3))}
    outputs: dict[str, Tensor] = {}

    def infer(self, feeds: dict[str, Array]) -> dict[str, Array]:
        rgb = feeds["rgb"]
        assert feeds["saliency"].shape == (2, 256), "what the host made goes to every tile"
        return {"mask": rgb[..., 0], "confidence": rgb[..., 1], "fused": rgb}

    def close(self) -> None:
        self.closed = True


def test_masks_of_the_graph_are_cut_and_fused_pictures_fade() -> None:
    engine = Given()
    run = TiledEngine(engine, Geometry(kind="tile", overlap_px=32, blend_px=32))
    picture = photo(211, 170)
    found = run.infer({"rgb": picture[None], "saliency": np.zeros((2, 256), np.float32)})
    assert (found["mask"][0] == picture[..., 0]).all()
    assert (found["confidence"][0] == picture[..., 1]).all()
    assert (found["fused"][0] == picture).all()
    run.close()
    assert engine.closed


def test_memory_is_the_result_and_a_row_of_tiles() -> None:
    """Four times the height takes four times the result and no more beside it."""
    beside = []
    for height in (600, 2400):
        picture = photo(800, height)
        run = tiled(2 * RADIUS)
        run.infer({"rgb": picture[None, :TILE, :TILE]})
        tracemalloc.start()
        found = run.infer({"rgb": picture[None]})["probability"]
        beside.append(tracemalloc.get_traced_memory()[1] - found.nbytes)
        tracemalloc.stop()
    row = TILE * 800 * 4
    assert beside[0] < 3 * row + 2_000_000
    assert beside[1] < beside[0] * 1.1 + 100_000


def test_progress_hears_every_tile_and_a_stop_ends_the_picture() -> None:
    heard: list[tuple[int, int]] = []
    run = tiled(48)
    run.progress = lambda done, total: heard.append((done, total))
    run.infer({"rgb": photo(200, 100)[None]})
    assert heard == [(i + 1, 8) for i in range(8)]
    heard.clear()
    run.progress = lambda done, total: (heard.append((done, total)), run.stop() if done == 3 else None)[0]
    with pytest.raises(Interrupted):
        run.infer({"rgb": photo(200, 100)[None]})
    assert len(heard) == 3


def test_the_bench_sees_seams_where_the_overlap_is_too_small(tmp_path: Path) -> None:
    picture = photo(300, 220)
    good = open_bundle(write_photo_bundle(tmp_path / "good"))
    bad = open_bundle(write_photo_bundle(tmp_path / "bad", overlap=0, blend=0))
    errors = border_errors(good, picture, threads=1)
    assert [error.distance_px for error in errors] == list(range(TILE // 4))
    assert errors[0].max_levels > 20
    assert errors[0].differing > 0.01
    assert errors[-1].max_levels <= 1
    reference = lambda rgb: whole(rgb)[0]  # noqa: E731
    assert run_tiles(good, picture, reference, threads=1).differing < 1e-4
    seen = run_tiles(bad, picture, reference, threads=1)
    assert seen.differing > 1e-3
    assert seen.differing_foreground >= seen.differing
    assert seen.tiles == 12
    without = run_tiles(bad, picture, threads=1)
    assert without.reference == "tiles that share 72 px"
    assert abs(without.differing - seen.differing) < 1e-4
    semantic = open_bundle(write_photo_bundle(tmp_path / "semantic", task="semantic"))
    with pytest.raises(RigsightError, match="BND-006.*binary"):
        border_errors(semantic, picture)


def test_a_bundle_of_photos_opens_as_tiles(tmp_path: Path) -> None:
    bundle = open_bundle(write_photo_bundle(tmp_path / "b"))
    assert isinstance(open_engine(bundle, threads=1), TiledEngine)
