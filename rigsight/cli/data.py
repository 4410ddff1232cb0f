"""``rigsight data``: make, check and show a data set."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from rigsight.training.data.checking.report import CheckReport
    from rigsight.training.data.layouts.grouping import Grouping

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="Make, check and show data sets (dataset.yaml).",
)

_Yaml = Annotated[Path, typer.Argument(metavar="dataset.yaml", help="The file, or the folder that holds it.")]


@app.command(
    epilog="Examples: rigsight data make deepcrack ~/data/DeepCrack --out deepcrack.yaml; "
    "rigsight data make pairs . --rgb photos --masks masks --classes background,crack --out dataset.yaml"
)
def make(
    layout: Annotated[str, typer.Argument(metavar="LAYOUT", help="How the folder is laid out; see below.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The unpacked data set.")],
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("dataset.yaml"),
    name: Annotated[str | None, typer.Option(help="Name of the data set; else the layout's.")] = None,
    val: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of training pictures for validation.")
    ] = 0.15,
    seed: Annotated[int, typer.Option(help="Which pictures those are.")] = 1,
    group: Annotated[
        str | None,
        typer.Option(
            help="Pictures that stay together: each, prefix, run:GAP, overlap, or a regular expression."
        ),
    ] = None,
    rgb: Annotated[str | None, typer.Option(help="Folder of visible pictures (pairs, coco, cvat).")] = None,
    thermal: Annotated[
        str | None, typer.Option(help="Folder of thermal pictures (pairs, coco, cvat).")
    ] = None,
    masks: Annotated[str | None, typer.Option(help="Folder of masks (pairs).")] = None,
    classes: Annotated[str | None, typer.Option(help="Class names in order of their ids (pairs).")] = None,
    counts: Annotated[
        bool, typer.Option("--counts", help="The thermal pictures hold 16-bit counts.")
    ] = False,
) -> int:
    """Write dataset.yaml for a folder.

    LAYOUT is mfnet, msrs, fmb, pst900, pst900-counts, deepcrack, crackforest, uav, crack500, codebrim, metu,
    kolektorsdd2, nrsd-mn, coco, cvat or pairs (any folders of your own). A data set's own splits are kept;
    where it has none for validation, one is cut by the seed, and pictures that overlap stay together: by
    their names, or with --group overlap by what they show (minutes for some hundred pictures).
    """
    from rigsight.base.files import make_folder
    from rigsight.training.data.layouts.layout import Choices
    from rigsight.training.data.layouts.make import make_spec

    names = tuple(word.strip() for word in classes.split(",")) if classes else None
    choices = Choices(rgb, thermal, masks, names, counts)
    with _progress() as progress:
        task = progress.add_task("comparing pictures", total=None, visible=False)
        spec = make_spec(
            layout,
            folder,
            out,
            name=name,
            val=val,
            seed=seed,
            grouping=_grouping(group),
            overlapping={None: None, "overlap": True}.get(group, False),
            choices=choices,
            report=lambda done, of: progress.update(task, completed=done, total=of, visible=True),
        )
    make_folder(out.parent)
    spec.save(out)
    parts = ", ".join(f"{len(split.stems)} {name}" for name, split in spec.splits.items())
    print(f"{out}: {spec.name}, {parts}; licence: {spec.licence}")
    return 0


@app.command(epilog="Example: rigsight data check dataset.yaml --json")
def check(
    dataset: _Yaml,
    leaks: Annotated[bool, typer.Option(help="Look for equal pictures in different splits.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> int:
    """Read every file of a data set: faults, counts, class shares, leaks between splits.

    Ends with code 0 when all is well, else with DAT-011. Leaks are reported, and are no fault.
    """
    from rigsight.training import codes
    from rigsight.training.data.checking.check import check_dataset
    from rigsight.training.data.dataset import open_dataset

    opened = open_dataset(dataset)
    total = sum(len(split.stems) for split in opened.spec.splits.values())
    with _progress() as progress:
        task = progress.add_task("reading", total=total)
        report = check_dataset(opened, leaks, lambda: progress.advance(task))
    if as_json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        _print(report)
    if report.faults:
        count = len(report.faults)
        raise codes.DATASET_FAULTY(
            f"{count} fault{'s' if count > 1 else ''}, the first: {report.faults[0].line}"
        )
    return 0


@app.command(epilog="Example: rigsight data sheet dataset.yaml --out sheet.jpg --split val")
def sheet(
    dataset: _Yaml,
    out: Annotated[Path, typer.Option(help="Picture to write (.jpg or .png).")] = Path("sheet.jpg"),
    split: Annotated[str | None, typer.Option(help="One split; without it some of each.")] = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="Samples on the page.")] = 12,
    seed: Annotated[int, typer.Option(help="Which samples those are.")] = 1,
) -> int:
    """One page of samples: what each camera sees, and the mask laid over it."""
    from rigsight.training.data.checking.sheet import draw_sheet, write_sheet
    from rigsight.training.data.dataset import open_dataset

    opened = open_dataset(dataset)
    page = draw_sheet(opened, split, count, seed)
    write_sheet(out, page)
    print(f"{out}: {page.shape[1]}x{page.shape[0]}")
    return 0


def _progress() -> Progress:
    """A bar on stderr while somebody watches."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def _grouping(text: str | None) -> Grouping | None:
    """The grouping that ``--group`` names. Raises CLI-001 for a regular expression that is none."""
    from rigsight.cli.main import BAD_USAGE
    from rigsight.training.data.layouts.grouping import by_pattern, each, prefix, runs

    if text is None or text == "overlap":
        return None
    if text in ("each", "prefix"):
        return {"each": each, "prefix": prefix}[text]
    if match := re.fullmatch(r"run:(\d+)", text):
        return runs(int(match.group(1)))
    try:
        return by_pattern(text)
    except re.error as error:
        raise BAD_USAGE(f"'{text}' is no regular expression ({error})", where="--group") from error


def _print(report: CheckReport) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold", title=f"{report.name}: {report.licence}")
    for heading in ("split", "pictures", "sizes", "unlabelled", *report.classes):
        table.add_column(heading, justify="left" if heading in ("split", "sizes") else "right")
    for name, counts in report.splits.items():
        shares = [
            f"{pixels:.2%} / {pictures:.0%}" if labelled else "–"
            for labelled in [counts.labelled]
            for pixels, pictures in zip(counts.pixel_shares, counts.picture_shares, strict=True)
        ]
        unlabelled = f"{counts.unlabelled_share:.2%}" if counts.labelled else "–"
        table.add_row(name, str(counts.pictures), counts.sizes_text(), unlabelled, *shares)
    console.print(table)
    if report.classes:
        console.print("share of the labelled pixels / of the pictures that show the class", style="dim")
    for counts in report.splits.values():
        for line in counts.notes():
            console.print(f"note: {line}", markup=False, highlight=False, soft_wrap=True)
    for leak in report.leaks:
        console.print(f"leak: {leak.line}", markup=False, highlight=False, soft_wrap=True)
    for fault in report.faults:
        console.print(f"fault: {fault.line}", markup=False, highlight=False, soft_wrap=True)
    if not report.faults:
        console.print("no faults" + ("" if report.leaks else ", no leaks" if report.leaks_sought else ""))
