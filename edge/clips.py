"""Clips of one camera with the stamps of its own clock: videos, and folders with timestamps.csv or a rate."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import cv2

from rigsight.calibration import codes
from rigsight.edge.frames import Image
from rigsight.edge.sources.pictures import list_pictures, read_picture
from rigsight.edge.sources.video import VideoSource

STAMPS_FILE = "timestamps.csv"
NS_PER_S = 1e9


def open_clip(path: str | Path, role: str, rate_hz: float | None = None) -> Iterator[tuple[int, Image]]:
    """Yield (stamp in ns, picture) of a clip: RGB uint8 [H,W,3], or thermal uint8 or uint16 [H,W].

    A folder needs ``timestamps.csv`` with the columns ``file`` (name or stem) and ``captured_ns``, or a
    ``rate_hz`` at which its pictures follow each other. A video brings its stamps; a rate overrides them.

    Raises:
        RigsightError: CAL-041 for a folder without stamps or stamps that do not fit its pictures, SRC-… for
            files that are missing or damaged.
    """
    path = Path(path)
    if path.is_dir() or not path.exists():  # a missing path is reported as a missing folder
        yield from _folder(path, role, rate_hz)
        return
    source = VideoSource(path, role)
    try:
        for frame in source.frames():
            stamp = frame.captured_ns if rate_hz is None else round(frame.sequence * NS_PER_S / rate_hz)
            yield stamp, frame.data.copy()
            frame.release()
    finally:
        source.close()


def _folder(folder: Path, role: str, rate_hz: float | None) -> Iterator[tuple[int, Image]]:
    files = list_pictures(folder)
    stamps = _stamps_of(folder, files, rate_hz)
    for stem, stamp in sorted(stamps.items(), key=lambda item: item[1]):
        picture = read_picture(files[stem], role)
        yield stamp, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) if picture.ndim == 3 else picture


def _stamps_of(folder: Path, files: dict[str, Path], rate_hz: float | None) -> dict[str, int]:
    if rate_hz is not None:
        return {stem: round(k * NS_PER_S / rate_hz) for k, stem in enumerate(files)}
    path = folder / STAMPS_FILE
    if not path.is_file():
        raise codes.CLIP_UNUSABLE(
            f"there is no {STAMPS_FILE}",
            where=folder,
            fix=f"Write {STAMPS_FILE} with the columns file,captured_ns, or give --rate (pictures a second).",
        )
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
        stamps = {Path(row["file"].strip()).stem: int(row["captured_ns"]) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError, AttributeError) as error:
        raise codes.CLIP_UNUSABLE(
            "it is no table with the columns file,captured_ns (whole nanoseconds)", where=path
        ) from error
    missing = sorted(stamps.keys() - files.keys())
    if missing:
        raise codes.CLIP_UNUSABLE(f"it names '{missing[0]}', which is not in the folder", where=path)
    if not stamps:
        raise codes.CLIP_UNUSABLE("it holds no stamps", where=path)
    return stamps
