"""Tables of ``rigsight evaluate --data``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from rigsight.training.evaluation.dataset import Report

CHOICES = {"both": "both", "rgb_only": "RGB only", "thermal_only": "thermal only"}


def print_report(report: Report) -> None:
    """What was judged, and its tables."""
    from rich.console import Console

    console = Console()
    console.print(f"{report.model} on {report.data}, split {report.split}, {report.images} pictures")
    tables = {"semantic": semantic, "binary": binary, "instance": instances}
    console.print(tables[report.task](report))
    fusion = report.figures.get("both", {}).get("fusion")
    if fusion:
        console.print(fused(fusion))


def semantic(report: Report) -> Table:
    """IoU by class, then mIoU and mAcc, a column for every choice of cameras."""
    table = _table("", *(CHOICES[choice] for choice in report.figures))
    rows = list(report.figures.values())
    for name in rows[0]["classes"]:
        table.add_row(f"IoU {name}", *(_cell(row["classes"][name]["iou"]) for row in rows))
    for key, label in (("miou", "mIoU"), ("macc", "mAcc")):
        table.add_row(label, *(_cell(row[key]) for row in rows))
    return table


def binary(report: Report) -> Table:
    """A figure a row, a column for every choice of cameras."""
    first = next(iter(report.figures.values()))
    tolerance = first["tolerance_px"]
    within = f" within {tolerance:g} px" if tolerance else ""
    way = first["per_image"]["protocol"]
    rows: list[tuple[str, tuple[str, ...]]] = [
        (f"F1{within}, best threshold (ODS)", ("ods", "f1")),
        ("  its threshold", ("ods", "threshold")),
        ("  precision", ("ods", "precision")),
        ("  recall", ("ods", "recall")),
        (f"F1{within}, best a picture (OIS)", ("ois_f1",)),
        (f"AUPRC{within}", ("auprc",)),
        (f"F1{within}, the model's threshold", ("own", "f1")),
        ("  its threshold", ("own", "threshold")),
        ("  IoU", ("own", "iou")),
        ("region F1 32x32, the model's threshold", ("region", "own", "f1")),
        ("region F1 32x32, best threshold", ("region", "best", "f1")),
        (f"PA, mean of pictures ({way})", ("per_image", "pa")),
        (f"IoU, mean of pictures ({way})", ("per_image", "iou")),
    ]
    headings = [CHOICES[choice] for choice in report.figures] if len(report.figures) > 1 else ["score"]
    table = _table("", *headings)
    for label, path in rows:
        table.add_row(label, *(_cell(_at(figures, path)) for figures in report.figures.values()))
    return table


def instances(report: Report) -> Table:
    """COCO's figures, one a row."""
    table = _table("", *(CHOICES[choice] for choice in report.figures))
    rows = list(report.figures.values())
    for name in rows[0]:
        table.add_row(name, *(_cell(row[name]) for row in rows))
    return table


def fused(figures: dict[str, dict[str, float | None]]) -> Table:
    """EN, SD, SF and SCD beside plain averaging."""
    table = _table("fused pictures", *(name.upper() for name in figures["fused"]))
    for label, row in figures.items():
        table.add_row(label, *(_cell(value) for value in row.values()))
    return table


def _table(first: str, *others: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def _at(figures: dict[str, Any], path: tuple[str, ...]) -> float | None:
    value: Any = figures
    for name in path:
        value = value[name]
    return None if value is None else float(value)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
