"""``rigsight demo``: the whole chain on the simulated rig, with a report to look at."""

from __future__ import annotations

import difflib
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rigsight.cli.places import PROFILES, SHIPPED_BUNDLE

if TYPE_CHECKING:
    from rigsight.edge.demo.results import DemoResult

app = typer.Typer(add_completion=False, rich_markup_mode=None)

Progress = Callable[[str, int, int], None]


@app.command(epilog="Example: rigsight demo --profile facade_drone --out out/facade")
def demo(
    profile: Annotated[str, typer.Option(help="A name in profiles/, or a file.")] = "car_roof",
    out: Annotated[Path, typer.Option(help="Folder for everything it makes.")] = Path("out/demo"),
    pairs: Annotated[int, typer.Option(min=1, help="Frame sets through the pipeline.")] = 200,
    bundle: Annotated[Path | None, typer.Option(help="Another bundle than the profile's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json at the end.")] = False,
) -> None:
    """The whole chain on the simulated rig, judged by its truth, with a report to look at.

    Board pictures, calibration, alignment, the bundle on ONNX Runtime in the threaded pipeline. Writes
    rig.yaml, masks, a video, report.html, preview.png and summary.json.
    """
    from rigsight.base.files import atomic_folder
    from rigsight.edge.bundle.reader import open_bundle
    from rigsight.edge.demo.outputs import PictureWriter, check_folder, write_report
    from rigsight.edge.demo.provenance import provenance
    from rigsight.edge.demo.run import run_demo
    from rigsight.edge.profile import Profile

    path = find_profile(profile)
    settings = Profile.load(path)
    check_folder(out)
    shipped = path.parent / settings.bundle if settings.bundle else SHIPPED_BUNDLE
    opened = open_bundle(bundle or shipped.resolve())
    with atomic_folder(out) as folder, progress_bars() as progress:
        with PictureWriter(folder, progress) as pictures:
            run = run_demo(settings, opened, pairs, progress, pictures.start)
        facts = provenance(opened, settings, shlex.join(["rigsight", *sys.argv[1:]]))
        run = replace(run, result=replace(run.result, provenance=facts))
        write_report(folder, run)
    if as_json:
        print(json.dumps(run.result.summary(), indent=2))
    else:
        for line in headline(run.result):
            print(line)
        print(f"\nreport: {out / 'report.html'}")


def find_profile(name: str) -> Path:
    """A profile's file, by path or by its name in profiles/. Raises PRF-001."""
    from rigsight.edge import codes

    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    path = PROFILES / f"{name}.yaml"
    if path.is_file():
        return path
    known = sorted(p.stem for p in PROFILES.glob("*.yaml"))
    if not known:
        raise codes.PROFILE_UNREADABLE(
            f"there is no profile '{name}'", where=PROFILES, fix="Give a profile's file with --profile."
        )
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Choose one of: {', '.join(known)}."
    raise codes.PROFILE_UNREADABLE(f"there is no profile '{name}'", where=PROFILES, fix=hint)


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """One bar a step, on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, int] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)  # type: ignore[arg-type]

        yield show


def headline(result: DemoResult) -> list[str]:
    """The five numbers that matter, one a line."""
    from rigsight.edge.demo.report import alignment_at_surface, worst_parallax
    from rigsight.edge.demo.results import TOTAL

    near, worst = alignment_at_surface(result), worst_parallax(result)
    total = result.latency_ms[TOTAL]
    share = 100 * result.rate_hz / result.engine_rate_hz
    return [
        f"mIoU       {result.scores.mean:.3f}    RGB only {result.rgb_only.mean:.3f}, thermal only "
        f"{result.thermal_only.mean:.3f}, per-pixel baseline {result.baseline.mean:.3f}",
        f"alignment  {near.rms_px:.2f} px  at {near.distance_m:g} m, map built for the distance; "
        f"one surface for all: {worst.rms_px:.1f} px at {worst.distance_m:g} m",
        f"rate       {result.rate_hz:.1f} Hz  {share:.0f} % of the bare "
        f"engine's {result.engine_rate_hz:.1f} Hz",
        f"latency    {total.p50:.1f} ms  frame set to mask; p95 {total.p95:.1f}, p99 {total.p99:.1f}",
        f"dropped    {result.total_dropped}        of {result.pairs} frame sets",
    ]
