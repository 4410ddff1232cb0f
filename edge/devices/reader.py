"""The thread that reads a device: stamps, decodes, hands on, and comes back after unplugging."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic_ns
from typing import Generic, Protocol, TypeVar

from rigsight.base.errors import RigsightError
from rigsight.edge.devices.port import Port
from rigsight.edge.devices.state import Change, DeviceState, StateLog
from rigsight.edge.protocols.scan import Decoder

E = TypeVar("E")

STOP_WITHIN_S = 1.0
FIRST_RETRY_S, LONGEST_RETRY_S = 0.1, 2.0
NS_PER_S = 1_000_000_000
HELLO_EVERY_NS = NS_PER_S


@dataclass(frozen=True, slots=True)
class Stamped(Generic[E]):
    """An event and when its last byte was read, in nanoseconds of the monotonic clock."""

    arrival_ns: int
    event: E


class Link(Protocol[E]):
    """An open device, as the reader's thread uses it."""

    def receive(self) -> tuple[int, list[E]]:
        """When bytes came (monotonic ns), and the events that they complete.

        Waits some tenths of a second at most. Raises DEV-006 when the device is gone.
        """

    def diagnosis(self) -> str:
        """Why nothing is understood, in a few words."""

    def close(self) -> None:
        """Let go of the port."""


class DecodedLink(Generic[E]):
    """A port with a decoder behind it; ``hello`` is sent every second until something is understood."""

    def __init__(self, port: Port, decoder: Decoder[E], hello: bytes = b"") -> None:
        self._port, self._decoder, self._bytes = port, decoder, 0
        self._hello, self._next_hello_ns = hello, 0

    def receive(self) -> tuple[int, list[E]]:
        """See :class:`Link`."""
        if self._hello and not self._decoder.frames and monotonic_ns() >= self._next_hello_ns:
            self._port.write(self._hello)
            self._next_hello_ns = monotonic_ns() + HELLO_EVERY_NS
        data = self._port.read()
        arrival_ns = monotonic_ns()
        self._bytes += len(data)
        return arrival_ns, self._decoder.feed(data) if data else []

    def diagnosis(self) -> str:
        """See :class:`Link`."""
        if not self._bytes:
            return "no bytes arrive"
        if not self._decoder.frames:
            return f"{self._bytes} bytes arrived and none were understood: another device or baud rate?"
        return f"nothing more is understood after {self._decoder.frames} frames"

    def close(self) -> None:
        """See :class:`Link`."""
        self._port.close()


@dataclass(frozen=True, slots=True)
class Status:
    """What to print of a device. ``listener_error`` is the last exception of whoever listens."""

    change: Change
    events: int
    opened: int
    listener_errors: int
    listener_error: str

    def line(self, at_ns: int) -> str:
        """One line for people."""
        change = self.change
        parts = [f"{change.state.value} for {(at_ns - change.since_ns) / NS_PER_S:.1f} s" if change.since_ns
                 else change.state.value]  # fmt: skip
        if change.reason:
            parts.append(change.reason)
        parts.append(f"{self.events} events")
        if self.opened > 1:
            parts.append(f"opened {self.opened} times")
        if self.listener_errors:
            parts.append(f"{self.listener_errors} listener errors, the last: {self.listener_error}")
        return ", ".join(parts)


