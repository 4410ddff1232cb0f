"""``rigsight evaluate``: score a checkpoint on held-out places of the simulated rig."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)

COLUMNS = {"both": "both", "rgb_only": "RGB only", "thermal_only": "thermal only"}


@app.command(epilog="Example: rigsight evaluate out/train/demo/model.safetensors --scene street --json")
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A .safetensors file of 'rigsight train'.")],
    split: Annotated[str, typer.Option(help="test (for reports) or val (for tuning).")] = "test",
    scene: Annotated[list[str] | None, typer.Option(help="street, facade, pipe; all without it.")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Held-out places of every scene.")] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores of every class as JSON.")] = False,
) -> int:
    """mIoU of a checkpoint by scene, with both pictures, RGB only and thermal only.

    Absent classes count nowhere; the per-pixel baseline is the one fitted when the checkpoint was trained.
    """
    from rigsight.training.config import SCENES
    from rigsight.training.evaluate import evaluate_checkpoint

    reports, baseline = evaluate_checkpoint(checkpoint, split, scene or SCENES, seeds)
    if as_json:
        print(json.dumps({name: report.as_json() for name, report in reports.items()}, indent=2))
        return 0
    print_scores({name: report.miou() for name, report in reports.items()}, baseline)
    return 0


def print_scores(scores: Mapping[str, Mapping[str, float]], baseline: Mapping[str, float]) -> None:
    """A table of mIoU by scene; nothing when there are no scores."""
    if not scores:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title="mIoU on held-out places")
    for heading in ("scene", *COLUMNS.values(), "per-pixel baseline"):
        table.add_column(heading, justify="left" if heading == "scene" else "right")
    for scene, values in scores.items():
        cells = [f"{values[key]:.3f}" if key in values else "–" for key in COLUMNS]
        table.add_row(scene, *cells, f"{baseline[scene]:.3f}" if scene in baseline else "–")
    Console().print(table)
