"""``rigsight bundle``: what a bundle holds, whether it is whole, signed, and computes here what it should."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rigsight.cli import bundle_sign, bundle_store

if TYPE_CHECKING:
    from rich.table import Table

    from rigsight.edge.bundle.reader import Bundle

app = typer.Typer(add_completion=False, rich_markup_mode=None)

BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder or zip.")]
Trust = Annotated[
    Path | None, typer.Option(metavar="KEY", help="Public key; the bundle must be signed with it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback()
def bundle() -> None:
    """Inspect, verify and sign bundles; install them, and go back."""


app.command(epilog=bundle_sign.KEYGEN_EXAMPLE)(bundle_sign.keygen)
app.command(epilog=bundle_sign.SIGN_EXAMPLE)(bundle_sign.sign)


@app.command(epilog="Example: rigsight bundle inspect bundles/sim_street")
def inspect(path: BundlePath, trust: Trust = None, as_json: AsJson = False) -> None:
    """Show a bundle's inputs, outputs, classes, accuracy, files, signature and where it comes from.

    The files' sha256 are verified first, and the signature where a key is given.
    """
    from rigsight.edge.bundle.summary import summary

    opened = _open(path, trust)
    data = summary(opened)
    if as_json:
        print(json.dumps(data, indent=2))
        return

    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{data['id']}[/]  {data['model']}, {data['task']}, {data['bytes'] / 1e6:.2f} MB")
    console.print(f"sha256 of bundle.yaml: {data['sha256']}")
    console.print(_signature(opened))
    tables = [_tensors(data), _accuracy(data), *([_verdicts(data)] if data["verdicts"] else []), _files(data)]
    for table in tables:
        console.print()
        console.print(table)
    classes = ", ".join(f"{i} {entry['name']}" for i, entry in enumerate(data["classes"]))
    console.print(f"\nclasses: {classes}")
    thermal = data["preprocessing"]["thermal_input"]
    if any("thermal" in part["inputs"] for part in data["parts"]):
        console.print(f"thermal input: {thermal}, grid: {data['preprocessing']['grid']}")
    console.print(f"geometry: {_geometry(data['preprocessing']['geometry'])}")
    if "instances" in data:
        console.print(_steps(data))
    if data["threshold"] is not None:
        console.print(f"{data['classes'][1]['name']}: probability of at least {data['threshold']} of 255")
    console.print(f"licences: weights {data['licences']['weights']}, data {data['licences']['data']}")
    for command in data["provenance"]["commands"]:
        console.print("made by: ", command, sep="", markup=False)


@app.command(epilog="Example: rigsight bundle verify bundles/sim_street --golden")
def verify(
    path: BundlePath,
    trust: Trust = None,
    golden: Annotated[bool, typer.Option(help="Run the golden inputs here and compare.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check every byte of a bundle against bundle.yaml, and with --trust that against its signature.

    With --golden also what its graph computes here.
    """
    from rigsight.edge.bundle.golden import check_golden
    from rigsight.edge.engines.select import open_engine

    opened = _open(path, trust)
    results = check_golden(opened, open_engine(opened)) if golden else []
    if as_json:
        cases = [{**asdict(result), "passed": result.passed} for result in results]
        about = {"id": opened.id, "files": len(opened.spec.files)}
        about |= {"signed": opened.signed, "key": opened.trust.fingerprint if opened.trust else None}
        print(json.dumps({**about, "golden": cases}, indent=2))
        return
    print(f"{opened.id}: {len(opened.spec.files)} files are as they were exported")
    print(_signature(opened))
    for result in results:
        fused = "" if result.fused_difference is None else f", fused differs by {result.fused_difference:.3f}"
        levels = result.probability_difference
        foreground = "" if levels is None else f", probability of class 1 by {levels:.2f} of 255"
        same = result.instance_agreement
        things = "" if same is None else f", {same:.1%} of the detections are the same"
        print(
            f"golden {result.scene}: {result.mask_agreement:.3%} of the mask agree{fused}{foreground}{things}"
        )


app.command(epilog=bundle_store.INSTALL_EXAMPLE)(bundle_store.install)
app.command(epilog=bundle_store.ACTIVATE_EXAMPLE)(bundle_store.activate)
app.command(epilog=bundle_store.ROLLBACK_EXAMPLE)(bundle_store.rollback)
app.command(epilog=bundle_store.INSTALLED_EXAMPLE)(bundle_store.installed)


def _open(path: Path, trust: Path | None) -> Bundle:
    from rigsight.edge.bundle.keys import load_public_key
    from rigsight.edge.bundle.reader import open_bundle

    return open_bundle(path, None if trust is None else load_public_key(trust))


def _signature(opened: Bundle) -> str:
    if opened.trust is not None:
        return f"signed with the key {opened.trust.fingerprint}"
    return "signed; add --trust KEY to check by whom" if opened.signed else "not signed"


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _tensors(data: dict[str, Any]) -> Table:
    several = len(data["parts"]) > 1
    table = _table(*(["part"] if several else []), "tensor", "", "dtype", "shape", "made by")
    for part in data["parts"]:
        first = [part["name"]] if several else []
        for kind in ("inputs", "outputs"):
            for name, tensor in part[kind].items():
                shape = "×".join(map(str, tensor["shape"]))
                table.add_row(*first, name, kind[:-1], tensor["dtype"], shape, tensor.get("host", ""))
    return table


def _steps(data: dict[str, Any]) -> str:
    steps = data["instances"]
    return (
        f"host steps: {', '.join(data['host_steps'])}; at most {steps['detections']} detections above the "
        f"score {steps['score']:g}, IoU {steps['nms']:g} (proposals {steps['proposal_nms']:g}); "
        f"the class mask shows those from {steps['sure']:g} on"
    )


def _geometry(data: dict[str, Any]) -> str:
    if data["kind"] != "tile":
        return str(data["kind"])
    overlap, blend, align = (data[key] for key in ("overlap_px", "blend_px", "align_px"))
    return f"tiles that share {overlap} px, fade over {blend} px and begin at multiples of {align} px"


def _accuracy(data: dict[str, Any]) -> Table:
    table = _table(data["metric"], "both", "RGB only", "thermal only")
    for scene, row in data["accuracy"].items():
        values = (row.get(key) for key in ("both", "rgb_only", "thermal_only"))
        table.add_row(scene, *("–" if value is None else f"{value:.3f}" for value in values))
    table.add_row("no mask below", f"{data['min_accuracy']:.2f}")
    return table


def _verdicts(data: dict[str, Any]) -> Table:
    table = _table("variant", "verdict", "why")
    for variant, verdict in data["verdicts"].items():
        table.add_row(variant, "may run" if verdict["accepted"] else "refused", verdict["reason"])
    return table


def _files(data: dict[str, Any]) -> Table:
    table = _table("file", "bytes", "sha256 begins")
    for path, entry in data["files"].items():
        table.add_row(path, str(entry["bytes"]), entry["sha256"][:16])
    for path, size in data["unlisted"].items():
        table.add_row(path, str(size), "")
    return table
