"""``rigsight bench bundle``: a bundle's variants side by side, and what a Jetson could do at best."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from rigsight.edge.benchmarks.variants import Rival, Timing
    from rigsight.edge.bundle.reader import Bundle

HELP = """Variants of a bundle side by side on this machine, and the least time that Jetsons could take.

The variants run in turns on the bundle's golden input, the network alone. With --checkpoint PyTorch runs
beside them, with --compile also what torch.compile makes of it. The second table is an estimate from data
sheets: no engine can be faster.

Examples:

  rigsight bench bundle bundles/crack

  rigsight bench bundle bundles/crack --checkpoint out/train/crack/model.safetensors --json
"""
GOAL_HZ = 27.0


def bundle(
    path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="a bundle's folder or zip")],
    checkpoint: Annotated[
        Path | None, typer.Option(help="what it was exported from, to run in PyTorch beside it")
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compile", help="with --checkpoint: torch.compile too; a minute or two")
    ] = False,
    rounds: Annotated[int, typer.Option(min=3, help="turns of five inferences each")] = 10,
    threads: Annotated[int, typer.Option(min=1, help="of every rival")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="only the figures on stdout, as JSON")] = False,
) -> None:
    """Compare the variants."""
    from rigsight.cli.bench import machine
    from rigsight.edge.benchmarks.variants import bundle_rivals, time_rivals
    from rigsight.edge.bundle.start import open_named

    if compiled and checkpoint is None:
        raise typer.BadParameter("--compile goes with --checkpoint")
    opened = open_named(path)
    rivals = bundle_rivals(opened, threads)
    if checkpoint is not None:
        rivals += _torch_rivals(opened, checkpoint, threads, compiled)
    timings = time_rivals(rivals, rounds)
    estimate = _estimate(opened)
    report: dict[str, Any] = {
        "machine": machine(),
        "bundle": opened.id,
        "threads": threads,
        "timings": [asdict(timing) for timing in timings],
        "estimate": estimate,
    }
    if as_json:
        print(json.dumps(_plain(report), indent=2))
        return

    from rich.console import Console

    console = Console(highlight=False, width=110)
    console.print(", ".join(f"{name} {value}" for name, value in report["machine"].items()), soft_wrap=True)
    console.print(f"{opened.id}, {threads} thread{'s' if threads > 1 else ''}, in turns")
    console.print(_timings(timings))
    if estimate is None:
        console.print("\nestimates need the package onnx: pip install 'rigsight[export]'")
        return
    console.print(f"\n{estimate['gmac']:.2f} GMAC; least time by data sheet (estimate, not measured)")
    console.print(_boards(estimate))


def _torch_rivals(opened: Bundle, checkpoint: Path, threads: int, compiled: bool) -> list[Rival]:
    from rigsight.edge.benchmarks.variants import golden_feeds
    from rigsight.export.rivals import torch_rivals

    return torch_rivals(checkpoint, golden_feeds(opened), opened.size, threads, compiled)


def _estimate(opened: Bundle) -> dict[str, Any] | None:
    try:
        import onnx  # noqa: F401
    except ImportError:
        return None
    from rigsight.edge.benchmarks.roofline import BOARDS, WIDTHS, least_ms
    from rigsight.export.cost import graph_cost

    costs = [graph_cost(opened.read(part.variants["fp32"])) for part in opened.spec.parts]
    macs = sum(cost.macs for cost in costs)
    numbers = sum(cost.weights + cost.activations for cost in costs)
    boards = {
        board.name: {width: round(least_ms(board, width, macs, numbers), 3) for width in WIDTHS}
        for board in BOARDS
    }
    return {"gmac": macs / 1e9, "megabytes_fp16": 2 * numbers / 1e6, "least_ms": boards}


def _timings(timings: list[Timing]) -> Table:
    table = _table("", "p50 ms", "p95", "p99", "speed", "MB", "memory MiB", "J")
    for timing in timings:
        joules = math.nan if timing.joules is None else timing.joules
        cells = (timing.p50, timing.p95, timing.p99)
        table.add_row(
            timing.name,
            *(f"{value:.1f}" for value in cells),
            f"{timing.speed:.2f}x",
            *(
                "–" if math.isnan(v) else f"{v:.{d}f}"
                for v, d in ((timing.megabytes, 2), (timing.memory_mib, 0))
            ),
            "–" if math.isnan(joules) else f"{joules:.3f}",
        )
    return table


def _boards(estimate: dict[str, Any]) -> Table:
    table = _table("", "FP16 ms", "INT8 ms", f"share of FP16's best for {GOAL_HZ:g} Hz")
    for name, row in estimate["least_ms"].items():
        share = row["fp16"] * GOAL_HZ / 1e3
        table.add_row(name, f"{row['fp16']:.2f}", f"{row['int8']:.2f}", f"{share:.1%}")
    return table


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    return table


def _number(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _plain(value: Any) -> Any:
    """Rounded, nan as None."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 4)
    return value
