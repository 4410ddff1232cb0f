"""``rigsight export``: a checkpoint becomes a bundle, proven against the model it comes from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from rigsight.export.bundle import ExportReport
    from rigsight.export.precision.ranges import Method
    from rigsight.export.precision.variants import Precision

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
    data: Annotated[
        str | None,
        typer.Option(help="dataset.yaml, or 'sim': make and judge FP16 and INT8 variants with it."),
    ] = None,
    variants: Annotated[str, typer.Option(help="Which, of fp16, int8 and int8-cpu.")] = "fp16,int8,int8-cpu",
    calibrate: Annotated[str, typer.Option(help="Split of --data that tells INT8's ranges.")] = "train",
    judge: Annotated[str, typer.Option(help="Split of --data that judges the variants.")] = "val",
    budget: Annotated[float, typer.Option(min=0, help="Points of the metric that a variant may lose.")] = 0.5,
    calibrator: Annotated[str, typer.Option(help="minmax, percentile, entropy or mse.")] = "mse",
    calibration_pictures: Annotated[int, typer.Option(min=1, help="At most so many calibrate.")] = 32,
    judged_pictures: Annotated[int, typer.Option(min=1, help="At most so many judge.")] = 100,
    calibration: Annotated[
        Path | None, typer.Option(help="calibration.json of an earlier export of the same, to save time.")
    ] = None,
    report_folder: Annotated[
        Path | None, typer.Option("--report", help="Folder of the report; default: <out>-report.")
    ] = None,
    eval_pictures: Annotated[
        int,
        typer.Option(min=0, max=50, help="Labelled pictures of --judge to put into the bundle, for 'build'."),
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a bundle of a checkpoint: SegMiF, a network that makes masks of RGB, thermal or both, Mask R-CNN.

    The graph is linted for TensorRT and compared with PyTorch on real-looking pictures; where they disagree
    nothing is written.

    With --data also FP16 and INT8 variants: signed Q/DQ for TensorRT (int8), unsigned for ONNX Runtime on
    CPUs (int8-cpu). Groups of layers that cost too much stay float until the budget holds; the table, the
    report and the bundle say what was decided. TensorRT's accuracy is simulated here; 'rigsight build' judges
    again on the device, on the pictures that --eval-pictures puts into the bundle (mind their licence).
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
        data=data,
        variants=variants,
        calibrate=calibrate,
        judge=judge,
        budget=budget,
        calibrator=cast("Method", calibrator),
        calibration_pictures=calibration_pictures,
        judged_pictures=judged_pictures,
        calibration=calibration,
        report=report_folder,
        eval_pictures=eval_pictures,
    )
    with console.status("starting") as status:
        report = export_checkpoint(checkpoint, out, options, lambda what: status.update(f"{what} …"))
    if as_json:
        print(json.dumps(_plain(report), indent=2))
        return
    for case in report.parity:
        console.print(f"parity {case.case}: {case.words()}", highlight=False, markup=False)
    megabytes = f"{report.graph_bytes / 1e6:.2f} MB graph, {report.total_bytes / 1e6:.2f} MB in all"
    console.print(f"{report.path}: {report.bundle_id}, {megabytes}", highlight=False, soft_wrap=True)
    if report.precision is not None:
        console.print(_variants(report.precision))
        console.print(f"report: {report.report}/report.html", highlight=False, soft_wrap=True)


def _plain(report: ExportReport) -> dict[str, Any]:
    from rigsight.export.precision.report import as_json

    return {
        "path": str(report.path),
        "bundle_id": report.bundle_id,
        "graph_bytes": report.graph_bytes,
        "total_bytes": report.total_bytes,
        "parity": [asdict(parity) for parity in report.parity],
        "precision": None if report.precision is None else as_json(report.precision),
    }


def _variants(precision: Precision) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    found = precision.made[0].found
    for heading in ("variant", found.score.metric, f"equal {precision.same}", "MB", "ms", "verdict"):
        table.add_column(heading, justify="left" if heading in ("variant", "verdict") else "right")
    for made in precision.made:
        word = "may run" if made.verdict.accepted else "refused"
        table.add_row(
            made.variant,
            f"{made.found.score.value:.4f}",
            f"{made.found.agreement:.3%}",
            f"{made.found.size / 1e6:.2f}",
            f"{made.found.milliseconds:.0f}",
            f"{word}: {made.verdict.reason}",
        )
    return table
