"""Which files belong to what the user named, and which format they have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rigsight.calibration import codes
from rigsight.calibration.exchange import colmap, mrcal, ros
from rigsight.calibration.exchange.reading import MAX_BYTES, Source


def read_sources(paths: Sequence[Path], format_name: str) -> list[Source]:
    """The files to read for what the user named: folders opened, COLMAP's rig beside cameras.txt found."""
    files: list[Path] = []
    for path in paths:
        if format_name == "colmap" and len(paths) == 1:
            files += colmap.files_of(path)
        elif path.is_dir():
            found = _files_in(path, format_name)
            if not found:
                raise codes.EXCHANGE_UNREADABLE(f"the folder holds no {format_name} file", where=path)
            files += found
        else:
            files.append(path)
    limit = mrcal.MAX_BYTES if format_name == "mrcal" else MAX_BYTES
    return [Source.read(file, limit) for file in files]


def _files_in(folder: Path, format_name: str) -> list[Path]:
    """The files of one rig in a folder, sorted, at most eight; files of other formats are passed over."""
    if format_name == "mrcal":
        return sorted(folder.glob("*.cameramodel"))[:8]
    suffixes = (".yaml", ".yml", ".xml", ".json")
    found = sorted(path for path in folder.glob("*") if path.suffix in suffixes and path.is_file())[:64]
    return [path for path in found if _format_of_file(path) == format_name][:8]


def detect_format(path: Path) -> str:
    """The format of a file or folder, by name and content.

    Raises:
        RigsightError: CAL-060 when it cannot be read, CAL-064 when it is none of the known ones.
    """
    if path.is_dir():
        if (path / colmap.CAMERAS_FILE).is_file():
            return "colmap"
        for format_name in ("mrcal", "ros", "opencv", "kalibr"):
            if _files_in(path, format_name):
                return format_name
        raise codes.EXCHANGE_FORMAT("the folder holds no file of a known format", where=path)
    found = _format_of_file(path)
    if found is None:
        raise codes.EXCHANGE_FORMAT("its format is not recognised", where=path)
    return found


def _format_of_file(path: Path) -> str | None:
    if path.suffix == ".cameramodel":
        return "mrcal"
    source = Source.read(path)
    text = source.text
    if path.name == colmap.RIG_FILE or (path.suffix == ".txt" and colmap.is_cameras_file(source)):
        return "colmap"
    if text.startswith("%YAML") or "opencv-matrix" in text or "<opencv_storage" in text:
        return "opencv"
    lines = text.splitlines()
    if any(line.startswith("cam0:") for line in lines):
        return "kalibr"
    if any(line.startswith(("distortion_model:", f"{ros.TRANSFORMS}:")) for line in lines):
        return "ros"
    return "mrcal" if "lensmodel" in text else None
