"""``rigsight build``: TensorRT engines of a bundle, on the machine that will run them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

HELP = """Build a bundle's TensorRT engines on the machine that will run them, and prove them.

The engines go to a cache of your own and never into the bundle. 'rigsight run' uses them from then on. An
engine of another GPU, TensorRT, driver or bundle is never loaded; it is built again here.

The golden inputs are run through every new engine; one that departs from what the bundle promises is not
kept.

Examples:

  rigsight build bundles/sim_street

  rigsight build bundles/sim_street --check
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(help=HELP)
def build(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder or zip.")],
    variant: Annotated[
        Literal["fp16", "int8", "fp32"] | None,
        typer.Option(help="Of the bundle's graph; default: fp16 where the bundle has it, else fp32."),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be built and stop.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Build what is fresh as well.")] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Without a GPU: parse and build every graph with tensorrt-rtx; nothing is kept."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Build a bundle's TensorRT engines."""
    from rigsight.edge.bundle.reader import open_bundle

    opened = open_bundle(bundle)
    if check:
        _check(opened, variant, as_json)
        return

    from rigsight.edge.tensorrt.gate import words
    from rigsight.edge.tensorrt.make import make_engines, plan_bundle

    planned = plan_bundle(opened, variant, force)
    if not as_json:
        print("\n".join(planned.lines()), flush=True)
    if plan:
        if as_json:
            print(json.dumps(planned.as_json(), indent=2))
        return
    with _Progress() as bar:
        made = make_engines(opened, planned, bar.phase, bar.step)
    if as_json:
        engines = [{**asdict(each), "path": str(each.path)} for each in made]
        print(json.dumps({**planned.as_json(), "engines": engines}, indent=2))
        return
    for each in made:
        for text in each.notes:
            print(f"note: {text}")
        golden = f"; golden: {words(each.golden)}" if each.golden else ""
        print(f"{each.part}: {each.plan_bytes / 1e6:.2f} MB in {each.seconds:.0f} s{golden}")
        if each.without_graph is not None:
            print(f"note: no CUDA graph: {each.without_graph}")
        print(f"written: {each.path}")


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
