"""DXF (AutoCAD R12, ASCII) in millimetres for laser cutters: closed outlines on layers CUT and ENGRAVE."""

from __future__ import annotations

from collections.abc import Iterator

from rigsight.calibration.boards import Float64
from rigsight.calibration.targets.shapes import Area, Circle, Drawing, Layer, Line, Shape

COLOURS = {Layer.CUT: 1, Layer.ENGRAVE: 7}  # red, black
Pair = tuple[int, str | float | int]


def to_dxf(drawing: Drawing) -> str:
    """The drawing as DXF text; y runs up from the lower edge of the page."""
    pairs: list[Pair] = [(999, "units: millimetres"), (0, "SECTION"), (2, "HEADER")]
    pairs += [(9, "$ACADVER"), (1, "AC1009")]
    pairs += [(9, "$EXTMIN"), (10, 0.0), (20, 0.0), (9, "$EXTMAX"), (10, drawing.width), (20, drawing.height)]
    pairs += [(0, "ENDSEC"), (0, "SECTION"), (2, "TABLES")]
    pairs += [(0, "TABLE"), (2, "LTYPE"), (70, 1), (0, "LTYPE"), (2, "CONTINUOUS"), (70, 0)]
    pairs += [(3, "Solid line"), (72, 65), (73, 0), (40, 0.0), (0, "ENDTAB")]
    pairs += [(0, "TABLE"), (2, "LAYER"), (70, len(COLOURS))]
    for layer, colour in COLOURS.items():
        pairs += [(0, "LAYER"), (2, layer.value), (70, 0), (62, colour), (6, "CONTINUOUS")]
    pairs += [(0, "ENDTAB"), (0, "ENDSEC"), (0, "SECTION"), (2, "ENTITIES")]
    for shape in drawing.shapes:
        pairs += _entities(shape, drawing.height)
    pairs += [(0, "ENDSEC"), (0, "EOF")]
    return "".join(f"{code:>3}\n{_value(value)}\n" for code, value in pairs)


def _entities(shape: Shape, height: float) -> Iterator[Pair]:
    if isinstance(shape, Area):
        for loop in shape.loops:
            yield from _polyline(loop, True, Layer.ENGRAVE, height)
    elif isinstance(shape, Line):
        yield from _polyline(shape.points, shape.closed, shape.layer, height)
    elif isinstance(shape, Circle):
        yield from ((0, "CIRCLE"), (8, shape.layer.value), (10, shape.x), (20, height - shape.y))
        yield from ((30, 0.0), (40, shape.radius))
    else:
        yield from ((0, "TEXT"), (8, Layer.ENGRAVE.value), (10, shape.x), (20, height - shape.y))
        yield from ((30, 0.0), (40, shape.height), (1, shape.words))


def _polyline(points: Float64, closed: bool, layer: Layer, height: float) -> Iterator[Pair]:
    yield from ((0, "POLYLINE"), (8, layer.value), (66, 1), (70, int(closed)))
    yield from ((10, 0.0), (20, 0.0), (30, 0.0))
    for x, y in points:
        yield from ((0, "VERTEX"), (8, layer.value), (10, float(x)), (20, height - float(y)), (30, 0.0))
    yield from ((0, "SEQEND"), (8, layer.value))


def _value(value: str | float | int) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)
