"""Which tiles a bundle of photos runs in, and a tile of a photo to prove its graph on."""

from __future__ import annotations

from collections.abc import Mapping

from rigsight.base.schema import parse_model
from rigsight.edge.bundle.contract import PICTURES, graph_size
from rigsight.edge.bundle.spec import Geometry, Part, Preprocessing
from rigsight.edge.engines.base import Array
from rigsight.edge.tiling import crop
from rigsight.export import codes
from rigsight.training.checkpoint import CheckpointMeta

SIDE = 512
BLEND_PX = 16


def with_tiles(
    meta: CheckpointMeta, side: int | None, overlap: int | None, align: int
) -> tuple[int | None, Preprocessing]:
    """Side of the tiles, None without, and the preprocessing that says so.

    Args:
        meta: of the checkpoint; a network that was trained on crops gets tiles of 512 px.
        side: what the user wants, 0 for no tiles.
        overlap: px that neighbours share; a quarter of the tile without it.
        align: the network's coarsest grid in px.

    Raises:
        RigsightError: EXP-008 for tiles that are no multiple of ``align`` or no larger than what they share.
    """
    if side is None and _trained_on_crops(meta):
        side = SIDE
    if not side:
        if overlap is not None:
            raise codes.BAD_TILES("an overlap was given without tiles")
        return None, meta.preprocessing
    shared = side // 4 if overlap is None else overlap
    if side % align or shared > side - align:
        raise codes.BAD_TILES(f"tiles of {side} px that share {shared} px, on a grid of {align} px")
    data = {"kind": "tile", "overlap_px": shared, "blend_px": min(BLEND_PX, shared), "align_px": align}
    geometry = parse_model(data, Geometry, codes.BAD_TILES)
    return side, meta.preprocessing.model_copy(update={"geometry": geometry})


def first_tile(feeds: Mapping[str, Array], part: Part) -> dict[str, Array]:
    """``feeds`` with the pictures [1,H,W,C] cut, or mirrored, to the size of the part's graph."""
    width, height = graph_size(part)
    cut = {name: crop(feeds[name][0], 0, 0, height, width) for name in PICTURES if name in feeds}
    return {**feeds, **cut}


def _trained_on_crops(meta: CheckpointMeta) -> bool:
    data = meta.training.config.get("data", {})
    return isinstance(data, dict) and bool(data.get("crop"))
