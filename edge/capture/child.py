"""The capture process: ``python -m rigsight.edge.capture.child DESCRIPTOR ROLE RESET URI``.

It opens the driver, puts every picture into shared memory and says so. It ends when it is told to, when its
parent is gone, or with the driver's error.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from typing import Any

import cv2
import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras.driver import Driver, Shot, make_driver
from rigsight.edge.capture.ring import SlotWriter
from rigsight.edge.capture.wire import Wire
from rigsight.edge.frames import Depth, Image, PixelFormat

SLOTS = 24
READ_TIMEOUT_S = 0.1
ERROR_FIELDS = ("code", "what", "where", "fix", "exit_code")
DTYPES = {PixelFormat.RGB8: np.uint8, PixelFormat.MONO8: np.uint8, PixelFormat.MONO16: np.uint16}


class _Capture:
    """The loop of one camera."""

    def __init__(self, wire: Wire, driver: Driver) -> None:
        self._wire, self._driver = wire, driver
        self._ring: SlotWriter | None = None
        self._running = True

    def run(self) -> None:
        """Until told to stop. Raises what the driver raises, EOFError when the parent is gone."""
        while self._running:
            shot = self._driver.read(READ_TIMEOUT_S)
            self._listen()
            if shot is None:
                self._wire.send({"is": "beat"})
            else:
                self._pass_on(shot)

    def _listen(self) -> None:
        while (received := self._wire.receive(0.0)) is not None:
            message = received[0]
            match message["is"]:
                case "free" if self._ring is not None and message["generation"] == self._ring.generation:
                    self._ring.give_back(message["slot"])
                case "command":
                    self._driver.command(message["words"])
                case "stop":
                    self._running = False

    def _pass_on(self, shot: Shot) -> None:
        dtype = DTYPES[shot.pixel_format]
        size = int(np.prod(shot.shape)) * np.dtype(dtype).itemsize
        beside = 0 if shot.depth is None else shot.depth.counts.nbytes
        ring = self._ring_for(size + size % 2 + beside)
        taken = ring.take((size + size % 2 + beside,), np.uint8)
        if taken is None:
            self._wire.send({"is": "dropped", "reason": "no free buffer"})
            return
        slot, room = taken
        picture = room[:size].view(dtype).reshape(shot.shape)
        shot.write(picture)
        depth = None if shot.depth is None else _put_depth(shot.depth, room[size + size % 2 :])
        scale = shot.counts_to_kelvin
        sent = self._wire.send(
            {
                "is": "frame",
                "generation": ring.generation,
                "slot": slot,
                "offset": slot * ring.size,
                "shape": shot.shape,
                "format": shot.pixel_format.value,
                "captured_ns": shot.captured_ns,
                "epoch_ns": shot.epoch_ns,
                "time_source": shot.time_source.value,
                "sequence": shot.sequence,
                "flags": [flag.value for flag in shot.flags],
                "kelvin": None if scale is None else [scale.gain, scale.offset],
                "telemetry": dict(shot.telemetry),
                "distance_m": shot.distance_m,
                "depth": depth,
            }
        )
        if not sent:  # nobody will give it back
            ring.give_back(slot)

    def _ring_for(self, size: int) -> SlotWriter:
        """The ring, or a new one where a picture is larger than its slots; held frames keep the old."""
        if self._ring is not None and size <= self._ring.size:
            return self._ring
        generation = 0 if self._ring is None else self._ring.generation + 1
        if self._ring is not None:
            self._ring.close()
        self._ring = SlotWriter(SLOTS, size, generation)
        self._wire.send({"is": "ring", "generation": generation}, self._ring.descriptor)
        return self._ring


def _put_depth(depth: Depth, room: Image) -> dict[str, Any]:
    """Behind its picture in the same slot, and what the other side must know of it."""
    room.view(np.uint16).reshape(depth.counts.shape)[...] = depth.counts
    return {"shape": depth.counts.shape, "metres_per_count": depth.metres_per_count}


def main(arguments: list[str]) -> int:
    """See the module. Exit code 0 when it was told to stop, 3 after an error that it has reported."""
    descriptor, role, reset, uri = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    cv2.setNumThreads(1)
    parent = os.getppid()
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    wire = Wire(socket.socket(fileno=int(descriptor)))
    driver: Driver | None = None
    try:
        driver = make_driver(uri, role)
        if reset == "reset" and (done := driver.reset()) is not None:
            wire.send({"is": "reset", "words": done})
        wire.send({"is": "opened", "words": driver.open()})
        _Capture(wire, driver).run()
    except RigsightError as error:
        wire.send(_as_message(error))
        return 3
    except (EOFError, MemoryError):
        return 3
    finally:
        if driver is not None:
            driver.close()
    return 0


def _as_message(error: RigsightError) -> dict[str, Any]:
    return {"is": "error", **{name: getattr(error, name) for name in ERROR_FIELDS}}


def _leave_with(parent: int) -> None:
    """A driver may hang for good; without its parent nobody else would end it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
