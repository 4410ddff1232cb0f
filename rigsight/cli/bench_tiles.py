"""``rigsight bench tiles``: seams, time and memory of a bundle that runs photos in tiles."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rigsight.edge.benchmarks.tiles import BorderError, TileRun

HELP = """What tiles cost and change: seams, time and memory of a bundle on a photo.

The first table says how a tile's result near its border differs from what the inside of another tile gives
for the same pixels: choose the overlap so that pixels nearer than that are not used. Then the photo's mask is
compared with that of the whole photo: with --checkpoint by PyTorch at once (about 0.5 GB a megapixel),
otherwise by tiles that share three quarters.

Example: rigsight bench tiles --bundle bundles/crack --rgb photo.jpg
"""
DISTANCES = (0, 4, 8, 16, 24, 32, 48, 64, 96)


def tiles(
    bundle: Annotated[Path, typer.Option(help="folder or zip of a binary bundle of photos")],
    rgb: Annotated[Path, typer.Option(help="the photo")],
    checkpoint: Annotated[
        Path | None, typer.Option(help="its checkpoint, to compare with the whole photo at once")
    ] = None,
    enlarge: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="repeat the photo to this size, every other one mirrored"),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="of the engine; all cores but one")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="only the figures on stdout, as JSON")] = False,
) -> None:
    """Measure seams, time and memory of tiles."""
    import cv2
    from rich.console import Console

    from rigsight.edge.benchmarks.tiles import border_errors, check_binary, run_tiles
    from rigsight.edge.bundle.reader import open_bundle
    from rigsight.edge.sources.pictures import read_picture

    opened = open_bundle(bundle)
    check_binary(opened)
    photo: Any = cv2.cvtColor(read_picture(rgb, "rgb"), cv2.COLOR_BGR2RGB)
    if enlarge is not None:
        photo = repeated(photo, enlarge)
    with Console(stderr=True).status("borders") as status:
        errors = border_errors(opened, photo, threads)
        reference = None
        if checkpoint is not None:
            from rigsight.export.whole import whole_probability

            reference = whole_probability(checkpoint)
        run = run_tiles(
            opened, photo, reference, threads, lambda done, total: status.update(f"tile {done} of {total}")
        )
    if as_json:
        figures = {"bundle": opened.id, "run": asdict(run), "borders": [asdict(error) for error in errors]}
        print(json.dumps(figures, indent=2))
    else:
        show(errors, run)


def repeated(photo: Any, size: str) -> Any:
    """A picture of ``WxH`` px made of the photo and its mirror images. Raises typer.BadParameter."""
    import numpy as np

    words = size.lower().split("x")
    if len(words) != 2 or not all(word.isdigit() and 0 < int(word) <= 20_000 for word in words):
        raise typer.BadParameter("--enlarge is WIDTHxHEIGHT in pixels, for example 4000x3000")
    width, height = map(int, words)
    block = np.block([[[photo], [photo[:, ::-1]]], [[photo[::-1]], [photo[::-1, ::-1]]]])
    times = (-(-height // block.shape[0]), -(-width // block.shape[1]), 1)
    return np.ascontiguousarray(np.tile(block, times)[:height, :width])


def show(errors: list[BorderError], run: TileRun) -> None:
    """Print the figures for people."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("px from a tile's border", "mask differs", "mean of 255", "at most"):
        table.add_column(title, justify="right")
    for error in errors:
        if error.distance_px in DISTANCES:
            cells = f"{error.differing:.3%}", f"{error.mean_levels:.2f}", str(error.max_levels)
            table.add_row(str(error.distance_px), *cells)
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{run.width}x{run.height}: {run.tiles} tiles in {run.seconds:.1f} s; memory {run.start_mib:.0f} MiB "
        f"with photo and engine, at most {run.peak_mib:.0f} MiB (photo and result take {run.photo_mib:.0f})",
        soft_wrap=True,
    )
    console.print(
        f"beside {run.reference}: {run.differing:.4%} of the mask differ ({run.differing_foreground:.3%} of "
        f"the foreground), the probability by at most {run.max_levels} of 255",
        soft_wrap=True,
    )
