"""``report.html`` of an export: what every variant costs, why it was decided so, and where it is worst."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2

from rigsight.base.files import make_folder, write_bytes, write_text
from rigsight.base.html.page import jpeg_uri, page
from rigsight.base.html.style import CSS
from rigsight.export.precision.islands import Island
from rigsight.export.precision.sensitivity import Decision, Row
from rigsight.export.precision.variants import Made, Precision

REPORT_FILE, TABLE_FILE = "report.html", "verdicts.json"
_MOST_ISLANDS = 40


def write_report(folder: Path, name: str, precision: Precision) -> None:
    """Write report.html, verdicts.json and the sheets of the worst cases into ``folder``. Raises IO-001."""
    make_folder(folder)
    for made in precision.made:
        if made.found.score.worst is not None:
            sheet = cv2.imencode(".png", cv2.cvtColor(made.found.score.worst, cv2.COLOR_RGB2BGR))[1]
            write_bytes(folder / f"worst-{made.variant}.png", sheet.tobytes())
    write_text(folder / TABLE_FILE, json.dumps(as_json(precision), indent=1))
    write_text(folder / REPORT_FILE, render(name, precision))


def as_json(precision: Precision) -> dict[str, Any]:
    """Everything but the graphs and pictures, as plain values."""
    return {
        "material": precision.material,
        "calibration": precision.spread.words(),
        "calibrator": precision.method,
        "budget_points": precision.budget,
        "variants": {made.variant: _plain(made, precision.same) for made in precision.made},
        "float32_islands": [vars(island) for island in precision.islands],
    }


def render(name: str, precision: Precision) -> str:
    """The page as HTML."""
    parts = [
        '<header>\n<p class="eyebrow">rigsight export</p>',
        f"<h1>{escape(name)}: {len(precision.made)} variants</h1>",
        f'<p class="lead">{escape(precision.material)}. Ranges from {escape(precision.spread.words())}, '
        f"calibrator {precision.method}; a variant may lose {precision.budget:g} points. Accuracy is that of "
        "ONNX Runtime on the same graph: for TensorRT it is <em>simulated</em>, and the device judges again."
        "</p>\n</header>",
        _variants(precision.made, precision.same),
    ]
    parts += [
        _sensitivity(made, made.found.decision) for made in precision.made if made.found.decision is not None
    ]
    if any(made.variant == "fp16" for made in precision.made):
        parts.append(_islands(precision.islands))
    parts += [_worst(made) for made in precision.made if made.found.score.worst is not None]
    return page(f"rigsight export: {name}", CSS, "\n".join(parts))


def _variants(made: Sequence[Made], same: str) -> str:
    reference = made[0]
    rows = []
    for one in made:
        lost = 100 * (reference.found.score.value - one.found.score.value)
        cells = (
            f"{one.found.score.value:.4f}",
            "–" if one is reference else f"{round(-lost, 2) + 0.0:+.2f}",
            f"{one.found.agreement:.3%}",
            f"{one.found.size / 1e6:.2f} MB",
            f"{one.found.milliseconds:.0f} ms",
            f"{reference.found.milliseconds / one.found.milliseconds:.2f}×",
        )
        word = "may run" if one.verdict.accepted else "refused"
        rows.append(
            f"<tr><th>{one.variant}</th>"
            + "".join(f'<td class="n">{cell}</td>' for cell in cells)
            + f"<td>{word}</td><td>{escape(one.verdict.reason)}</td></tr>"
        )
    heads = (reference.found.score.metric, "points", f"equal {same}", "size", "one thread", "speed")
    return (
        "<h2>Variants</h2>\n"
        '<p class="note">Processor time of one inference in ONNX Runtime on the machine that exported. It '
        "has no float16 arithmetic and no kernels for signed activations on most processors: of the variants "
        "for TensorRT these times say nothing.</p>\n"
        '<div class="scroll"><table><thead><tr><th>variant</th>'
        + "".join(f'<th class="n">{head}</th>' for head in heads)
        + "<th>verdict</th><th>reason</th></tr></thead><tbody>"
        + "".join(rows)
        + "</tbody></table></div>"
    )


def _sensitivity(made: Made, decision: Decision) -> str:
    def cells(row: Row) -> str:
        sqnr = "–" if math.isnan(row.sqnr_db) else "∞" if math.isinf(row.sqnr_db) else f"{row.sqnr_db:.1f} dB"
        lost = "–" if row.lost is None else f"{round(-row.lost, 2) + 0.0:+.2f}"
        kept = "INT8" if row.kept_float is None else f"float, {escape(row.kept_float)}"
        return (
            f"<tr><th>{escape(row.group.name)}</th><td class='n'>{len(row.group.nodes)}</td>"
            f"<td class='n'>{sqnr}</td><td class='n'>{lost}</td><td>{kept}</td></tr>"
        )

    return (
        f"<h2>{made.variant}: what each group costs alone</h2>\n"
        f'<p class="note">The score of the float graph is {decision.reference:.4f}, with this choice it is '
        f"{decision.score:.4f}. Points are measured only where INT8 in all groups missed the budget.</p>\n"
        '<div class="scroll"><table><thead><tr><th>group</th><th class="n">layers</th><th class="n">SQNR</th>'
        '<th class="n">points</th><th>decision</th></tr></thead><tbody>'
        + "".join(cells(row) for row in decision.rows)
        + "</tbody></table></div>"
    )


def _islands(islands: Sequence[Island]) -> str:
    if not islands:
        return "<h2>fp16: float32 islands</h2>\n<p>None: no value or sum leaves float16’s range.</p>"
    places: dict[tuple[str, str], Counter[str]] = {}
    for island in islands:
        found = places.setdefault((island.module or island.node, island.reason), Counter())
        found[island.operator] += 1
    rows = "".join(
        f"<tr><th>{escape(module)}</th><td>{escape(_counted(operators))}</td><td>{escape(reason)}</td></tr>"
        for (module, reason), operators in list(places.items())[:_MOST_ISLANDS]
    )
    more = len(places) - _MOST_ISLANDS
    return (
        "<h2>fp16: float32 islands</h2>\n"
        '<div class="scroll"><table><thead><tr><th>module</th><th>operators</th><th>why</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>" + (f'<p class="note">and {more} more</p>' if more > 0 else "")
    )


def _counted(operators: Counter[str]) -> str:
    """What there is, and how often.

    >>> _counted(Counter(["Mul", "Add", "Mul"]))
    'Mul (2), Add'
    """
    return ", ".join(name if count == 1 else f"{name} ({count})" for name, count in operators.most_common())


def _worst(made: Made) -> str:
    assert made.found.score.worst is not None
    shown = cv2.cvtColor(made.found.score.worst, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()
    return (
        f"<h2>{made.variant}: the worst pictures</h2>\n<figure>"
        f'<img alt="The pictures that {made.variant} does worst" src="{jpeg_uri(data)}"></figure>'
    )


def _plain(made: Made, same: str) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "metric": made.found.score.metric,
        "score": round(made.found.score.value, 5),
        f"{same}_agreement": round(made.found.agreement, 6),
        "bytes": made.found.size,
        "milliseconds": round(made.found.milliseconds, 2),
        "accepted": made.verdict.accepted,
        "reason": made.verdict.reason,
    }
    if made.found.decision is not None:
        plain["groups"] = [
            {
                "group": row.group.name,
                "layers": len(row.group.nodes),
                "sqnr_db": round(row.sqnr_db, 2) if math.isfinite(row.sqnr_db) else None,
                "points_lost": None if row.lost is None else round(row.lost, 3),
                "kept_float": row.kept_float,
            }
            for row in made.found.decision.rows
        ]
    return plain
