"""The formats by name."""

from __future__ import annotations

from types import ModuleType

from rigsight.calibration import codes
from rigsight.calibration.exchange import colmap, kalibr, mrcal, opencv, ros

FORMATS: dict[str, ModuleType] = {
    "kalibr": kalibr,
    "ros": ros,
    "opencv": opencv,
    "colmap": colmap,
    "mrcal": mrcal,
}
FOLDERS = ("ros", "colmap", "mrcal")  # several files: an export writes a folder


def module_of(format_name: str) -> ModuleType:
    """The module with ``encode`` and ``decode``. Raises CAL-064 for an unknown name."""
    if format_name not in FORMATS:
        raise codes.EXCHANGE_FORMAT(f"there is no format '{format_name}'; known are {', '.join(FORMATS)}")
    return FORMATS[format_name]
