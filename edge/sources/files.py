"""What sources that read files have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from rigsight.calibration.rig import Rig
from rigsight.edge.frames import Frame
from rigsight.edge.sources.base import PACES
from rigsight.edge.sources.maker import FrameMaker
from rigsight.edge.sources.uri import Uri

DEFAULT_FPS = 10.0
NS_PER_S = 1_000_000_000


class FileSource(ABC):
    """Base of the file sources; see :class:`rigsight.edge.sources.base.Source`."""

    count: int | None
    aligned = realtime = sensor = False
    rig: Rig | None = None

    def __init__(self, cameras: tuple[str, ...], live: bool) -> None:
        self.cameras, self.live = cameras, live
        self.maker = FrameMaker(live, cameras)

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """Yield every frame."""

    def name(self, sequence: int) -> str | None:
        """File stem of an instant, where it has one."""
        return None

    def truth(self, sequence: int) -> Any | None:
        """Files hold no truth."""
        return None

    def dropped(self) -> dict[str, int]:
        """Frames that never left the source: reason -> count."""
        return dict(self.maker.dropped)

    def close(self) -> None:
        """Let go of files and wake a reader that waits for a buffer."""
        self.maker.close()


def is_live(uri: Uri) -> bool:
    """Whether the URI asks for ``pace=live``; files are stepped through by default."""
    return uri.choice("pace", PACES, "step") == "live"
