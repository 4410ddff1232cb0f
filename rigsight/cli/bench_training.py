"""``rigsight bench training``: what a training step costs, and how fast pictures are prepared."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rigsight.training.benchmark import StepCost

LOADING_GOAL = 40.0
HELP = """One training step of every system beside a plain torchvision network of similar size.

Forward, loss, backward and optimiser on random pictures, one thread, each network in a process of its own:
median processor time, and the largest resident memory of that process. Then the paired 640x480 samples that
one core prepares with augmentation.

Examples:

  rigsight bench training

  rigsight bench training --only scnet_edge --only segmif --batch 1 --json
"""


def training(
    only: Annotated[list[str] | None, typer.Option(help="of our networks, these; all without it")] = None,
    width: Annotated[int, typer.Option(min=64, help="of the pictures")] = 320,
    height: Annotated[int, typer.Option(min=64, help="of the pictures")] = 256,
    batch: Annotated[int, typer.Option(min=1, help="pictures a step")] = 2,
    seconds: Annotated[float, typer.Option(min=0.0, help="of the loading test; 0 leaves it out")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="only the figures on stdout, as JSON")] = False,
) -> None:
    """Measure training steps and data loading."""
    from rigsight.cli.bench import machine
    from rigsight.training.benchmark import RIVALS, loading_rates, measure_step

    unknown = sorted(set(only or ()) - {rival.name for rival in RIVALS})
    if unknown:
        known = ", ".join(rival.name for rival in RIVALS)
        raise typer.BadParameter(f"there is no row '{unknown[0]}'; rows: {known}")
    facts = machine()
    plain: dict[str, StepCost] = {}
    rows: list[tuple[StepCost, StepCost]] = []
    for rival in RIVALS:
        if only and rival.name not in only:
            continue
        print(f"{rival.name} …", file=sys.stderr, flush=True)
        if rival.plain not in plain:
            plain[rival.plain] = measure_step(rival.plain, "", (width, height), batch)
        rows.append((measure_step(rival.name, rival.loss, (width, height), batch), plain[rival.plain]))
    loading = loading_rates(seconds) if seconds else {}
    if as_json:
        told = [{"ours": dataclasses.asdict(a), "plain": dataclasses.asdict(b)} for a, b in rows]
        print(json.dumps({"machine": facts, "steps": told, "samples_per_s": loading}, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(width=110)
    table = Table(box=None, pad_edge=False, header_style="bold", title=f"steps of {batch} x {width}x{height}")
    for heading in (
        "network",
        "M parameters",
        "s",
        "pictures/s",
        "peak MB",
        "beside",
        "s",
        "peak MB",
        "ratio",
    ):
        table.add_column(heading, justify="left" if heading in ("network", "beside") else "right")
    for ours, other in rows:
        table.add_row(
            ours.name,
            f"{ours.parameters / 1e6:.2f}",
            f"{ours.seconds:.2f}",
            f"{ours.images_per_s:.2f}",
            f"{ours.peak_mb:.0f}",
            other.name,
            f"{other.seconds:.2f}",
            f"{other.peak_mb:.0f}",
            f"{ours.seconds / other.seconds:.2f}x",
        )
    console.print(table)
    for name, rate in loading.items():
        console.print(f"samples {name}: {rate:.0f}/s of one core (goal {LOADING_GOAL:.0f})", highlight=False)
    console.print(", ".join(f"{key} {value}" for key, value in facts.items()), highlight=False)
