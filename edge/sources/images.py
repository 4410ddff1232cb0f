"""``images:DIR`` or ``images:FILE``: pictures of one camera in the order of their names, or one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rigsight.edge.frames import Frame
from rigsight.edge.sources.files import DEFAULT_FPS, NS_PER_S, FileSource, is_live
from rigsight.edge.sources.pictures import one_or_all, read_picture
from rigsight.edge.sources.uri import Uri


class ImagesSource(FileSource):
    """One camera, ``rgb`` unless told otherwise. A corrupt picture stops the run (SRC-003)."""

    def __init__(
        self, path: str | Path, role: str = "rgb", fps: float = DEFAULT_FPS, live: bool = False
    ) -> None:
        """Raises SRC-002 for a missing path and an empty folder."""
        super().__init__((role,), live)
        self._files = one_or_all(path)
        self._period_ns = NS_PER_S / fps
        self.count = len(self._files)

    @classmethod
    def from_uri(cls, uri: Uri, role: str | None) -> ImagesSource:
        """Options: ``fps`` (stamps; 10), ``pace``. Raises SRC-001."""
        uri.check(("fps", "pace"))
        return cls(uri.path, role or "rgb", uri.number("fps", DEFAULT_FPS, low=0.01), is_live(uri))

    def frames(self) -> Iterator[Frame]:
        """Yield every picture. Raises SRC-003, SRC-006."""
        for sequence, path in enumerate(self._files):
            pixels = read_picture(path, self.cameras[0])
            frame = self.maker.make(self.cameras[0], pixels, round(sequence * self._period_ns), sequence)
            if frame is not None:
                yield frame

    def name(self, sequence: int) -> str | None:
        """The picture's file stem."""
        return self._files[sequence].stem if sequence < len(self._files) else None
