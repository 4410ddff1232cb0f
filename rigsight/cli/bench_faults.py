"""``rigsight bench faults``: what a running rig makes of everything that goes wrong with cameras."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rigsight.edge.benchmarks.faults.bench import FaultReport

HELP = """Inject faults into a running rig and measure how long it takes until all is as before.

Two test cards, each in a capture process of its own, and a range finder on a pseudo-terminal go through
pairing, alignment and a bundle's network, as in 'rigsight run'. Kinds of faults: cable out and in, frozen
pictures, corrupt and short frames, ten times the jitter, clock jumps, silence, a slow sink, serial garbage,
a capture process that is killed, hung or stopped. It fails where a fault was never recovered from, a picture
was torn, or a frame is neither delivered nor counted.

Examples:

  rigsight bench faults

  rigsight bench faults --faults 26 --json
"""


def faults(
    bundle: Annotated[Path, typer.Option(help="What the pictures run through.")] = Path("bundles/sim_pipe"),
    count: Annotated[int, typer.Option("--faults", min=1, help="How many, the kinds in turn.")] = 100,
    fps: Annotated[float, typer.Option(min=1, max=60, help="Of both cameras.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Draws which camera is hit, and for how long.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print every recovery as JSON.")] = False,
) -> int:
    """Inject faults."""
    from rich.console import Console

    from rigsight.cli.bench import machine
    from rigsight.edge.benchmarks.faults.bench import run_faults
    from rigsight.edge.bundle.start import open_named

    console = Console(stderr=True)
    with console.status("starting") as status:
        report = run_faults(
            open_named(bundle), count, fps, seed, lambda n, what: status.update(f"{n + 1} of {count}: {what}")
        )
    if as_json:
        print(json.dumps({"machine": machine(), **asdict(report)}, indent=2))
    else:
        print(", ".join(f"{name} {value}" for name, value in machine().items()))
        show(report)
    # How long it took is for people to judge: it depends on the machine. What must not be is an error.
    back = all(recovery.seconds is not None for recovery in report.recoveries)
    return 0 if back and not report.torn and not any(report.unaccounted.values()) else 1


def show(report: FaultReport) -> None:
    """Print the tables for people."""
    from rich.console import Console
    from rich.table import Table

    kinds = defaultdict(list)
    for recovery in report.recoveries:
        kinds[recovery.fault].append(recovery)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("fault", "injected", "recovered in time", "median s", "worst s", "goal s", "frames"):
        table.add_column(heading, justify="left" if heading == "fault" else "right")
    for name, row in kinds.items():
        times = [each.seconds for each in row if each.seconds is not None]
        frames = [each.latency_frames for each in row if each.latency_frames is not None]
        table.add_row(
            name,
            str(len(row)),
            str(sum(each.met for each in row)),
            f"{median(times):.2f}" if times else "never",
            f"{max(times):.2f}" if len(times) == len(row) else "never",
            f"{row[0].goal_s:g}",
            str(max(frames)) if frames else "–",
        )
    console = Console(highlight=False, width=110)
    console.print(table)
    met = sum(recovery.met for recovery in report.recoveries)
    console.print(f"{met} of {len(report.recoveries)} in time; frames: until the latency was as before")
    console.print(f"{report.masks} masks, {report.checked} pictures checked, {report.torn} torn")
    for role, took in report.frames.items():
        console.print(f"{role}: {took} frames taken, {report.unaccounted[role]} unaccounted for")
    for reason, number in sorted(report.dropped.items()):
        console.print(f"  {number} x {reason}", markup=False)
    start, end = report.memory_mib
    console.print(f"memory {start:.0f} MiB before, {end:.0f} MiB after; {report.seconds:.0f} s in all")
