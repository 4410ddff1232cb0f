"""``rigsight evaluate``: score a checkpoint or a bundle on labelled data, or on the simulated rig."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from rigsight.cli import evaluate_simulated
from rigsight.cli.evaluate_tables import print_report

app = typer.Typer(add_completion=False, rich_markup_mode=None)

CHECKPOINT_SUFFIX = ".safetensors"
SHEET, FIGURES = "worst.png", "scores.json"


class Way(str, Enum):
    """How the PA and IoU of single pictures come to a mask."""

    FIXED = "fixed"
    NADINET = "nadinet"


EPILOG = """Examples:

  rigsight evaluate out/train/crack/model.safetensors --data data/crack --split val --out out/eval

  rigsight evaluate bundles/sim_street --scene street --json
"""


@app.command(epilog=EPILOG)
def evaluate(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT|BUNDLE",
            help="A .safetensors file, or a bundle's folder or zip, or installed:NAME.",
        ),
    ],
    data: Annotated[Path | None, typer.Option(help="dataset.yaml; the simulated rig without it.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Of the data set; test where there is one, else val, without it.")
    ] = None,
    protocol: Annotated[
        Way,
        typer.Option(help="Binary: PA and IoU at the model's threshold or by NaDiNet's script."),
    ] = Way.FIXED,
    tolerance: Annotated[float, typer.Option(min=0, max=50, help="Binary: of precision and recall, px.")] = 0,
    out: Annotated[Path | None, typer.Option(help=f"Folder for {FIGURES} and {SHEET}.")] = None,
    worst: Annotated[int, typer.Option(min=1, max=100, help="Cases on the sheet.")] = 8,
    scene: Annotated[list[str] | None, typer.Option(help="Simulated: street, facade, pipe.")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Simulated: held-out places a scene.")] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="Print all scores as JSON.")] = False,
) -> int:
    """Score a model by the protocols of its task; docs/evaluation.md says what each figure means.

    With --data, a semantic model gets mIoU and mAcc with both cameras, RGB only and thermal only; a binary
    one F1 over thresholds (ODS, OIS), AUPRC, region F1, IoU, PA; an instance model COCO AP; fused pictures
    EN, SD, SF, SCD. The sheet shows the worst cases. Without --data, mIoU on held-out places of the simulated
    rig. A bundle is scored as it runs on the robot, without torch.
    """
    if data is None:
        if protocol != Way.FIXED or tolerance or out is not None:
            raise typer.BadParameter("--protocol, --tolerance and --out go with --data")
        return evaluate_simulated.run(model, split or "test", scene, seeds, as_json)
    if scene is not None:
        raise typer.BadParameter("--scene is of the simulated rig; leave it out with --data")

    from rigsight.training.data.dataset import open_dataset
    from rigsight.training.evaluation.dataset import Settings, default_split
    from rigsight.training.evaluation.dataset import evaluate as judge
    from rigsight.training.evaluation.subject import Subject
    from rigsight.training.progress import Progress

    dataset = open_dataset(data)
    subject: Subject
    if model.suffix == CHECKPOINT_SUFFIX:
        from rigsight.training.evaluation.networks import open_network

        subject = open_network(model)
    else:
        from rigsight.edge.bundle.start import open_named
        from rigsight.training.evaluation.bundles import BundleSubject

        subject = BundleSubject(open_named(model))
    chosen = split or default_split(dataset)
    with Progress() as progress:
        settings = Settings(tolerance, protocol.value, 0 if out is None else worst)
        report = judge(subject, dataset, chosen, settings, lambda done, total: progress(chosen, done, total))
    if out is not None:
        import cv2

        from rigsight.base.files import make_folder, write_bytes, write_text

        make_folder(out)
        write_text(out / FIGURES, json.dumps(report.as_json(), indent=1))
        if report.sheet is not None:
            encoded = cv2.imencode(".png", cv2.cvtColor(report.sheet, cv2.COLOR_RGB2BGR))[1]
            write_bytes(out / SHEET, encoded.tobytes())
    if as_json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        print_report(report)
    return 0