class DeviceReader(Generic[E]):
    """Reads a device in a thread of its own until it is stopped.

    Losing the device never ends the thread: it is opened again after 0.1 s, 0.2 s, … up to 2 s. What a
    listener raises is counted and kept in :meth:`status`; it does not stop the reading.
    """

    def __init__(
        self,
        open_link: Callable[[], Link[E]],
        listener: Callable[[Stamped[E]], None],
        *,
        silent_after_s: float = 2.0,
        name: str = "device",
    ) -> None:
        """``listener`` is called in the reader's thread, for every event in order."""
        self._open_link, self._listener, self._name = open_link, listener, name
        self._silent_after_ns = int(silent_after_s * NS_PER_S)
        self._log = StateLog()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._events = self._opened = self._listener_errors = 0
        self._listener_error = ""

    @property
    def state(self) -> DeviceState:
        """The state now."""
        return self._log.now.state

    def changes(self) -> tuple[Change, ...]:
        """The last changes of state, oldest first."""
        return self._log.changes()

    def watch(self, listener: Callable[[Change], None]) -> None:
        """Have ``listener`` told of every change of state, by the thread that makes it."""
        self._log.watch(listener)

    def status(self) -> Status:
        """State and counts now."""
        return Status(
            self._log.now, self._events, self._opened, self._listener_errors, self._listener_error
        )  # fmt: skip

    def start(self, wait_for_device: bool = False) -> None:
        """Open the device and start reading. Starting twice is harmless.

        Raises:
            RigsightError: DEV-… when the device cannot be opened; with ``wait_for_device`` it is tried
                again in the background instead.
        """
        if self._thread is not None:
            return
        self._stop = threading.Event()
        link: Link[E] | None = None
        self._log.to(DeviceState.OPENING, monotonic_ns())
        try:
            link = self._opened_link()
        except Exception as error:
            if not wait_for_device:
                self._log.to(DeviceState.CLOSED, monotonic_ns(), _words(error))
                raise
            self._log.to(DeviceState.LOST, monotonic_ns(), _words(error))
        self._thread = threading.Thread(
            target=self._run, args=(link, self._stop), name=f"reads {self._name}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the port; returns within a second. Stopping twice is harmless."""
        with self._lock:
            self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_WITHIN_S)
        self._log.to(DeviceState.CLOSED, monotonic_ns())

    def _opened_link(self) -> Link[E]:
        link = self._open_link()
        self._opened += 1
        return link

    def _run(self, link: Link[E] | None, stop: threading.Event) -> None:
        retry_s = FIRST_RETRY_S
        while not stop.is_set():
            if link is None:
                if self._pause(stop, retry_s):
                    break
                retry_s = min(2 * retry_s, LONGEST_RETRY_S)
                link = self._reopened(stop)
                continue
            understood = self._events
            reason = self._read(link, stop)
            _close(link)
            link = None
            self._note(stop, DeviceState.LOST, monotonic_ns(), reason)
            if self._events > understood:  # it was the device, so it is worth hurrying
                retry_s = FIRST_RETRY_S
        if link is not None:
            _close(link)

    def _pause(self, stop: threading.Event, seconds: float) -> bool:
        """Wait before the next attempt; True when the reader is to stop."""
        return stop.wait(seconds)

    def _note(self, stop: threading.Event, state: DeviceState, at_ns: int, reason: str = "") -> None:
        """Change the state from the reader's thread, which has no say any more once it was stopped."""
        with self._lock:
            if not stop.is_set():
                self._log.to(state, at_ns, reason)

    def _reopened(self, stop: threading.Event) -> Link[E] | None:
        self._note(stop, DeviceState.OPENING, monotonic_ns())
        try:
            return self._opened_link()
        except Exception as error:
            self._note(stop, DeviceState.LOST, monotonic_ns(), _words(error))
            return None

    def _read(self, link: Link[E], stop: threading.Event) -> str:
        """Read until the device is gone or the reader is stopped; returns the reason."""
        last_ns = monotonic_ns()
        while not stop.is_set():
            try:
                arrival_ns, events = link.receive()
            except Exception as error:
                return _words(error)
            if events:
                last_ns = arrival_ns
                self._note(stop, DeviceState.STREAMING, arrival_ns)
                self._hand_on(events, arrival_ns, stop)
            elif arrival_ns - last_ns > self._silent_after_ns:
                self._note(stop, DeviceState.SILENT, arrival_ns, link.diagnosis())
        return "stopped"

    def _hand_on(self, events: list[E], arrival_ns: int, stop: threading.Event) -> None:
        for event in events:
            if stop.is_set():
                return
            self._events += 1
            try:
                self._listener(Stamped(arrival_ns, event))
            except Exception as error:
                self._listener_errors += 1
                self._listener_error = _words(error)


def _close(link: Link[E]) -> None:
    with suppress(Exception):  # whatever a driver says on closing, the thread goes on
        link.close()


def _words(error: Exception) -> str:
    return error.what if isinstance(error, RigsightError) else f"{type(error).__name__}: {error}"
