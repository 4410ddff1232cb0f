"""``rigsight doctor``: what this machine lacks, and the command that mends it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from rigsight.base.errors import ENVIRONMENT

app = typer.Typer(add_completion=False, rich_markup_mode=None)

SIGNS = {"ok": ("ok", "green"), "missing": ("–", "yellow"), "broken": ("broken", "bold red")}


@app.command(epilog="Example: rigsight doctor --json")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> int:
    """What this machine has and lacks, and the command that mends it.

    Exit code 0 when the runtime can run, 1 when it cannot; optional parts may be missing.
    """
    from rigsight.cli.places import SHIPPED_BUNDLE
    from rigsight.edge.doctor import can_run, examine

    checks = examine(SHIPPED_BUNDLE)
    runs = can_run(checks)
    if as_json:
        print(json.dumps({"can_run": runs, "checks": [asdict(check) for check in checks]}, indent=2))
        return 0 if runs else ENVIRONMENT

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("part", "", "found", "to mend"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        sign, style = SIGNS[check.state]
        table.add_row(check.name, Text(sign, style=style), Text(check.found), Text(check.fix))
    console = Console()
    console.print(table)
    console.print("\nThe runtime can run here." if runs else "\nThe runtime cannot run: mend what is broken.")
    return 0 if runs else ENVIRONMENT
