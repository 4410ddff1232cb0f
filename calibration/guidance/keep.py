"""Views on disk, ``FOLDER/rgb/001.png`` and ``FOLDER/thermal/001.png``: what ``rigsight calibrate`` reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from rigsight.base.files import make_folder, write_bytes
from rigsight.calibration.guidance.estimate import Snapshot
from rigsight.calibration.pictures import Image, as_image


class Kept:
    """A folder that follows the views: written when they are taken, removed when they are deleted."""

    def __init__(self, folder: str | Path, names: Sequence[str]) -> None:
        """Creates a folder for each camera. Raises IO-001."""
        self.folder, self.names = Path(folder), tuple(names)
        for name in self.names:
            make_folder(self.folder / name)

    def load(self) -> dict[str, dict[str, Image]]:
        """View -> camera -> picture, of the views that all cameras have. Raises CAL-011 for a corrupt one."""
        stems = [{path.stem for path in (self.folder / name).glob("*.png")} for name in self.names]
        return {
            stem: {name: as_image(self.folder / name / f"{stem}.png") for name in self.names}
            for stem in sorted(set.intersection(*stems))
        }

    def follow(self, snapshots: Sequence[Snapshot]) -> None:
        """Write the views that are new and remove those that are gone. Raises IO-001."""
        wanted = {shot.name: shot for shot in snapshots}
        for name in self.names:
            there = {path.stem for path in (self.folder / name).glob("*.png")}
            for stem in there - wanted.keys():
                (self.folder / name / f"{stem}.png").unlink(missing_ok=True)
            for stem in wanted.keys() - there:
                write_bytes(self.folder / name / f"{stem}.png", as_png(wanted[stem].pictures[name]))


def as_png(picture: Image) -> bytes:
    """A PNG file of a picture uint8 or uint16, [H,W] or RGB [H,W,3]; nothing is lost."""
    pixels = picture[:, :, ::-1] if picture.ndim == 3 else picture
    _, data = cv2.imencode(".png", np.ascontiguousarray(pixels))
    return bytes(data.tobytes())
