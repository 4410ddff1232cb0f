"""``overlay:DIR``: one JPEG a frame set, the picture tinted by class, at the mask's own size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2

from rigsight.base.files import make_folder, write_bytes
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import Prediction
from rigsight.edge.render import background, draw_instances, overlay
from rigsight.edge.sinks.masks import file_name
from rigsight.edge.sources.uri import Uri

QUALITY = 92


class OverlaySink:
    """Class 0 and unlabelled pixels stay as they were photographed; sure instances get outline and box."""

    def __init__(
        self, folder: str | Path, classes: Sequence[ClassEntry], opacity: float = 0.55, quality: int = QUALITY
    ) -> None:
        """Raises IO-001 when the folder cannot be made or written."""
        self.folder = make_folder(folder)
        self._classes, self._opacity, self._quality = tuple(classes), opacity, quality

    @classmethod
    def from_uri(cls, uri: Uri, classes: Sequence[ClassEntry]) -> OverlaySink:
        """Options ``opacity`` of the tint (0..1; 0.55) and JPEG ``quality`` (1..100; 92). Raises SRC-001."""
        uri.check(("opacity", "quality"))
        opacity = uri.number("opacity", 0.55, high=1.0)
        return cls(uri.path, classes, opacity, round(uri.number("quality", QUALITY, low=1, high=100)))

    def write(self, prediction: Prediction) -> None:
        """Write one picture. Raises IO-001."""
        tinted = overlay(background(prediction), prediction.mask, self._classes, self._opacity)
        if prediction.instances:
            tinted = draw_instances(tinted, prediction.instances, self._classes)
        bgr = cv2.cvtColor(tinted, cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        write_bytes(self.folder / f"{file_name(prediction)}.jpg", encoded.tobytes())

    def close(self) -> None:
        """Every file is whole already."""
