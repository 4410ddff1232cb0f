"""``rigsight bench fusion``: fused pictures of real pairs beside averaging and the inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rigsight.training.evaluation.fusion import FusionReport
    from rigsight.training.evaluation.subject import Subject

HELP = """EN, SD, SF and SCD of fused pictures beside averaging and both inputs, and who is seen in them.

With --boxes, persons that are boxed in the infrared picture and not in the visible one: in how many does the
visible, the averaged, the fused picture show a contrast? docs/evaluation.md says how that is measured.

Example:

  rigsight bench fusion --rgb data/msrs/vi --thermal data/msrs/ir --boxes data/msrs/labels --only '*N'
"""


def fusion(
    rgb: Annotated[Path, typer.Option(help="folder of visible pictures")],
    thermal: Annotated[Path, typer.Option(help="folder of infrared pictures with the same stems, 8 bits")],
    model: Annotated[Path, typer.Option(help="a bundle or checkpoint that fuses")] = Path(
        "bundles/sim_street"
    ),
    boxes: Annotated[Path | None, typer.Option(help="with visible/STEM.txt, infrared/STEM.txt")] = None,
    only: Annotated[str, typer.Option(help="stems to take, with wildcards")] = "*",
    every: Annotated[int, typer.Option(min=1, help="take each n-th pair; 5: those kept from training")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print the figures as JSON")] = False,
) -> None:
    """Measure fusion."""
    from fnmatch import fnmatch

    from rigsight.training import codes
    from rigsight.training.config import PairFolders
    from rigsight.training.data.pairs import matched
    from rigsight.training.evaluation.fusion import compare
    from rigsight.training.progress import Progress

    folders = PairFolders(rgb=str(rgb), thermal=str(thermal))
    pairs = [pair for pair in matched(folders)[::every] if fnmatch(pair[0].stem, only)]
    if not pairs:
        raise codes.PAIRS_UNREADABLE(f"no pair is called like '{only}'", where=rgb)
    subject = _opened(model)
    with Progress() as progress:
        report = compare(subject, pairs, boxes, lambda done, total: progress("pairs", done, total))
    if as_json:
        print(json.dumps({"model": subject.name, **report.as_json()}, indent=2))
    else:
        show(subject.name, report)


def _opened(model: Path) -> Subject:
    if model.suffix == ".safetensors":
        from rigsight.training.evaluation.networks import open_network

        return open_network(model)
    from rigsight.edge.bundle.reader import open_bundle
    from rigsight.training.evaluation.bundles import BundleSubject

    return BundleSubject(open_bundle(model), thermal_input="camera8")


def show(name: str, report: FusionReport) -> None:
    """Two tables: the pictures, and the persons in them."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"{name}, {report.pairs} pairs at {report.width}x{report.height}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "EN", "SD", "SF", "SCD"):
        table.add_column(heading, justify="right" if heading else "left")
    for kind, row in report.quality.items():
        table.add_row(kind, *("–" if value is None else f"{value:.2f}" for value in row.values()))
    console.print(table)
    judged = (
        ("persons boxed only in infrared", report.hidden),
        ("persons boxed in visible", report.plain),
        ("boxes where nobody is", report.nobody),
    )
    for what, seen in judged:
        if seen is None or seen.persons == 0:
            continue
        table = Table(box=None, pad_edge=False, header_style="bold", title=f"{seen.persons} {what}")
        for heading in ("", "show", "share", "median contrast", "in deviations"):
            table.add_column(heading, justify="right" if heading else "left")
        for kind, count in seen.shown.items():
            share, levels, deviations = count / seen.persons, seen.levels[kind], seen.deviations[kind]
            table.add_row(kind, str(count), f"{share:.0%}", f"{levels:.1f} levels", f"{deviations:.1f}")
        console.print(table)
