"""``rigsight build``: engines of a bundle for the machine that will run them, and which of them runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from rigsight.edge.bundle.reader import Bundle
    from rigsight.edge.verdict.device import Outcome
    from rigsight.edge.verdict.kept import DeviceVerdict

HELP = """Build a bundle's TensorRT engines on the machine that will run them, prove them, and decide.

The golden inputs are run through every new engine; one that departs from what the bundle promises is not
kept. Then FP16 and, where the bundle has it, INT8 are judged here: accuracy on the bundle's labelled pictures
(where it has any) against float32, and speed in turns. FP16 stays unless it loses too much, or INT8 is faster
and loses little. 'rigsight run' follows the verdict from then on.

Engines and verdict go to a cache of your own and never into the bundle. An engine of another GPU, TensorRT,
driver or bundle is never loaded; it is built again here.

Without TensorRT, --cpu judges float32 against INT8 in ONNX Runtime.

Examples:

  rigsight build bundles/sim_street

  rigsight build bundles/crack --cpu --report verdict/
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(help=HELP)
def build(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder or zip, or installed:NAME.")
    ],
    variant: Annotated[
        Literal["fp16", "int8", "fp32"] | None,
        typer.Option(help="Only this one, and it runs; default: fp16 and int8 where the bundle has them."),
    ] = None,
    budget: Annotated[float, typer.Option(min=0, help="Points that a variant may lose.")] = 0.5,
    cpu: Annotated[
        bool, typer.Option("--cpu", help="Judge ONNX Runtime's variants, without TensorRT.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be built and stop.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Build and judge what is fresh as well.")] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Without a GPU: parse and build every graph with tensorrt-rtx; nothing is kept."
        ),
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Folder for report.html with the differences.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Build a bundle's TensorRT engines and decide."""
    from rigsight.edge.bundle.start import open_named

    opened = open_named(bundle)
    if check:
        _check(opened, variant, as_json)
        return

    from rigsight.edge.verdict.device import build_here, judge_cpu, plans

    if cpu:
        with _Progress() as bar:
            outcome = judge_cpu(opened, budget=budget, step=bar.step)
        _show(opened, outcome, report, as_json, [])
        return
    wanted = plans(opened, variant, force)
    if not as_json:
        print("\n".join(line for each in wanted for line in each.lines()), flush=True)
    if plan:
        if as_json:
            print(json.dumps({"plans": [each.as_json() for each in wanted]}, indent=2))
        return
    with _Progress() as bar:
        outcome = build_here(opened, wanted, variant, budget, bar.phase, bar.step)
    _show(opened, outcome, report, as_json, [each.as_json() for each in wanted])


def _show(
    opened: Bundle, outcome: Outcome, report: Path | None, as_json: bool, planned: list[dict[str, Any]]
) -> None:
    from rigsight.edge.verdict.report import write_report

    page = None if report is None else write_report(report, opened.id, outcome.verdict, outcome.judged)
    if as_json:
        engines = [{**asdict(each), "path": str(each.path)} for each in outcome.made]
        verdict = outcome.verdict.model_dump()
        print(json.dumps({"plans": planned, "engines": engines, "verdict": verdict}, indent=2))
        return

    from rigsight.edge.tensorrt.gate import words
    from rigsight.edge.verdict.report import rests_on

    for each in outcome.made:
        for text in each.notes:
            print(f"note: {text}")
        golden = f"; golden: {words(each.golden)}" if each.golden else ""
        print(f"{each.part}: {each.plan_bytes / 1e6:.2f} MB in {each.seconds:.0f} s{golden}")
        if each.without_graph is not None:
            print(f"note: no CUDA graph: {each.without_graph}")
        print(f"written: {each.path}")

    from rich.console import Console

    console = Console(highlight=False, width=110)
    console.print(_table(outcome.verdict))
    print(rests_on(outcome.verdict))
    print(outcome.verdict.line())
    if page is not None:
        print(f"report: {page}")


def _table(verdict: DeviceVerdict) -> Table:
    from rich.table import Table

    from rigsight.edge.verdict.report import COLUMNS, cells, word

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("variant", *COLUMNS, "verdict"):
        table.add_column(heading, justify="left" if heading in ("variant", "verdict") else "right")
    for row in verdict.rows:
        table.add_row(row.variant, *cells(row), word(row, verdict))
    return table


def _check(opened: Any, variant: str | None, as_json: bool) -> None:
    """Every graph of the bundle, or those of one variant, through a real builder."""
    from rigsight.edge.tensorrt.proof import prove_bundle

    with _Progress() as bar:
        proofs = prove_bundle(opened, variant, bar.step)
    if as_json:
        print(json.dumps({"bundle": opened.id, "graphs": [asdict(proof) for proof in proofs]}, indent=2))
        return
    for proof in proofs:
        print(proof.line())


class _Progress:
    """The builder's phase and its steps, on stderr; silent where that is no terminal."""

    def __enter__(self) -> _Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._bar.start()
        self._task = self._bar.add_task("starting", total=None)
        self._what = ""
        return self

    def step(self, what: str) -> None:
        self._what = what
        self._bar.update(self._task, description=what, completed=0, total=None)

    def phase(self, phase: str, done: int, total: int | None) -> None:
        self._bar.update(self._task, description=f"{self._what}: {phase}", completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
