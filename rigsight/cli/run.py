"""``rigsight run``: cameras or files -> masks."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from rigsight.edge.engines.select import EngineChoice
from rigsight.edge.pipeline.runner import RunPlan
from rigsight.edge.pipeline.runner import run as run_plan
from rigsight.edge.pipeline.signals import terminated_as_interrupted

HELP = """Run a bundle on cameras or files, and say how fast and how well it went.

A profile holds everything one vehicle needs; flags override it.

Examples:

  rigsight run profiles/car_roof.yaml --sink video:out/drive.mp4

  rigsight run --bundle bundles/sim_street --source pairs:vi,ir --thermal-input camera8 --sink masks:out/masks

  rigsight run --bundle bundles/crack --rgb images:photo.jpg --sink overlay:out

  rigsight run --bundle installed:crack --trust fleet.pub.pem --rgb images:photo.jpg --sink overlay:out

Sources: sim:street|facade|pipe?seed=3&pairs=200, pairs:RGB_DIR,THERMAL_DIR, images:DIR, images:FILE,
video:FILE, rjpeg:DIR (FLIR), each with ?pace=step (nothing dropped) or ?pace=live (clocked, the latest
wins). Live cameras: docs/cameras.md; card:640x480?fps=30 is a moving test card in place of one.

Sinks: masks:DIR, confidence:DIR, overlay:DIR, video:FILE, jsonl:FILE.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(help=HELP)
def run(
    profile: Annotated[Path | None, typer.Argument(help="profile.yaml")] = None,
    bundle: Annotated[str | None, typer.Option(help="folder or zip of the bundle, or installed:NAME")] = None,
    trust: Annotated[
        str | None, typer.Option(help="public key; only an unaltered bundle signed with it runs")
    ] = None,
    allow_downgrade: Annotated[
        bool, typer.Option("--allow-downgrade", help="with --trust: run an older release than one seen here")
    ] = False,
    store: Annotated[str | None, typer.Option(help="folder of the installed bundles")] = None,
    rig: Annotated[str | None, typer.Option(help="rig.yaml; without it the pictures must be aligned")] = None,
    source: Annotated[str | None, typer.Option(help="URI of one source")] = None,
    rgb: Annotated[str | None, typer.Option(help="URI of the RGB camera")] = None,
    thermal: Annotated[str | None, typer.Option(help="URI of the thermal camera")] = None,
    range_: Annotated[
        str | None, typer.Option("--range", help="range finder to align by, tfmini:/dev/ttyUSB0 and the like")
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="another device, such as mavlink:udp:14550; may be given again")
    ] = None,
    distance: Annotated[
        float | None, typer.Option(min=0.05, help="metres to the surface, until a device measures them")
    ] = None,
    sink: Annotated[list[str] | None, typer.Option(help="URI of a sink; may be given again")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="stop after so many frame sets")] = None,
    variant: Annotated[
        Literal["fp32", "fp16", "int8", "int8-cpu"] | None, typer.Option(help="of the bundle's graph")
    ] = None,
    engine: Annotated[
        EngineChoice,
        typer.Option(help="auto: the TensorRT engine built here if it is fresh, else ONNX Runtime"),
    ] = "auto",
    thermal_input: Annotated[
        Literal["counts16", "camera8"] | None,
        typer.Option(help="camera8 passes 8-bit thermal pictures through as they are"),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="of the engine; all cores but one")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="only the summary on stdout, as JSON")] = False,
) -> None:
    """Run a bundle on cameras or files."""
    plan = RunPlan.of_profile(profile)
    if source or rgb or thermal:
        cameras = {role: uri for role, uri in (("rgb", rgb), ("thermal", thermal)) if uri}
        plan = replace(plan, source=source, cameras=cameras)
        if source and cameras:
            raise typer.BadParameter("give --source, or --rgb and --thermal, not both")
    plan = replace(
        plan,
        bundle=bundle or plan.bundle,
        trust=trust or plan.trust,
        store=store,
        allow_downgrade=allow_downgrade,
        rig=rig or plan.rig,
        devices=_devices(plan.devices, range_, device or ()),
        distance_m=distance,
        sinks=tuple(sink) if sink else plan.sinks,
        limit=limit,
        variant=variant,
        engine=engine,
        thermal_input=thermal_input,
        threads=threads,
    )
    with ExitStack() as stack:
        stack.enter_context(terminated_as_interrupted())
        report = run_plan(plan, None if as_json else stack.enter_context(_ProgressBar()), _note)
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        show(report)
    sys.stdout.flush()
    if report["interrupted"]:
        raise KeyboardInterrupt


def _devices(of_profile: Mapping[str, str], range_: str | None, more: Sequence[str]) -> dict[str, str]:
    """The flag's range finder comes first, because the first of a kind counts, and replaces the profile's."""
    first = {} if range_ is None else {"range": range_}
    others = {name: uri for name, uri in of_profile.items() if name not in first}
    return {**first, **others, **{uri: uri for uri in more}}


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)


class _ProgressBar:
    """Frame sets done, on stderr; silent where that is no terminal."""

    def __enter__(self) -> _ProgressBar:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("frame sets"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._bar.start()
        self._task = self._bar.add_task("run", total=None)
        return self

    def __call__(self, done: int, expected: int | None) -> None:
        self._bar.update(self._task, completed=done, total=expected)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def show(report: dict[str, Any]) -> None:
    """Print the summary for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    dropped = sum(report["dropped"].values())
    tiles = "tiles of " if report["geometry"] == "tile" else ""
    rate = f" at {report['rate_hz']:.1f} Hz" if report["pairs"] > 1 else ""
    console.print(
        f"{report['pairs']} frame set{'' if report['pairs'] == 1 else 's'}{rate}, {dropped} dropped; "
        f"{tiles}{report['width']}x{report['height']}, bundle {report['bundle']} ({report['variant']})",
        soft_wrap=True,
    )
    console.print(f"engine: {report['engine']}", soft_wrap=True, markup=False)
    console.print(f"alignment: {report['aligned']}", soft_wrap=True)
    for role, camera in report["cameras"].items():
        again = f", opened again {camera['restarts']} x" if camera["restarts"] else ""
        console.print(f"{role}: {camera['description']}{again}", soft_wrap=True, markup=False)
    for title in ("dropped", "missing", "flags", "degraded"):
        for reason, count in report[title].items():
            console.print(f"{title}: {count} x {reason}", soft_wrap=True, markup=False)
    table = Table(title="latency, ms", title_justify="left", box=None, pad_edge=False)
    table.add_column("stage")
    for percentile in ("p50", "p95", "p99"):
        table.add_column(percentile, justify="right")
    for stage, row in report["latency_ms"].items():
        table.add_row(stage, *(f"{row[p]:.2f}" for p in ("p50", "p95", "p99")))
    console.print(table)
    if report["fusion_quality"]:
        console.print(_quality_table(report))
    for sink in report["sinks"]:
        console.print(f"written: {sink}", soft_wrap=True, markup=False)
    if not report["sinks"]:
        console.print("written: nothing; add --sink overlay:DIR or masks:DIR")


def _quality_table(report: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(
        title=f"fusion quality, mean of {report['fusion_quality_pairs']} pairs",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("")
    rows = report["fusion_quality"]
    for metric in rows["fused"]:
        table.add_column(metric.upper(), justify="right")
    for name, label in (("fused", "this bundle"), ("average", "plain averaging")):
        table.add_row(label, *(f"{value:.3f}" for value in rows[name].values()))
    return table
