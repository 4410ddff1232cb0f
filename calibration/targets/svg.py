"""SVG in millimetres: one user unit is one millimetre."""

from __future__ import annotations

from html import escape

from rigsight.calibration.boards import Float64
from rigsight.calibration.targets.shapes import Area, Circle, Drawing, Layer, Line, Shape

CAPITAL_OF_FONT_SIZE = 0.72  # Helvetica and Arial
HAIRLINE_MM = 0.1


def to_svg(drawing: Drawing) -> str:
    """The drawing as an SVG document. Cut lines are red hairlines, as laser cutters' drivers expect."""
    w, h = _number(drawing.width), _number(drawing.height)
    body = "\n".join(_element(shape) for shape in drawing.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}mm" height="{h}mm" viewBox="0 0 {w} {h}">\n'
        f"{body}\n</svg>\n"
    )


def _element(shape: Shape) -> str:
    if isinstance(shape, Area):
        path = " ".join(_path(loop) + " Z" for loop in shape.loops)
        return f'<path fill="#000" fill-rule="evenodd" d="{path}"/>'
    if isinstance(shape, Circle):
        style = f'fill="none" {_stroke(shape.layer)}' if shape.layer is Layer.CUT else 'fill="#000"'
        return (
            f'<circle cx="{_number(shape.x)}" cy="{_number(shape.y)}" r="{_number(shape.radius)}" {style}/>'
        )
    if isinstance(shape, Line):
        path = _path(shape.points) + (" Z" if shape.closed else "")
        return f'<path fill="none" {_stroke(shape.layer)} d="{path}"/>'
    size = _number(shape.height / CAPITAL_OF_FONT_SIZE)
    return (
        f'<text x="{_number(shape.x)}" y="{_number(shape.y)}" font-family="Helvetica, Arial, sans-serif" '
        f'font-size="{size}">{escape(shape.words)}</text>'
    )


def _stroke(layer: Layer) -> str:
    return f'stroke="{"#f00" if layer is Layer.CUT else "#000"}" stroke-width="{HAIRLINE_MM}"'


def _path(points: Float64) -> str:
    return "M " + " L ".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _number(value: float) -> str:
    """Tenths of a micrometre."""
    return f"{value:.4f}".rstrip("0").rstrip(".")
