"""``rigsight bench``: stages measured as ratios to the naive way, interleaved in one run."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any

import cv2
import typer

from rigsight.cli import (
    bench_ablation,
    bench_bundle,
    bench_calibration,
    bench_faults,
    bench_fusion,
    bench_live,
    bench_systems,
    bench_tiles,
    bench_training,
)
from rigsight.edge.benchmarks.budgets import Row, stage_rows
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.processor import processor_name

if TYPE_CHECKING:
    from rigsight.edge.benchmarks.throughput import Memory, Rates

DEFAULT_BUNDLE = "bundles/sim_street"
MIN_RATE_RATIO = 0.95
TABLE_WIDTH = 100

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure stages as ratios to the naive way. Example: rigsight bench pipeline"""


app.command(name="calibration", help=bench_calibration.HELP)(bench_calibration.calibration)
app.command(name="bundle", help=bench_bundle.HELP)(bench_bundle.bundle)
app.command(name="systems", help=bench_systems.HELP)(bench_systems.systems)
app.command(name="ablation", help=bench_ablation.HELP)(bench_ablation.ablation)
app.command(name="training", help=bench_training.HELP)(bench_training.training)
app.command(name="tiles", help=bench_tiles.HELP)(bench_tiles.tiles)
app.command(name="faults", help=bench_faults.HELP)(bench_faults.faults)
app.command(name="live", help=bench_live.HELP)(bench_live.live)
app.command(name="fusion", help=bench_fusion.HELP)(bench_fusion.fusion)


PIPELINE_HELP = """The budget table: stages beside the naive chain, pipeline rate beside bare engine rate.

The naive chain is cv2.undistort + warpPerspective + np.percentile + float normalisation + np.argmax. Stage
rows are the processor time of one thread, RGB from 1920x1200 and thermal from 640x512, onto 640x480.

Examples:

  rigsight bench pipeline

  rigsight bench pipeline --bundle bundles/sim_street --memory 20000 --json
"""


@app.command(help=PIPELINE_HELP)
def pipeline(
    bundle: Annotated[Path | None, typer.Option(help=f"for the rates; {DEFAULT_BUNDLE} where it is")] = None,
    frames: Annotated[int, typer.Option(min=10, help="frame sets a round of the rates")] = 60,
    rounds: Annotated[int, typer.Option(min=3, help="rounds of every row; the median counts")] = 20,
    threads: Annotated[int | None, typer.Option(min=1, help="of the engine; all cores but one")] = None,
    memory: Annotated[int, typer.Option(min=0, help="frame sets of the memory test; 0 leaves it out")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="only the figures on stdout, as JSON")] = False,
) -> None:
    """Measure the pipeline."""
    from rigsight.edge.benchmarks.throughput import measure_memory, measure_rates

    chosen = bundle or (Path(DEFAULT_BUNDLE) if Path(DEFAULT_BUNDLE).exists() else None)
    opened = None if chosen is None else open_bundle(chosen)
    rows = stage_rows(rounds)
    rates = None if opened is None else measure_rates(opened, frames, max(3, rounds // 4), threads)
    grown = measure_memory(opened, memory) if opened is not None and memory else None
    report: dict[str, Any] = {
        "machine": machine(),
        "bundle": None if opened is None else opened.id,
        "stages": [dataclasses.asdict(row) | {"ratio": row.ratio, "met": row.met} for row in rows],
        "rates": None if rates is None else dataclasses.asdict(rates),
        "memory": None if grown is None else dataclasses.asdict(grown),
    }
    if as_json:
        print(json.dumps(_rounded(report), indent=2))
    else:
        show(report["machine"], rows, rates, grown)


@app.command()
def simulation(
    seconds: Annotated[float, typer.Option(min=0.5, help="processor time for every scene")] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="only the figures on stdout, as JSON")] = False,
) -> None:
    """Sets of 2 x 320x240 that the simulated rig renders in a second of one core.

    Example: rigsight bench simulation
    """
    from rigsight.edge.simulation.benchmark import sets_per_second
    from rigsight.edge.simulation.splits import SCENES

    rates = {scene: round(sets_per_second(scene, seconds), 1) for scene in SCENES}
    if as_json:
        print(json.dumps({"machine": machine(), "sets_per_second": rates}, indent=2))
    else:
        for scene, rate in rates.items():
            print(f"{scene:<8}{rate:6.1f} sets/s")


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    return {
        "processor": processor_name(),
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
        "python": platform.python_version(),
        "opencv": cv2.__version__,
    }


def show(facts: dict[str, str], rows: list[Row], rates: Rates | None, memory: Memory | None) -> None:
    """Print the tables for people."""
    from rich.console import Console
    from rich.table import Table

    # Narrower, rich would cut the figures; a terminal wraps the lines instead.
    console = Console(highlight=False, width=max(TABLE_WIDTH, get_terminal_size().columns))
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()), soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("stage (one thread, 640x480)", no_wrap=True)
    for title in ("ms", "budget", "naive ms", "ratio", "budget", ""):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            f"{row.ms:.2f}",
            "" if row.budget_ms is None else f"<= {row.budget_ms:g}",
            f"{row.naive_ms:.1f}",
            f"{row.ratio:.1f}x",
            "" if row.budget_ratio is None else f">= {row.budget_ratio:g}x",
            "met" if row.met else "missed",
        )
    console.print(table)
    if rates is None:
        console.print(f"rates: left out, there is no {DEFAULT_BUNDLE} here; name one with --bundle")
    else:
        verdict = "met" if rates.ratio >= MIN_RATE_RATIO else "missed"
        console.print(
            f"pipeline {rates.pipeline_hz:.2f} Hz / bare engine {rates.engine_hz:.2f} Hz = {rates.ratio:.3f} "
            f"(budget >= {MIN_RATE_RATIO}: {verdict}; median of {rates.rounds} rounds of {rates.sets} sets)",
            soft_wrap=True,
        )
    if memory is not None:
        console.print(
            f"memory {memory.start_mib:.1f} MiB after warming up, {memory.end_mib:.1f} MiB after "
            f"{memory.sets} sets, at most {memory.peak_mib:.1f} MiB; {memory.rate_hz:.0f} sets/s",
            soft_wrap=True,
        )


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value
