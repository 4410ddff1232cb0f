"""``report.html`` of the device's verdict: every variant's accuracy, speed and size, and where it departs."""

from __future__ import annotations

from html import escape
from pathlib import Path

import cv2

from rigsight.base.files import make_folder, write_text
from rigsight.base.html.page import jpeg_uri, page
from rigsight.base.html.style import CSS
from rigsight.edge.frames import UInt8
from rigsight.edge.verdict.judge import Judged
from rigsight.edge.verdict.kept import DeviceVerdict, KeptRow

REPORT_FILE, TABLE_FILE = "report.html", "verdict.json"
COLUMNS = ("score", "points", "equal mask", "p50", "p95", "speed", "size")


def cells(row: KeptRow) -> tuple[str, ...]:
    """The figures of :data:`COLUMNS` as text."""
    return (
        _shown(row.score, "{:.4f}"),
        "–" if row.lost is None else f"{0.0 - row.lost:+.2f}",
        _shown(row.agreement, "{:.3%}"),
        _shown(row.p50_ms, "{:.2f} ms"),
        _shown(row.p95_ms, "{:.2f} ms"),
        _shown(row.speed, "{:.2f}×"),
        _shown(row.megabytes, "{:.2f} MB"),
    )


def word(row: KeptRow, verdict: DeviceVerdict) -> str:
    """What the verdict says of one variant."""
    if row.variant == verdict.chosen:
        return "runs"
    return "may run" if row.refused is None else f"refused: {row.refused}"


def rests_on(verdict: DeviceVerdict) -> str:
    """What the accuracy rests on, for people."""
    if not verdict.pictures:
        return "the bundle has no labelled pictures: only the masks of its golden inputs were compared"
    return (
        f"{verdict.metric} on {verdict.pictures} labelled pictures of the bundle, on the grid of the masks; "
        f"float32 in ONNX Runtime on this machine: {verdict.reference or 0.0:.4f}"
    )


def write_report(folder: Path, name: str, verdict: DeviceVerdict, judged: Judged | None) -> Path:
    """Write report.html and verdict.json into ``folder``; returns the page. Raises RigsightError IO-001."""
    make_folder(folder)
    write_text(folder / TABLE_FILE, verdict.model_dump_json(indent=1))
    write_text(folder / REPORT_FILE, render(name, verdict, judged))
    return folder / REPORT_FILE


def render(name: str, verdict: DeviceVerdict, judged: Judged | None) -> str:
    """The page as HTML; without ``judged`` it has no pictures."""
    machine = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in verdict.machine.items())
    heads = "".join(f'<th class="n">{head}</th>' for head in COLUMNS)
    rows = "".join(
        f"<tr><th>{row.variant}</th>"
        + "".join(f'<td class="n">{cell}</td>' for cell in cells(row))
        + f"<td>{escape(word(row, verdict))}</td></tr>"
        for row in verdict.rows
    )
    parts = [
        '<header>\n<p class="eyebrow">rigsight build</p>',
        f"<h1>{escape(name)}: {escape(verdict.chosen or 'float32 in ONNX Runtime')} runs here</h1>",
        f'<p class="lead">{escape(_sentence(verdict.reason))} A variant may lose '
        f"{verdict.budget_points:g} points. Measured on: {escape(machine)}.</p>\n</header>",
        f'<h2>Variants</h2>\n<p class="note">{escape(_sentence(rests_on(verdict)))} Times of one inference, '
        "the variants in turns.</p>\n"
        f'<div class="scroll"><table><thead><tr><th>variant</th>{heads}<th>verdict</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>",
    ]
    sheets = {} if judged is None else judged.sheets
    parts += [_sheet(variant, sheet) for variant, sheet in sheets.items()]
    return page(f"rigsight build: {name}", CSS, "\n".join(parts))


def _sheet(variant: str, sheet: UInt8) -> str:
    shown = cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()
    return (
        f"<h2>{variant}: where it departs most from float32</h2>\n<figure>"
        f'<img alt="Pictures where {variant} differs most from float32" src="{jpeg_uri(data)}"></figure>'
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _shown(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
