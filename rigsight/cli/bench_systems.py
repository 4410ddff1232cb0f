"""``rigsight bench systems``: what every network costs, here and at best on a Jetson."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rigsight.export.systems import SystemCost

HELP = """Parameters, multiply-accumulates and bytes of every system's graph, and the least time of Jetsons.

Fresh weights, exported as for a robot. The least times are estimates from data sheets (FP16, dense tensor
cores, every byte moved once): no engine can be faster. With --time each graph also runs in ONNX Runtime, in
turns with PyTorch, on one thread; the full-size systems take minutes.

Examples:

  rigsight bench systems --only scnet_edge --only ssa_ecnet

  rigsight bench systems --time --json
"""


def systems(
    only: Annotated[list[str] | None, typer.Option(help="these networks; all without it")] = None,
    width: Annotated[int, typer.Option(min=64, help="of the pictures")] = 640,
    height: Annotated[int, typer.Option(min=64, help="of the pictures")] = 480,
    timed: Annotated[bool, typer.Option("--time", help="run them too, beside PyTorch")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="only the figures on stdout, as JSON")] = False,
) -> None:
    """Count every system."""
    from rigsight.cli.bench import machine
    from rigsight.export.systems import SYSTEMS, system_cost

    unknown = sorted(set(only or ()) - set(SYSTEMS))
    if unknown:
        raise typer.BadParameter(f"there is no row '{unknown[0]}'; rows: {', '.join(SYSTEMS)}")
    facts = machine()
    rows = []
    for name in only or SYSTEMS:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows.append(system_cost(name, width, height, timed))
    if as_json:
        told = [{**asdict(row), "least_ms": _least(row)} for row in rows]
        print(json.dumps({"machine": facts, "size": [width, height], "systems": told}, indent=2))
        return
    _show(facts, rows, width, height)


def _least(row: SystemCost) -> dict[str, dict[str, float]]:
    from rigsight.edge.benchmarks.roofline import BOARDS, WIDTHS, least_ms

    numbers = row.cost.weights + row.cost.activations
    return {
        board.name: {kind: round(least_ms(board, kind, row.cost.macs, numbers), 2) for kind in WIDTHS}
        for board in BOARDS
    }


def _show(facts: dict[str, str], rows: list[SystemCost], width: int, height: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=130)
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()), soft_wrap=True)
    least: list[dict[str, Any]] = [_least(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"{width}x{height}", no_wrap=True)
    timed = any(row.ort_ms is not None for row in rows)
    heads = ["parameters", "GMAC", "MB moved"]
    heads += ["ORT ms", "PyTorch ms", "ratio"] if timed else []
    for head in [*heads, *(f"{board}, ms" for board in least[0])]:
        table.add_column(head, justify="right")
    for row, boards in zip(rows, least, strict=True):
        cells = [f"{row.parameters:,}", f"{row.cost.macs / 1e9:.1f}", f"{row.cost.bytes_moved(2) / 1e6:.0f}"]
        if row.ort_ms is not None and row.torch_ms is not None:
            cells += [f"{row.ort_ms:.0f}", f"{row.torch_ms:.0f}", f"{row.torch_ms / row.ort_ms:.2f}x"]
        table.add_row(row.name, *cells, *(f"{entry['fp16']:.1f}" for entry in boards.values()))
    console.print(table)
    console.print("MB and least times with FP16: estimates from data sheets, not measured")
