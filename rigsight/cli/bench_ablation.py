"""``rigsight bench ablation``: does what a paper claims hold here?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rigsight.training.ablation.run import Report

OUT = "out/ablation"
HELP = """Train the variants of FILE over several seeds and compare them with the first.

Finished runs are taken as they are: started again, an ablation goes on where it stopped. A claim holds when
the mean difference reaches its goal and lies above 0 with 95 % confidence (Student's t over the seeds).

Examples:

  rigsight bench ablation training/configs/ablations/ssa_ecnet.yaml

  rigsight bench ablation training/configs/ablations/ssa_ecnet.yaml --seed 2

  rigsight bench ablation training/configs/ablations/ssa_ecnet.yaml --report --json
"""


def ablation(
    file: Annotated[Path, typer.Argument(help="the ablation; training/configs/ablations/ holds some")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value for all variants")] = None,
    out: Annotated[Path | None, typer.Option(help=f"folder of the runs; {OUT}/<name of FILE>")] = None,
    seeds: Annotated[
        list[int] | None, typer.Option("--seed", help="train only this one; may be given several times")
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="train nothing, only compare")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="only the figures on stdout, as JSON")] = False,
) -> None:
    """Measure what parts of a training bring."""
    from rigsight.cli.bench import machine
    from rigsight.training.ablation.run import run_ablation

    facts = machine()
    folder = out or Path(OUT) / file.stem
    result = run_ablation(
        file,
        folder,
        tuple(overrides or ()),
        train=() if report else seeds,
        facts=facts,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    if as_json:
        print(json.dumps(result.as_json(facts), indent=2))
    else:
        show(result, facts)
        print(f"runs: {folder}")


def show(report: Report, facts: dict[str, str]) -> None:
    """Print the table for people."""
    from rich.console import Console
    from rich.table import Table

    from rigsight.cli.bench import TABLE_WIDTH

    spec = report.spec
    console = Console(highlight=False, width=TABLE_WIDTH)
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()), soft_wrap=True)
    goal = f", goal {spec.goal:g} better" if spec.goal else ""
    console.print(f"{spec.title}: {spec.claim}{goal}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column(f"{spec.metric}{', x 100' if spec.percent else ''}")
    for title in ("seeds", "mean", "s.d.", "difference", "s.e.", ""):
        table.add_column(title, justify="right", no_wrap=True)
    for row in report.rows:
        table.add_row(
            row.variant,
            str(row.seeds),
            *(_figure(value) for value in (row.mean, row.deviation)),
            _figure(row.difference, "+"),
            _figure(row.error),
            row.verdict or "",
        )
    console.print(table)
    if report.missing:
        console.print(f"{report.missing} runs are missing")


def _figure(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.2f}"
