"""``pairs:RGB_DIR,THERMAL_DIR``: two folders of pictures with the same file stems, aligned by assumption."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rigsight.edge import codes
from rigsight.edge.frames import Frame
from rigsight.edge.sources.base import ROLES
from rigsight.edge.sources.files import DEFAULT_FPS, NS_PER_S, FileSource, is_live
from rigsight.edge.sources.pictures import list_pictures, read_picture
from rigsight.edge.sources.uri import Uri


class PairsSource(FileSource):
    """Both pictures of a stem share one stamp. Every pair may have its own size.

    A corrupt picture stops the run (SRC-003): leaving it out would shift counts that people compare.
    """

    aligned = True

    def __init__(
        self, rgb: str | Path, thermal: str | Path, fps: float = DEFAULT_FPS, live: bool = False
    ) -> None:
        """Raises SRC-002 for a missing or empty folder, SRC-004 for pictures without partner."""
        super().__init__(ROLES, live)
        self._rgb, self._thermal = list_pictures(rgb), list_pictures(thermal)
        for folder, other, lone in (
            (rgb, thermal, self._rgb.keys() - self._thermal.keys()),
            (thermal, rgb, self._thermal.keys() - self._rgb.keys()),
        ):
            if lone:
                raise codes.PAIRS_UNMATCHED(
                    f"{len(lone)} picture(s) have no partner in {other}, first '{min(lone)}'", where=folder
                )
        self._stems = sorted(self._rgb)
        self._period_ns = NS_PER_S / fps
        self.count = len(self._stems)

    @classmethod
    def from_uri(cls, uri: Uri, role: str | None) -> PairsSource:
        """Options: ``fps`` (stamps; 10), ``pace``. Raises SRC-001."""
        uri.check(("fps", "pace"))
        rgb, comma, thermal = uri.path.partition(",")
        if role is not None:
            raise codes.BAD_URI(
                f"'pairs:' holds both cameras and cannot stand for '{role}' alone",
                where=uri.text,
                fix="Give it as --source, or use images:DIR.",
            )
        if not comma or not rgb or not thermal:
            raise codes.BAD_URI("two folders are needed", where=uri.text, fix="Write pairs:RGB,THERMAL.")
        return cls(rgb, thermal, uri.number("fps", DEFAULT_FPS, low=0.01), is_live(uri))

    def frames(self) -> Iterator[Frame]:
        """Yield RGB then thermal of every stem. Raises SRC-003, SRC-006."""
        for sequence, stem in enumerate(self._stems):
            stamp = round(sequence * self._period_ns)
            for camera, files in (("rgb", self._rgb), ("thermal", self._thermal)):
                frame = self.maker.make(camera, read_picture(files[stem], camera), stamp, sequence)
                if frame is not None:
                    yield frame

    def name(self, sequence: int) -> str | None:
        """The pair's file stem."""
        return self._stems[sequence] if sequence < len(self._stems) else None
