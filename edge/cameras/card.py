"""``card:640x480?fps=30``: a test card that moves, in place of a camera, with the faults that cameras have.

Every picture is another one, made of its number alone, so that a reader can tell whether it is whole and
which one it is. Faults are commands, ``{"do": "hang"}`` and ``crash``, ``silence``, ``freeze``, ``short``,
``corrupt``, ``jitter`` and ``clock``: benches and tests use them. Without any it shows that a set-up works.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from rigsight.edge.cameras import codes
from rigsight.edge.cameras.driver import Shot
from rigsight.edge.frames import Depth, Flag, Image, PixelFormat, TimeSource
from rigsight.edge.sources.uri import Uri

_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
STEP = 7919  # how far the ramp moves from card to card


class CardDriver:
    """See :class:`rigsight.edge.cameras.driver.Driver`. RGB, or 16-bit counts as ``thermal``."""

    def __init__(
        self,
        width: int,
        height: int,
        fps: float,
        thermal: bool,
        gone: str | None = None,
        depth_m: float | None = None,
    ) -> None:
        """``gone`` is a file whose presence stands for a cable that is out.

        With ``depth_m`` a depth picture goes with every card: flat, at that distance and as many millimetres
        more as the card's number modulo 100.
        """
        self.width, self.height, self.period_ns, self.thermal = width, height, round(1e9 / fps), thermal
        self._gone, self._depth_m = gone, depth_m
        self._sequence = self._next_ns = 0
        self._silent_until = self._frozen_until = self._jitter_until = self._clock_until = 0
        self._short = self._corrupt = self._clock_ns = 0

    @classmethod
    def from_uri(cls, uri: Uri, role: str) -> CardDriver:
        """Options: ``fps`` (30), ``depth`` (metres: with a depth picture), ``gone`` (a file that unplugs it
        while it is there). Raises CAM-001."""
        uri.check(("fps", "depth", "gone"))
        size = _SIZE.fullmatch(uri.path)
        if size is None:
            raise codes.BAD_CAMERA_URI(f"'{uri.path}' is no size such as 640x480", where=uri.text)
        fps = uri.number("fps", 30.0, low=0.1, high=1000.0)
        depth_m = uri.number("depth", 2.0, low=0.1, high=60.0) if "depth" in uri.options else None
        return cls(int(size[1]), int(size[2]), fps, role == "thermal", uri.options.get("gone"), depth_m)

    def open(self) -> str:
        """Start the clock. Raises CAM-002 while it is unplugged."""
        self._check_plug(codes.CAMERA_ABSENT)
        self._next_ns = time.monotonic_ns()
        kind = "16-bit counts" if self.thermal else "RGB"
        return f"test card {self.width}x{self.height}, {kind}, {1e9 / self.period_ns:g} Hz"

    def read(self, timeout_s: float) -> Shot | None:
        """The card that is due. Raises CAM-006 once it is unplugged."""
        deadline = time.monotonic_ns() + round(timeout_s * 1e9)
        due = self._next_ns
        if time.monotonic_ns() < self._jitter_until:
            due += int(np.random.default_rng(self._sequence).integers(0, 10 * self.period_ns))
        while (now := time.monotonic_ns()) < due or now < self._silent_until:
            if now >= deadline:
                self._check_plug(codes.CAMERA_LOST)
                return None
            time.sleep(min(max(due - now, 1_000_000), deadline - now, 20_000_000) / 1e9)
        self._check_plug(codes.CAMERA_LOST)
        # A camera takes pictures whether they are read or not: what was not read in time is a gap.
        behind = max(0, (now - self._next_ns) // self.period_ns)
        self._sequence += 1 + behind
        self._next_ns += (1 + behind) * self.period_ns
        number = 0 if now < self._frozen_until else self._sequence
        shape = (self.height, self.width) if self.thermal else (self.height, self.width, 3)
        flags = frozenset({Flag.CORRUPT}) if self._corrupt else frozenset()
        self._corrupt = max(0, self._corrupt - 1)
        if self._short:
            self._short -= 1
            shape = (self.height // 2, *shape[1:])
        return Shot(
            shape=shape,
            pixel_format=PixelFormat.MONO16 if self.thermal else PixelFormat.RGB8,
            captured_ns=due + (self._clock_ns if now < self._clock_until else 0),
            time_source=TimeSource.DRIVER,
            sequence=self._sequence,
            write=lambda out: draw(out, number),
            flags=flags,
            telemetry={"card": number},
            distance_m=self._depth_m,
            depth=None if self._depth_m is None else self._depth(shape, number, self._depth_m),
        )

    def present(self) -> bool:
        """Whether it is plugged in."""
        return self._gone is None or not os.path.exists(self._gone)

    @staticmethod
    def _depth(shape: tuple[int, ...], number: int, depth_m: float) -> Depth:
        return Depth(np.full(shape[:2], round(depth_m * 1000) + number % 100, np.uint16), 0.001)

    def reset(self) -> str | None:
        """A card needs none."""
        return None

    def command(self, words: Mapping[str, Any]) -> None:
        """Show a fault."""
        until = time.monotonic_ns() + round(float(words.get("seconds", 1.0)) * 1e9)
        match words.get("do"):
            case "hang":
                time.sleep(3600)
            case "crash":
                os.abort()
            case "silence":
                self._silent_until = until
            case "freeze":
                self._frozen_until = until
            case "jitter":
                self._jitter_until = until
            case "short":
                self._short = int(words.get("frames", 1))
            case "corrupt":
                self._corrupt = int(words.get("frames", 1))
            case "clock":
                self._clock_until, self._clock_ns = until, round(float(words.get("jump_s", 5.0)) * 1e9)

    def close(self) -> None:
        """Nothing to let go of."""

    def _check_plug(self, code: Any) -> None:
        if not self.present():
            raise code("the test card is unplugged", where=self._gone)


def draw(out: Image, number: int) -> None:
    """Card ``number`` into ``out`` [H,W] or [H,W,3]: a ramp that starts at another value on every card."""
    height, width = out.shape[:2]
    span = 1 << (8 * out.dtype.itemsize)
    ramp = (np.arange(width, dtype=np.int64) + STEP * number) % span
    row = ramp.astype(out.dtype)
    # Whole rows are copied: ten times as fast as channel by channel.
    out.reshape(height, -1)[...] = row if out.ndim == 2 else np.repeat(row, 3)
    out[: max(1, height // 8)] = (number * 31) % span


def number_of(picture: Image) -> int | None:
    """Which card a picture is, modulo 2 to the power of its bits; None where it is none, or torn.

    The ramp starts at 7919 n modulo that power; 7919 is odd and so has an inverse.
    """
    plane = picture if picture.ndim == 2 else picture[..., 0]
    span = 1 << (8 * picture.dtype.itemsize)
    number = int(plane[-1, 0]) * pow(STEP, -1, span) % span
    expected = np.empty_like(picture)
    draw(expected, number)
    return number if np.array_equal(picture, expected) else None
