"""A small PDF writer: one page of vector shapes at true scale (ISO 32000-1; 1 point = 1/72 inch)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.boards import Float64
from rigsight.calibration.targets.shapes import Area, Circle, Drawing, Layer, Line, Shape
from rigsight.calibration.targets.svg import CAPITAL_OF_FONT_SIZE, HAIRLINE_MM

POINTS_A_MM = 72 / 25.4
LARGEST_POINTS = 14400  # ISO 32000-1, annex C
ARCS = 8


def to_pdf(drawing: Drawing) -> bytes:
    """The drawing as a PDF that asks viewers to print it unscaled.

    Raises:
        RigsightError: CAL-020 for a page that is longer than PDF allows, 5.08 m.
    """
    width, height = drawing.width * POINTS_A_MM, drawing.height * POINTS_A_MM
    if max(width, height) > LARGEST_POINTS:
        raise codes.BOARD_TOO_LARGE(
            f"the page would be {max(drawing.width, drawing.height) / 1000:.1f} m long, a PDF ends at 5.08 m",
            fix="Write an .svg or a .dxf instead.",
        )
    # The page's frame in mm, y down: widths of lines are in mm, too.
    frame = f"{_number(POINTS_A_MM)} 0 0 {_number(-POINTS_A_MM)} 0 {_number(height)} cm"
    content = "\n".join([frame, f"{HAIRLINE_MM} w", *(line for s in drawing.shapes for line in _paint(s))])
    stream = content.encode("cp1252", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_number(width)} {_number(height)}] "
        "/Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    document, places = bytearray(b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    document += b"".join(b"%010d 00000 n \n" % place for place in places)
    document += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(document)


def _paint(shape: Shape) -> Iterator[str]:
    if isinstance(shape, Area):
        for loop in shape.loops:
            yield from _path(loop)
            yield "h"
        yield "f*"
    elif isinstance(shape, Circle):
        yield from _circle(shape)
        yield "f" if shape.layer is Layer.ENGRAVE else _stroke(shape.layer)
    elif isinstance(shape, Line):
        yield from _path(shape.points)
        yield ("h " if shape.closed else "") + _stroke(shape.layer)
    else:
        words = shape.words.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        size = _number(shape.height / CAPITAL_OF_FONT_SIZE)
        # The text's own matrix turns it the right way up.
        yield f"BT /F1 {size} Tf 1 0 0 -1 {_number(shape.x)} {_number(shape.y)} Tm ({words}) Tj ET"


def _stroke(layer: Layer) -> str:
    return "1 0 0 RG S 0 0 0 RG" if layer is Layer.CUT else "S"


def _path(points: Float64) -> Iterator[str]:
    for n, (x, y) in enumerate(points):
        yield f"{_number(x)} {_number(y)} {'l' if n else 'm'}"


def _circle(circle: Circle) -> Iterator[str]:
    """Bézier arcs of 45 degrees: their radius is right to 4e-6 of itself."""
    pull = 4 / 3 * np.tan(np.pi / (2 * ARCS)) * circle.radius
    angle = np.linspace(0, 2 * np.pi, ARCS + 1)
    on = np.stack([np.cos(angle), np.sin(angle)], axis=1) * circle.radius + np.array([circle.x, circle.y])
    along = np.stack([-np.sin(angle), np.cos(angle)], axis=1) * pull
    yield f"{_number(on[0, 0])} {_number(on[0, 1])} m"
    for n in range(ARCS):
        points = np.concatenate([on[n] + along[n], on[n + 1] - along[n + 1], on[n + 1]])
        yield " ".join(_number(value) for value in points) + " c"
    yield "h"


def _number(value: float) -> str:
    return f"{value:.5f}".rstrip("0").rstrip(".")
