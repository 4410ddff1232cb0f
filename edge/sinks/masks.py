"""``masks:DIR`` and ``confidence:DIR``: one PNG a frame set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from rigsight.base.files import make_folder, write_bytes
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import Prediction, UInt8
from rigsight.edge.sources.uri import Uri

if TYPE_CHECKING:
    from typing_extensions import Self


def file_name(prediction: Prediction) -> str:
    """The set's file stem where it has one, else its index in six digits."""
    source = prediction.aligned.source
    return source.name or f"{source.index:06d}"


class PicturesSink:
    """Files are named by :func:`file_name`; each appears whole."""

    def __init__(self, folder: str | Path) -> None:
        """Raises IO-001 when the folder cannot be made or written."""
        self.folder = make_folder(folder)

    @classmethod
    def from_uri(cls, uri: Uri, classes: Sequence[ClassEntry]) -> Self:
        """No options. Raises SRC-001."""
        uri.check(())
        return cls(uri.path)

    def save(self, prediction: Prediction, picture: UInt8) -> None:
        """Write one PNG. Raises IO-001."""
        _, encoded = cv2.imencode(".png", picture)
        write_bytes(self.folder / f"{file_name(prediction)}.png", encoded.tobytes())

    def close(self) -> None:
        """Every file is whole already."""


class MasksSink(PicturesSink):
    """Class ids, 255 = unlabelled."""

    def write(self, prediction: Prediction) -> None:
        """Write one mask. Raises IO-001."""
        self.save(prediction, prediction.mask)


class ConfidenceSink(PicturesSink):
    """Probability of the class that the mask names, 255 for certainty, 0 where unlabelled."""

    def write(self, prediction: Prediction) -> None:
        """Write one picture where the bundle can tell. Raises IO-001."""
        if prediction.confidence is not None:
            self.save(prediction, prediction.confidence)
