"""``rigsight bench live``: what live cameras cost, beside the bare engine and a naive loop."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

HELP = """Run live cameras through the whole pipeline and compare.

Two test cards of 1920x1200 RGB and 640x512 counts, each in a capture process of its own, go through pairing,
alignment and the bundle's network: first faster than the network, for the rate; then at 70 % of its rate, for
the latency. Beside it the network alone on resident inputs, and the loop that people write first: read one
camera, then the other, undistort, warp, percentiles, infer, argmax. Last the time of a whole run of one mask.

Examples:

  rigsight bench live

  rigsight bench live --bundle bundles/sim_pipe --seconds 60 --json
"""
MIN_RATE, MAX_SPREAD, MAX_FIRST_S = 0.95, 1.2, 2.0


def live(
    bundle: Annotated[Path, typer.Option(help="What the pictures run through.")] = Path("bundles/sim_street"),
    seconds: Annotated[float, typer.Option(min=2, help="Of each part.")] = 20.0,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the engine.")] = None,
    soak: Annotated[
        int | None, typer.Option(min=1000, help="Instead: so many frames through a capture process.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Only the figures on stdout, as JSON.")] = False,
) -> None:
    """Measure live cameras."""
    if soak is not None:
        _soak(soak, as_json)
        return
    from rich.console import Console
    from rich.table import Table

    from rigsight.cli.bench import machine
    from rigsight.edge.benchmarks.live import measure_live
    from rigsight.edge.bundle.start import open_named

    with Console(stderr=True).status("starting") as status:
        report = measure_live(open_named(bundle), seconds, threads, lambda what: status.update(f"{what} …"))
    if as_json:
        ratios = {"rate_ratio": report.rate_ratio, "spread_ratio": report.spread_ratio}
        print(json.dumps({"machine": machine(), **asdict(report), **ratios}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "Hz", "p50 ms", "p99 ms", "p99 / p50"):
        table.add_column(heading, justify="right" if heading else "left")
    names = ("engine alone", "pipeline, fast cameras", "pipeline, 70 % load", "naive loop, 70 % load")
    for name, row in zip(names, (report.engine, report.full, report.eased, report.naive), strict=True):
        table.add_row(name, f"{row.rate_hz:.2f}", f"{row.p50:.1f}", f"{row.p99:.1f}", f"{row.spread:.2f}")
    Console(highlight=False, width=100).print(table)
    print(f"pipeline / engine rate {report.rate_ratio:.3f} (goal: at least {MIN_RATE:g})")
    print(
        f"p99/p50 over the engine's own, 70 % load {report.spread_ratio:.2f} (goal: at most {MAX_SPREAD:g})"
    )
    print(f"a whole run of one mask {report.first_mask_s:.2f} s (goal for the mask: {MAX_FIRST_S:g} s)")


def _soak(frames: int, as_json: bool) -> None:
    from rich.console import Console

    from rigsight.cli.bench import machine
    from rigsight.edge.benchmarks import live as benchmark

    with Console(stderr=True).status("starting") as status:
        found = benchmark.soak(frames, lambda done: status.update(f"{done} of {frames} frames"))
    if as_json:
        print(json.dumps({"machine": machine(), **asdict(found)}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    print(f"{found.frames} frames at {found.rate_hz:.0f} Hz, {found.torn} torn, {found.dropped} dropped")
    memory = f"{found.start_mib:.1f} MiB early, {found.end_mib:.1f} at the end, {found.peak_mib:.1f} at most"
    print(f"memory {memory}")
