"""What every source of frames offers, and how a URI becomes one."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from rigsight.edge.cameras.driver import SCHEMES as CAMERA_SCHEMES
from rigsight.edge.cameras.driver import is_camera
from rigsight.edge.frames import Frame
from rigsight.edge.sources.uri import parse_uri

if TYPE_CHECKING:
    from rigsight.calibration.rig import Rig
    from rigsight.edge.devices.instruments import Readings

# scheme -> module:class; the class has ``from_uri(uri: Uri, role: str | None) -> Source``.
SCHEMES: dict[str, str] = {
    "pairs": "rigsight.edge.sources.pairs:PairsSource",
    "images": "rigsight.edge.sources.images:ImagesSource",
    "video": "rigsight.edge.sources.video:VideoSource",
    "sim": "rigsight.edge.sources.sim:SimSource",
    "rjpeg": "rigsight.edge.sources.rjpeg:RadiometricSource",
}
PACES = ("step", "live")
ROLES = ("rgb", "thermal")


class Source(Protocol):
    """Frames of one or two cameras, in arrival order over all of them.

    Attributes:
        cameras: the roles it yields, of ``rgb`` and ``thermal``.
        count: how many frame sets are expected, None where nobody can know.
        aligned: the pictures of one instant are already on one pixel grid.
        live: ``pace=live``: frames are due at their ``captured_ns`` and the latest wins; otherwise (``step``)
            nothing is dropped and the source waits for the pipeline. A source never sleeps for its pace:
            the pipeline keeps the clock.
        realtime: frames come when they come and ``captured_ns`` is this machine's CLOCK_MONOTONIC.
        sensor: a sensor's noise is in the pictures (or simulated): an exact repeat is a frozen camera.
        rig: geometry that the source itself knows (the simulator, a factory calibration), or None.
    """

    cameras: tuple[str, ...]
    count: int | None
    aligned: bool
    live: bool
    realtime: bool
    sensor: bool
    rig: Rig | None

    def frames(self) -> Iterator[Frame]:
        """Yield every frame. ``sequence`` counts the instants; lost ones leave gaps.

        Raises:
            RigsightError: SRC-… where a file is missing, corrupt or truncated.
        """

    def name(self, sequence: int) -> str | None:
        """File stem of an instant, where it has one."""

    def truth(self, sequence: int) -> Any | None:
        """What the simulated rig knows of an instant; None elsewhere."""

    def dropped(self) -> dict[str, int]:
        """Frames that never left the source: reason -> count."""

    def close(self) -> None:
        """Let go of files and devices. Closing twice is harmless."""


@runtime_checkable
class KnowsReadings(Protocol):
    """A source whose files say where they were taken."""

    def readings(self, sequence: int) -> Readings | None:
        """What is known of an instant whose frames were yielded."""


def open_source(text: str, role: str | None = None) -> Source:
    """Open the source of a URI; ``role`` says which camera a one-camera source stands for.

    Raises:
        RigsightError: SRC-001 for a URI that is not understood, SRC-… for what it points at, CAM-… for a live
            camera's.
    """
    if is_camera(text):
        from rigsight.edge.sources.cameras import CameraSource

        return CameraSource({role or "rgb": text})
    uri = parse_uri(text, [*SCHEMES, *CAMERA_SCHEMES])
    module, _, name = SCHEMES[uri.scheme].partition(":")
    source: Source = getattr(importlib.import_module(module), name).from_uri(uri, role)
    return source
