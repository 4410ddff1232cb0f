"""Asking a FLIR Boson: requests with replies that are matched by their sequence number."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from time import monotonic, monotonic_ns
from typing import TypeVar

from rigsight.base.errors import RigsightError
from rigsight.edge.devices import codes
from rigsight.edge.devices.port import Port
from rigsight.edge.protocols.boson import (
    BosonDecoder,
    CciFrame,
    CciFunction,
    FfcMode,
    FfcState,
    GainMode,
    encode_request,
    status_words,
)

M = TypeVar("M", bound=IntEnum)

REPLY_TIMEOUT_S = 0.2
ATTEMPTS = 2
FFC_TIMEOUT_S = 5.0
FFC_POLL_S = 0.05


class BosonControl:
    """One camera's control interface. Calls may come from any thread; one request is out at a time.

    Every method raises RigsightError: DEV-006 when the camera is gone, DEV-007 when it does not answer,
    DEV-008 when it refuses. A request that got no reply is sent once more, with a new number, so that a late
    reply to the first is never taken for one to the second.
    """

    def __init__(self, port: Port, timeout_s: float = REPLY_TIMEOUT_S, attempts: int = ATTEMPTS) -> None:
        """``timeout_s`` is for one attempt; the port's own read timeout may add to it."""
        self._port, self._timeout_s, self._attempts = port, timeout_s, attempts
        self._decoder = BosonDecoder()
        self._lock = threading.Lock()
        self._sequence = 0
        self.stale_replies = 0

    def request(self, function: CciFunction, payload: bytes = b"") -> bytes:
        """Send one request; returns the reply's payload."""
        with self._lock:
            for _ in range(self._attempts):
                self._sequence = (self._sequence + 1) & 0xFFFFFFFF
                self._port.write(encode_request(self._sequence, function, payload))
                reply = self._reply(function)
                if reply is None:
                    continue
                if reply.status:
                    what = f"{function.name.lower()}: {status_words(reply.status)}"
                    raise codes.REFUSED(what, where=self._port.name)
                return reply.payload
        waited = f"no reply to {function.name.lower()} after {self._attempts} attempts"
        raise codes.SILENT(waited, where=self._port.name)

    def run_ffc(self) -> None:
        """Start a flat-field correction: the shutter closes and the picture stands still, up to a second."""
        self.request(CciFunction.RUN_FFC)

    def wait_for_ffc(
        self, timeout_s: float = FFC_TIMEOUT_S, wait: Callable[[float], object] | None = None
    ) -> None:
        """Wait until a started correction is complete. Raises DEV-007 when it is not within ``timeout_s``."""
        pause = wait or threading.Event().wait
        deadline = monotonic() + timeout_s
        while self.ffc_state() in (FfcState.IMMINENT, FfcState.IN_PROGRESS):
            if monotonic() > deadline:
                raise codes.SILENT(
                    f"the correction is not complete after {timeout_s:g} s", where=self._port.name
                )
            pause(FFC_POLL_S)

    def ffc_state(self) -> FfcState:
        """Whether a correction is coming, running or done."""
        return self._word(CciFunction.FFC_STATE, FfcState, (2, 4))

    def ffc_mode(self) -> FfcMode:
        """Who starts corrections."""
        return self._word(CciFunction.FFC_MODE, FfcMode)

    def set_ffc_mode(self, mode: FfcMode) -> None:
        """Set who starts corrections, until the camera loses power: nothing is written to its flash."""
        self.request(CciFunction.SET_FFC_MODE, int(mode).to_bytes(4, "big"))

    def fpa_temperature_c(self) -> float:
        """Temperature of the sensor in degrees Celsius, in steps of 0.1."""
        payload = self._payload(CciFunction.FPA_TEMPERATURE, (2,))
        return int.from_bytes(payload, "big", signed=True) / 10

    def gain_mode(self) -> GainMode:
        """High gain for detail, low gain for hot scenes."""
        return self._word(CciFunction.GAIN_MODE, GainMode)

    def set_gain_mode(self, mode: GainMode) -> None:
        """Set the gain, until the camera loses power."""
        self.request(CciFunction.SET_GAIN_MODE, int(mode).to_bytes(4, "big"))

    def serial_number(self) -> int:
        """The camera's serial number."""
        return int.from_bytes(self._payload(CciFunction.SERIAL_NUMBER, (4,)), "big")

    def frame_count(self) -> int:
        """Frames since power-up."""
        return int.from_bytes(self._payload(CciFunction.FRAME_COUNT, (4,)), "big")

    def _reply(self, function: CciFunction) -> CciFrame | None:
        deadline = monotonic() + self._timeout_s
        while True:
            for frame in self._decoder.feed(self._port.read()):
                if frame.is_request:  # an echo
                    continue
                if frame.sequence == self._sequence and frame.function == function:
                    return frame
                self.stale_replies += 1
            if monotonic() > deadline:
                return None

    def _payload(self, function: CciFunction, lengths: tuple[int, ...]) -> bytes:
        payload = self.request(function)
        if len(payload) not in lengths:
            what = f"{function.name.lower()} was answered with {len(payload)} bytes"
            raise codes.REFUSED(what, where=self._port.name)
        return payload

    def _word(self, function: CciFunction, kind: type[M], lengths: tuple[int, ...] = (4,)) -> M:
        number = int.from_bytes(self._payload(function, lengths), "big")
        try:
            return kind(number)
        except ValueError:
            what = f"{function.name.lower()} was answered with the unknown value {number}"
            raise codes.REFUSED(what, where=self._port.name) from None


@dataclass(frozen=True, slots=True)
class BosonStatus:
    """What is asked for regularly."""

    fpa_temperature_c: float
    ffc_state: FfcState


class BosonLink:
    """Asks for the camera's status every ``period_s`` seconds; a ``Link`` of the reader."""

    def __init__(self, port: Port, period_s: float) -> None:
        self.control = BosonControl(port)
        self._port, self._period_s = port, period_s
        self._due_s = monotonic()
        self._idle = threading.Event()
        self._problem = "no reply"

    def receive(self) -> tuple[int, list[BosonStatus]]:
        """The status, when it is due and the camera answers. Raises DEV-006 when it is gone."""
        wait_s = self._due_s - monotonic()
        if wait_s > 0:
            self._idle.wait(min(wait_s, 0.1))
            return monotonic_ns(), []
        self._due_s = monotonic() + self._period_s
        try:
            status = BosonStatus(self.control.fpa_temperature_c(), self.control.ffc_state())
        except RigsightError as error:
            if error.code == codes.LOST.code:
                raise
            self._problem = error.what
            return monotonic_ns(), []
        return monotonic_ns(), [status]

    def diagnosis(self) -> str:
        """The last problem."""
        return self._problem

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()
