"""Depth pictures from files: 16-bit millimetres or float metres."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration import codes
from rigsight.calibration.alignment.surfaces import Float32
from rigsight.calibration.pictures import damage

MM = 1000.0


def read_depth(path: str | Path) -> Float32:
    """Depth in metres, float32 [H,W]; NaN where the file holds zero, NaN or a negative value.

    Whole numbers are millimetres (as depth cameras write them), floats are metres.

    Raises:
        RigsightError: CAL-032 for a file that is missing, damaged or no depth picture.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise codes.DEPTH_UNUSABLE(error.strerror or str(error), where=path) from error
    stored = _from_npy(data, path) if path.suffix.lower() == ".npy" else _from_picture(data, path)
    if stored.ndim != 2 or stored.dtype.kind not in "fiu" or stored.dtype.itemsize < 2 or not stored.size:
        raise codes.DEPTH_UNUSABLE(f"it holds {stored.dtype} {list(stored.shape)}", where=path)
    depth: Float32 = stored.astype(np.float32)
    if stored.dtype.kind != "f":
        depth /= np.float32(MM)
    depth[~(depth > 0)] = np.nan
    if not np.isfinite(depth).any():
        raise codes.DEPTH_UNUSABLE("no pixel has a depth", where=path)
    return depth


def _from_npy(data: bytes, path: Path) -> NDArray[Any]:
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise codes.DEPTH_UNUSABLE("it is damaged or no .npy file", where=path) from error
    return np.asarray(loaded)


def _from_picture(data: bytes, path: Path) -> NDArray[Any]:
    problem = damage(data)
    if problem:
        raise codes.DEPTH_UNUSABLE(problem, where=path)
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        found = None
    if found is None:
        raise codes.DEPTH_UNUSABLE("it is damaged or no picture at all", where=path)
    return found
