"""What a camera's driver offers, and how a URI becomes one.

A driver is plain and blocking: open, read one picture after the other, close. It may hang or crash, because
it runs in a process of its own (``edge/capture``), and it knows nothing of pools, pairing or restarts.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rigsight.edge.cameras import codes
from rigsight.edge.cameras.plugins import load_plugin, plugins
from rigsight.edge.frames import CountsToKelvin, Depth, Flag, Image, PixelFormat, TimeSource
from rigsight.edge.sources.uri import parse_uri

# scheme -> module:class; the class has ``from_uri(uri: Uri, role: str) -> Driver``.
SCHEMES: dict[str, str] = {
    "card": "rigsight.edge.cameras.card:CardDriver",
    "v4l2": "rigsight.edge.cameras.v4l2.driver:V4l2Driver",
    "gst": "rigsight.edge.cameras.gst.driver:GstDriver",
    "realsense": "rigsight.edge.cameras.realsense:RealSenseDriver",
}


@dataclass(frozen=True)
class Shot:
    """One picture as the driver got it, not yet decoded.

    ``write`` decodes into a picture of ``shape`` ([H,W,3] RGB or [H,W]) and the pixel format's type; it holds
    until the next read. ``captured_ns`` is CLOCK_MONOTONIC. ``sequence`` counts what the camera took, so that
    a gap is a frame that the driver lost. ``telemetry`` is what the camera says of itself, plain values.
    ``distance_m`` and ``depth`` are those of :class:`Frame`; ``depth`` holds until the next read as well.
    """

    shape: tuple[int, ...]
    pixel_format: PixelFormat
    captured_ns: int
    time_source: TimeSource
    sequence: int
    write: Callable[[Image], None]
    flags: frozenset[Flag] = frozenset()
    counts_to_kelvin: CountsToKelvin | None = None
    epoch_ns: int | None = None
    telemetry: Mapping[str, Any] = field(default_factory=dict)
    distance_m: float | None = None
    depth: Depth | None = None


class Driver(Protocol):
    """One camera, of one thread."""

    def open(self) -> str:
        """Open the camera; a sentence that says what was opened and how it is set.

        Raises:
            RigsightError: CAM-002 to CAM-005, CAM-008.
        """

    def read(self, timeout_s: float) -> Shot | None:
        """The next picture, None where none came within ``timeout_s``.

        Raises:
            RigsightError: CAM-006 where the camera is gone.
        """

    def present(self) -> bool:
        """Whether the camera can be there, found out without opening it; True where that cannot be told."""

    def reset(self) -> str | None:
        """Bring a camera that gives nothing back to life, before it is opened; what was done, None for
        nothing. Raises nothing."""

    def command(self, words: Mapping[str, Any]) -> None:
        """Do what the camera can be told while it runs. Unknown words are left alone."""

    def close(self) -> None:
        """Let go of the camera. Closing twice is harmless."""


def is_camera(text: str) -> bool:
    """Whether a URI names a live camera.

    >>> is_camera("card:640x480"), is_camera("images:photos")
    (True, False)
    """
    from rigsight.edge.sources.base import SCHEMES as OTHERS

    scheme, colon, _ = text.partition(":")
    return scheme in SCHEMES or bool(colon and scheme not in OTHERS and scheme in plugins())


def make_driver(text: str, role: str) -> Driver:
    """The driver of a URI, not yet opened; ``role`` is ``rgb`` or ``thermal``.

    Raises:
        RigsightError: CAM-001 for a URI that is not understood, CAM-008 where a package is missing or broken.
    """
    known = SCHEMES if text.partition(":")[0] in SCHEMES else [*SCHEMES, *plugins()]
    uri = parse_uri(text, known, codes.BAD_CAMERA_URI)
    if uri.scheme in SCHEMES:
        module, _, name = SCHEMES[uri.scheme].partition(":")
        kind = getattr(importlib.import_module(module), name)
    else:
        kind = load_plugin(uri.scheme)
    driver: Driver = kind.from_uri(uri, role)
    return driver


class PlainDriver:
    """What most drivers have in common: no look without opening, no reset, no commands."""

    def present(self) -> bool:
        """See :class:`Driver`."""
        return True

    def reset(self) -> str | None:
        """See :class:`Driver`."""
        return None

    def command(self, words: Mapping[str, Any]) -> None:
        """See :class:`Driver`."""
