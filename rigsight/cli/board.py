"""``rigsight board``: a calibration board to print, cut or engrave, at exact scale, with its board.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rigsight.cli.main import BAD_USAGE

if TYPE_CHECKING:
    from rigsight.calibration.boards import Board

app = typer.Typer(add_completion=False, rich_markup_mode=None)

RECOMMENDED = "asymmetric_circles"
COUNTS = {
    "chessboard": (9, 6),
    "charuco": (7, 5),
    "aprilgrid": (6, 6),
    "circles": (7, 5),
    "asymmetric_circles": (4, 11),
}
STEPS_MM = {"chessboard": 30, "charuco": 40, "aprilgrid": 50, "circles": 50, "asymmetric_circles": 45}
STEP_KEYS = {
    "chessboard": "square_m",
    "charuco": "square_m",
    "aprilgrid": "tag_m",
    "circles": "pitch_m",
    "asymmetric_circles": "pitch_m",
}
LARGEST_STEP_MM = 400
# Parts of the square or pitch where no size is given.
MARKER, DIAMETERS, SPACING = 0.75, {"circles": 0.6, "asymmetric_circles": 0.85}, 0.3


@app.command(
    epilog="Examples: rigsight board --out plate.dxf (the recommended plate of holes, for a laser cutter); "
    "rigsight board --kind charuco --columns 7 --rows 5 --square-mm 30 --marker-mm 22 --page A3 "
    "--out board.pdf; rigsight board --kind chessboard --page A2 --out board.pdf (as large as fits); "
    "rigsight board --board board.yaml --out again.svg"
)
def board(
    out: Annotated[Path, typer.Option(help="Where to draw it: .pdf, .svg, .dxf (laser cutter) or .png.")],
    kind: Annotated[
        str | None,
        typer.Option(
            help="chessboard, charuco, aprilgrid, circles or asymmetric_circles; left out, the board "
            "recommended for thermal + RGB: a plate of asymmetric holes with an odd number of rows."
        ),
    ] = None,
    columns: Annotated[
        int | None, typer.Option(help="Inner corners (chessboard), squares, tags or circles in a row.")
    ] = None,
    rows: Annotated[int | None, typer.Option(help="Rows of them.")] = None,
    square_mm: Annotated[
        float | None,
        typer.Option(
            help="Side of a square; sizes left out are chosen, to fill the page where one is named."
        ),
    ] = None,
    pitch_mm: Annotated[
        float | None,
        typer.Option(help="Distance of circles (asymmetric: half that in a row), or of tags."),
    ] = None,
    diameter_mm: Annotated[float | None, typer.Option(help="Diameter of the circles.")] = None,
    marker_mm: Annotated[float | None, typer.Option(help="Side of a charuco marker.")] = None,
    tag_mm: Annotated[float | None, typer.Option(help="Side of an aprilgrid's tag.")] = None,
    spacing: Annotated[float | None, typer.Option(help="Gap between tags as a part of the tag.")] = None,
    dictionary: Annotated[str | None, typer.Option(help="OpenCV's name, such as DICT_5X5_100.")] = None,
    first_id: Annotated[int | None, typer.Option(help="Number of the first marker.")] = None,
    legacy_pattern: Annotated[
        bool, typer.Option("--legacy-pattern", help="Charuco as OpenCV drew it before 4.6.")
    ] = False,
    cutout: Annotated[bool, typer.Option("--cutout", help="Circles are holes: cut lines, a plate.")] = False,
    described: Annotated[
        Path | None, typer.Option("--board", metavar="PATH", help="Draw the board of this board.yaml.")
    ] = None,
    page: Annotated[
        str, typer.Option(help="A0 to A5, letter, legal, tabloid, 600x400 (mm), or fit: as large as needed.")
    ] = "fit",
    dpi: Annotated[float, typer.Option(help="Resolution of a .png.")] = 300.0,
    yaml: Annotated[
        Path | None,
        typer.Option(help="Where to write board.yaml; without, beside the drawing, and none is replaced."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> int:
    """Draw a calibration board at exact scale and write the board.yaml that describes it.

    Print at 100 %, never 'fit to page', then measure the bar below the board and the board itself;
    write what you measure into board.yaml.
    """
    from rigsight.calibration.boards import Board
    from rigsight.calibration.targets.layout import describe, lay_out
    from rigsight.calibration.targets.write import write_drawing

    if not 20 <= dpi <= 2400:
        raise BAD_USAGE("--dpi must be between 20 and 2400", where="rigsight board")
    sizes = {
        "square_m": square_mm,
        "pitch_m": pitch_mm,
        "diameter_m": diameter_mm,
        "marker_m": marker_mm,
        "tag_m": tag_mm,
    }
    given: dict[str, Any] = {key: round(mm / 1000, 9) for key, mm in sizes.items() if mm is not None}
    others = {
        "columns": columns,
        "rows": rows,
        "spacing": spacing,
        "dictionary": dictionary,
        "first_id": first_id,
        "legacy_pattern": legacy_pattern or None,
        "cutout": cutout or None,
    }
    given |= {key: value for key, value in others.items() if value is not None}
    if described is not None:
        if kind is not None or given:
            raise BAD_USAGE("--board takes no kind, counts or sizes beside it", where="rigsight board")
        chosen = Board.load(described)
    else:
        chosen = _chosen(kind, given, page)
    drawing = lay_out(chosen, page)
    if described is None and yaml is None:
        _keep_another(out.with_name("board.yaml"), chosen)
    write_drawing(drawing, out, dpi)
    where = yaml or (out.with_name("board.yaml") if described is None else None)
    if where is not None:
        chosen.save(where)
    points = chosen.object_points()[:, :2] * 1000
    far = points.max(axis=0)
    warnings = _warnings(chosen)
    facts = {
        "out": str(out),
        "yaml": None if where is None else str(where),
        "board": chosen.model_dump(mode="json", exclude_none=True),
        "points": chosen.count,
        "page_mm": [round(drawing.width, 3), round(drawing.height, 3)],
        "first_to_last_mm": [round(float(far[0]), 3), round(float(far[1]), 3)],
        "half_turn_ambiguous": chosen.half_turn_ambiguous,
        "warnings": warnings,
    }
    if as_json:
        print(json.dumps(facts, indent=2))
        return 0
    print(describe(chosen))
    print(
        f"{out} is {drawing.width:.1f} x {drawing.height:.1f} mm"
        + (f"; {where} describes it" if where else "")
    )
    print(
        f"check: the outermost points lie {far[0]:.2f} mm apart along a row, {far[1]:.2f} mm across the rows"
    )
    for warning in warnings:
        print(f"note: {warning}")
    return 0


def _keep_another(path: Path, chosen: Board) -> None:
    """Raise CAL-023 where a board.yaml, perhaps with measured sizes, would be lost."""
    from rigsight.calibration import codes
    from rigsight.calibration.targets.layout import describe

    if path.is_file() and path.read_text(errors="replace") != chosen.to_yaml():
        raise codes.BOARD_KEPT(f"it is not {describe(chosen)}", where=path)


def _chosen(kind: str | None, given: dict[str, Any], page: str) -> Board:
    """The board asked for, with the sizes that were left out."""
    if kind is None:
        kind = RECOMMENDED
        given = {"cutout": True, **given}
    if kind not in COUNTS:
        raise BAD_USAGE(f"there is no board '{kind}'; kinds are {', '.join(COUNTS)}", where="--kind")
    columns, rows = COUNTS[kind]
    values = {"kind": kind, "columns": columns, "rows": rows, **given}
    if _step_given(values):
        return _made(values, None)
    from rigsight.calibration.targets.layout import page_size

    if page_size(page) is None:
        return _made(values, STEPS_MM[kind])
    return _largest(values, page)


def _step_given(values: dict[str, Any]) -> bool:
    if values["kind"] == "aprilgrid":
        return "tag_m" in values or "pitch_m" in values
    return "square_m" in values or "pitch_m" in values


def _made(values: dict[str, Any], step_mm: float | None) -> Board:
    """A checked board; ``step_mm`` is its square or pitch where the user named none. Raises CAL-010."""
    from rigsight.base.schema import parse_model
    from rigsight.calibration import codes
    from rigsight.calibration.boards import Board

    values = dict(values)
    kind = values["kind"]
    if step_mm is not None:
        values[STEP_KEYS[kind]] = step_mm / 1000
    if kind == "charuco" and "square_m" in values:
        values.setdefault("marker_m", round(MARKER * values["square_m"], 4))
        values.setdefault("dictionary", "DICT_5X5_100")
    if kind in DIAMETERS and "pitch_m" in values:
        values.setdefault("diameter_m", round(DIAMETERS[kind] * values["pitch_m"], 4))
    if kind == "aprilgrid" and sum(key in values for key in ("tag_m", "pitch_m", "spacing")) == 1:
        values["spacing"] = SPACING
    return parse_model(values, Board, codes.BOARD_INVALID, where="rigsight board")


def _largest(values: dict[str, Any], page: str) -> Board:
    """The board with the largest whole millimetres that fits the page. Raises CAL-020."""
    from rigsight.base.errors import RigsightError
    from rigsight.calibration.targets.layout import check_fits

    low, high = 1, LARGEST_STEP_MM
    check_fits(_made(values, _smallest(values)), page)
    while low < high:
        middle = (low + high + 1) // 2
        try:
            check_fits(_made(values, middle), page)
            low = middle
        except RigsightError:
            high = middle - 1
    return _made(values, low)


def _smallest(values: dict[str, Any]) -> int:
    """Whole millimetres that leave a board of at least 5 mm and room for a given marker or circle."""
    inner = max((values.get(key, 0.0) for key in ("marker_m", "diameter_m")), default=0.0)
    return max(3, int(1000 * inner) + 1)


def _warnings(board: Board) -> list[str]:
    """What to know about this board before making it."""
    found = []
    if board.half_turn_ambiguous:
        instead = (
            f"{board.rows + 1} rows instead of {board.rows}"
            if board.kind == "asymmetric_circles"
            else "asymmetric_circles with an odd number of rows, or charuco or aprilgrid where both cameras "
            "see ink"
        )
        found.append(
            "a half turn maps this board onto itself, so that two cameras may number its points differently; "
            f"'rigsight calibrate' sorts that out by comparing views, but {instead} leaves no doubt"
        )
    if board.marker_count:
        found.append(
            "a thermal camera reads markers only where ink and paper differ in temperature or emissivity and "
            "each cell of a marker is 3 pixels or more; holes in a plate work at lower resolution"
        )
    return found
