"""``rigsight export``: a checkpoint becomes a bundle, proven against the model it comes from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog="Example: rigsight export out/train/street/model.safetensors --out bundles/sim_street")
def export(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="A .safetensors file of 'rigsight train'.")
    ],
    out: Annotated[Path, typer.Option(help="The bundle: a folder, or one zip where it ends in .zip.")],
    name: Annotated[str | None, typer.Option(help="The bundle's name; default: from --out.")] = None,
    release: Annotated[int, typer.Option(help="Release number, counted from 1.")] = 1,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "Apache-2.0",
    data_licence: Annotated[
        str | None, typer.Option(help="Source and licence of the training data; default: as recorded.")
    ] = None,
    min_accuracy: Annotated[
        float, typer.Option(help="With a lower score (a camera is missing) the robot gives no mask.")
    ] = 0.5,
    tile: Annotated[
        int | None,
        typer.Option(min=0, help="Side of tiles for photos of any size; default: 512 for nets of crops."),
    ] = None,
    overlap: Annotated[
        int | None, typer.Option(min=0, help="Pixels that neighbouring tiles share; default: a quarter.")
    ] = None,
    golden: Annotated[
        str | None,
        typer.Option(help="Pictures to prove a bundle of one camera on; default: simulated ones."),
    ] = None,
    with_checkpoint: Annotated[
        bool, typer.Option("--with-checkpoint", help="Add the weights in half precision, to fine-tune from.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a bundle of a checkpoint of SegMiF, or of a network that makes masks of RGB, thermal or both.

    The graph is linted for TensorRT and compared with PyTorch on real-looking pictures; where they disagree
    nothing is written.
    """
    from rich.console import Console

    from rigsight.export.bundle import ExportOptions, export_checkpoint

    console = Console(stderr=as_json)
    options = ExportOptions(
        name=name,
        release=release,
        licence=licence,
        data_licence=data_licence,
        min_accuracy=min_accuracy,
        tile=tile,
        overlap=overlap,
        golden=golden,
        with_checkpoint=with_checkpoint,
    )
    with console.status("starting") as status:
        report = export_checkpoint(checkpoint, out, options, lambda what: status.update(f"{what} …"))
    if as_json:
        print(json.dumps({**asdict(report), "path": str(report.path)}, indent=2))
        return
    for case in report.parity:
        console.print(f"parity {case.case}: {case.words()}", highlight=False, markup=False)
    megabytes = f"{report.graph_bytes / 1e6:.2f} MB graph, {report.total_bytes / 1e6:.2f} MB in all"
    console.print(f"{report.path}: {report.bundle_id}, {megabytes}", highlight=False, soft_wrap=True)
