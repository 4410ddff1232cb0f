"""``rigsight convert``: other people's trained networks as our checkpoints."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog="Example: rigsight convert modelfusion-final2.pth model-fusion_add_final2.pth --model segmif "
    "--out segmif.safetensors"
)
def convert(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Published .pth or .safetensors files; SegMiF has two."),
    ],
    model: Annotated[
        str,
        typer.Option(help="segmif, mfnet, nadinet_densenet201, nadinet_vgg16, nadinet_resnet34 or scnet."),
    ],
    out: Annotated[Path, typer.Option(help="The checkpoint, a .safetensors file.")],
    data: Annotated[
        Path | None, typer.Option(help="dataset.yaml whose classes the network tells apart.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a checkpoint of published weights that you have.

    SegMiF, MFNet and NaDiNet become whole networks. The two DeepCracks fill SCNet's trunk, a start for
    training. Weights only are read: a file with pickled code is refused. Whose weights they are, and under
    which terms, goes into the checkpoint and from there into bundles.
    """
    from rigsight.training.convert.convert import convert as run

    command = ["rigsight", "convert", *map(str, files), "--model", model, "--out", str(out)]
    classes = []
    if data is not None:
        from rigsight.edge.bundle.spec import ClassEntry
        from rigsight.training.data.dataset import open_dataset

        classes = [ClassEntry(name=c.name, color=c.color) for c in open_dataset(data).spec.classes]
        command += ["--data", str(data)]
    result = run(files, model, out, classes, command)
    if as_json:
        print(json.dumps(asdict(result), indent=2))
        return
    print(f"{result.origin}. Licence: {result.licence}", file=sys.stderr)
    fresh = f", {result.fresh} stay fresh: train before use" if result.fresh else ""
    print(f"{result.taken} tensors taken, {result.dropped} unused ones left out{fresh}")
    print(f"weights: {out}")
