"""One capture process as its camera sees it: started, listened to, and ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.edge.capture.child import DTYPES, ERROR_FIELDS
from rigsight.edge.capture.ring import SlotReader
from rigsight.edge.capture.wire import Wire
from rigsight.edge.frames import CountsToKelvin, Depth, Flag, Frame, PixelFormat, TimeSource
from rigsight.edge.pool import BufferLease, read_only

END_WAIT_S = 0.5
_TAIL_BYTES = 2000


class Gone(Exception):
    """The capture process ended; the message says how."""


class Worker:
    """A capture process. It belongs to one thread, but leases may be released from any."""

    def __init__(self, uri: str, role: str, reset: bool = False) -> None:
        """Start it; opening the camera takes its own time. Raises OSError where no process can be started."""
        self.role = role
        mine, theirs = Wire.pair()
        self._wire = Wire(mine)
        # What drivers and libraries print would tear the terminal; the last of it explains a crash.
        self._said = os.memfd_create("rigsight-capture", os.MFD_CLOEXEC)
        arguments = [str(theirs.fileno()), role, "reset" if reset else "-", uri]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rigsight.edge.capture.child", *arguments],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
            )
        finally:
            theirs.close()
        self._readers: dict[int, SlotReader] = {}

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def receive(self, timeout_s: float) -> dict[str, Any] | None:
        """The next message, None where none came in time. Raises :class:`Gone` where the process ended."""
        try:
            received = self._wire.receive(timeout_s)
        except EOFError:
            raise Gone(self._how_it_ended()) from None
        if received is None:
            return None
        message, descriptor = received
        if message["is"] == "ring" and descriptor is not None:
            # Only frames keep older memory mapped.
            self._readers = {message["generation"]: SlotReader(descriptor, message["generation"])}
        return message

    def frame(self, message: Mapping[str, Any], sequence: int) -> Frame:
        """The frame of a ``frame`` message; its buffer goes back to the process with the last holder."""
        reader = self._readers[message["generation"]]
        kind = PixelFormat(message["format"])
        picture = reader.picture(message["offset"], tuple(message["shape"]), DTYPES[kind])
        scale, depth = message["kelvin"], None
        if (beside := message["depth"]) is not None:
            place = message["offset"] + picture.nbytes + picture.nbytes % 2
            counts = read_only(reader.picture(place, tuple(beside["shape"]), np.uint16))
            depth = Depth(counts, beside["metres_per_count"])
        return Frame(
            camera=self.role,
            data=read_only(picture),
            captured_ns=message["captured_ns"],
            sequence=sequence,
            pixel_format=kind,
            time_source=TimeSource(message["time_source"]),
            epoch_ns=message["epoch_ns"],
            counts_to_kelvin=None if scale is None else CountsToKelvin(*scale),
            flags=frozenset(Flag(flag) for flag in message["flags"]),
            lease=BufferLease(_Slots(self._wire, message["generation"]), message["slot"]),
            distance_m=message["distance_m"],
            depth=depth,
        )

    def command(self, words: Mapping[str, Any]) -> bool:
        """Tell the driver something; False where it cannot be told."""
        return self._wire.send({"is": "command", "words": dict(words)})

    def stop(self) -> None:
        """Ask it to end, then end it."""
        self._wire.send({"is": "stop"}, wait_s=0.1)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_WAIT_S)
        self.kill()

    def kill(self) -> None:
        """End it at once, hung or not, and let go of everything but the frames that are held."""
        if self._process.poll() is None:
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_WAIT_S)
        self._wire.close()
        self._readers.clear()
        if self._said >= 0:
            os.close(self._said)
            self._said = -1

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            return "the capture process hung up"
        if code < 0:
            return f"the capture process was ended by signal {-code}"
        lines = self._tail().strip().splitlines()
        return f"the capture process ended with code {code}" + (f": {lines[-1][:200]}" if lines else "")

    def _tail(self) -> str:
        try:
            size = os.fstat(self._said).st_size
            data = os.pread(self._said, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
        except OSError:
            return ""
        return data.decode(errors="replace")


class _Slots:
    """Where the slots of one generation go back to."""

    __slots__ = ("_generation", "_wire")

    def __init__(self, wire: Wire, generation: int) -> None:
        self._wire, self._generation = wire, generation

    def give_back(self, slot: int) -> None:
        """Tell the process; one that is gone needs no slots."""
        self._wire.send({"is": "free", "generation": self._generation, "slot": slot}, wait_s=0.2)


def error_of(message: Mapping[str, Any]) -> RigsightError:
    """The error of an ``error`` message."""
    return RigsightError(*(message[name] for name in ERROR_FIELDS))
