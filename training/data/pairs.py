"""Aligned real pairs without labels, for training the fusion network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from rigsight.edge.frames import UInt8
from rigsight.training import codes
from rigsight.training.config import PairFolders

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class PairArrays:
    """``rgb`` uint8 [N,H,W,3], ``thermal`` uint8 [N,H,W], ``names`` folder/stem."""

    rgb: UInt8
    thermal: UInt8
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


def load_pairs(
    folders: Sequence[PairFolders], size: tuple[int, int], every: int, validation: bool
) -> PairArrays:
    """All pairs resized to ``size`` (width, height); every ``every``-th in order of names is validation.

    Raises:
        RigsightError: DAT-101 for a missing folder, a picture without partner, or one that is unreadable.
    """
    rgb, thermal, names = [], [], []
    for entry in folders:
        for place, (visible, infrared) in enumerate(matched(entry)):
            if (place % every == 0) == validation:
                rgb.append(_read(visible, cv2.IMREAD_COLOR_RGB, size))
                thermal.append(_read(infrared, cv2.IMREAD_GRAYSCALE, size))
                names.append(f"{visible.parent.name}/{visible.stem}")
    if not names:
        raise codes.PAIRS_UNREADABLE("there are too few pairs to train and to validate with")
    return PairArrays(np.stack(rgb), np.stack(thermal), tuple(names))


def matched(folders: PairFolders) -> list[tuple[Path, Path]]:
    """Files of both folders with the same stem, sorted. Raises DAT-101."""
    found = []
    for folder in (Path(folders.rgb), Path(folders.thermal)):
        if not folder.is_dir():
            raise codes.PAIRS_UNREADABLE("the folder does not exist", where=folder)
        found.append({p.stem: p for p in sorted(folder.iterdir()) if p.suffix.lower() in _SUFFIXES})
    lonely = sorted(set(found[0]) ^ set(found[1]))
    if lonely:
        raise codes.PAIRS_UNREADABLE(
            f"'{lonely[0]}' has no partner" + (f" (and {len(lonely) - 1} more)" if lonely[1:] else ""),
            where=f"{folders.rgb}, {folders.thermal}",
        )
    return [(found[0][stem], found[1][stem]) for stem in sorted(found[0])]


def _read(path: Path, mode: int, size: tuple[int, int]) -> UInt8:
    image = cv2.imread(str(path), mode)
    if image is None:
        raise codes.PAIRS_UNREADABLE("the picture cannot be read", where=path)
    shrinking = size[0] < image.shape[1]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)  # type: ignore[return-value]
