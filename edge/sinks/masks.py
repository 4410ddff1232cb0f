"""``masks:DIR``: one PNG of class ids a frame set, 255 = unlabelled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2

from rigsight.base.files import make_folder, write_bytes
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import Prediction
from rigsight.edge.sources.uri import Uri


class MasksSink:
    """Files are named by the set's stem where it has one, else by its index; each appears whole."""

    def __init__(self, folder: str | Path) -> None:
        """Raises IO-001 when the folder cannot be made or written."""
        self.folder = make_folder(folder)

    @classmethod
    def from_uri(cls, uri: Uri, classes: Sequence[ClassEntry]) -> MasksSink:
        """No options. Raises SRC-001."""
        uri.check(())
        return cls(uri.path)

    def write(self, prediction: Prediction) -> None:
        """Write one mask. Raises IO-001."""
        source = prediction.aligned.source
        name = source.name or f"{source.index:06d}"
        _, encoded = cv2.imencode(".png", prediction.mask)
        write_bytes(self.folder / f"{name}.png", encoded.tobytes())

    def close(self) -> None:
        """Every file is whole already."""
