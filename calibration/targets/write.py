"""One entry for all formats."""

from __future__ import annotations

from pathlib import Path

from rigsight.base.files import write_bytes
from rigsight.calibration import codes
from rigsight.calibration.targets.dxf import to_dxf
from rigsight.calibration.targets.pdf import to_pdf
from rigsight.calibration.targets.raster import to_png
from rigsight.calibration.targets.shapes import Drawing
from rigsight.calibration.targets.svg import to_svg

SUFFIXES = (".pdf", ".svg", ".dxf", ".png")
DEFAULT_DPI = 300.0


def write_drawing(drawing: Drawing, path: str | Path, dpi: float = DEFAULT_DPI) -> None:
    """Write a drawing in the format that the suffix names; ``dpi`` counts for .png alone.

    Raises:
        RigsightError: CAL-022 for another suffix, CAL-020 when the format ends before the page, IO-001.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise codes.TARGET_FORMAT(f"'{suffix}' is not one of {', '.join(SUFFIXES)}", where=path)
    if suffix == ".pdf":
        data = to_pdf(drawing)
    elif suffix == ".png":
        data = to_png(drawing, dpi)
    else:
        data = (to_svg(drawing) if suffix == ".svg" else to_dxf(drawing)).encode()
    write_bytes(path, data)
