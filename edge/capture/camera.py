"""One live camera: read in three ways, restarted when it fails, and always able to say how it is."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic_ns
from typing import Any

from rigsight.base.errors import USER_INPUT, RigsightError
from rigsight.edge.cameras import codes
from rigsight.edge.cameras.driver import make_driver
from rigsight.edge.capture.worker import Gone, Worker, error_of
from rigsight.edge.devices.state import Change, DeviceState, StateLog
from rigsight.edge.frames import Flag, Frame, TimeSource

NS_PER_S = 1_000_000_000
POLL_S = 0.05
LOOK_S = 0.05
UNREAD = 4
ALIKE = 6  # pictures of another size in a row are no accident
OVERTAKEN = "overtaken"
LOST_BY_DRIVER = "lost by the driver"
AWAY = "while the camera was away"
# A stamp this far from now was not taken by this machine's clock, or lay in a queue for too long.
PLAUSIBLE_NS = (-5 * NS_PER_S, NS_PER_S // 20)


@dataclass(frozen=True)
class Patience:
    """Seconds until something counts as failed.

    ``opening_s`` may pass until the first frame, ``hung_s`` without any sign of the process, ``silent_s``
    without a frame until it is said, ``restart_s`` until the camera is opened again. Between two tries
    ``wait_s`` doubles up to ``longest_wait_s``; after ``resets_after`` tries without a frame each next one
    resets the device first.
    """

    opening_s: float = 10.0
    hung_s: float = 0.8
    silent_s: float = 0.5
    restart_s: float = 2.0
    wait_s: float = 0.05
    longest_wait_s: float = 0.5
    resets_after: int = 3


class Camera:
    """A camera in a process of its own.

    Three ways to read, which may be mixed: :meth:`next_frame` in order, :meth:`latest` without waiting, and
    :meth:`read`, which waits for a picture taken after the call. Every frame must be released. A hung,
    crashed or unplugged camera is opened again for as long as the object lives; ``dropped`` counts what was
    lost on the way, by reason, so that the frames that came out and these add up to the last ``sequence``.
    A stamp that cannot be true becomes the time of arrival (``corrected_stamps``), and a picture of another
    size is flagged as corrupt until six in a row have it.
    """

    def __init__(
        self,
        uri: str,
        role: str,
        patience: Patience | None = None,
        heard: Callable[[Frame], None] | None = None,
    ) -> None:
        """Check the URI and start. ``heard`` takes every frame in place of the unread ones kept here.

        Raises:
            RigsightError: CAM-001 for a URI that is not understood, CAM-008 where a package is missing.
        """
        self._probe = make_driver(uri, role)  # never opened here
        self.uri, self.role = uri, role
        self.states = StateLog()
        self.dropped: Counter[str] = Counter()
        self.restarts = self.corrected_stamps = 0
        self.description = ""
        self.telemetry: Mapping[str, Any] = {}
        self.error: RigsightError | None = None
        self._patience, self._heard = patience or Patience(), heard
        self._changed = threading.Condition()
        self._unread: deque[Frame] = deque()
        self._newest: Frame | None = None
        self._last_sequence, self._last_ns = -1, 0
        self._intervals: deque[int] = deque(maxlen=9)
        self._shape: tuple[int, ...] | None = None
        self._shapes: deque[tuple[int, ...]] = deque(maxlen=ALIKE)
        self._stop = threading.Event()
        self._worker: Worker | None = None
        self._thread = threading.Thread(target=self._run, name=f"camera {role}", daemon=True)
        self._thread.start()

    @property
    def state(self) -> Change:
        """What it does now, since when and why."""
        return self.states.now

    @property
    def taken(self) -> int:
        """Frames that the camera has taken since its first one, those that never came included."""
        return self._last_sequence + 1

    @property
    def pid(self) -> int | None:
        """Of the capture process, None between two of them."""
        worker = self._worker
        return None if worker is None else worker.pid

    def next_frame(self, timeout_s: float = 1.0) -> Frame:
        """The oldest unread frame. Raises RigsightError CAM-007 where none comes in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._unread or self.error, timeout_s) or not self._unread:
                raise self._nothing(f"none within {timeout_s:g} s")
            return self._unread.popleft()

    def latest(self, max_age_s: float) -> Frame:
        """The newest frame, without waiting. Raises RigsightError CAM-007 where it is older."""
        with self._changed:
            newest = self._newest
            if newest is None:
                raise self._nothing("there is none yet")
            age_s = (monotonic_ns() - newest.captured_ns) / NS_PER_S
            if age_s > max_age_s:
                raise self._nothing(f"the newest is {age_s:.2f} s old, {max_age_s:g} s are allowed")
            return _held(newest)

    def read(self, timeout_s: float = 1.0) -> Frame:
        """A frame that is taken after this call. Raises RigsightError CAM-007 where none comes in time."""
        asked = monotonic_ns()

        def fresh() -> bool:
            return self._newest is not None and self._newest.captured_ns >= asked

        with self._changed:
            if not self._changed.wait_for(lambda: fresh() or self.error, timeout_s) or not fresh():
                raise self._nothing(f"none within {timeout_s:g} s")
            assert self._newest is not None
            return _held(self._newest)

    def command(self, words: Mapping[str, Any]) -> bool:
        """Tell the driver something; False where nobody listens."""
        worker = self._worker
        return worker is not None and worker.command(words)

    def close(self) -> None:
        """End the process and let go of the frames kept here. Closing twice is harmless."""
        self._stop.set()
        self._thread.join()
        with self._changed:
            for frame in self._unread:
                frame.release()
            self._unread.clear()
            if self._newest is not None:
                self._newest.release()
                self._newest = None
            self._changed.notify_all()

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        tries, wait_s = 0, self._patience.wait_s
        while not self._stop.is_set():
            before = self._last_sequence
            self._to(DeviceState.OPENING, "" if tries == 0 else f"try {tries + 1}")
            reason = self._one_life(reset=tries >= self._patience.resets_after)
            if self._stop.is_set() or self.error is not None:
                break
            gave_frames = self._last_sequence > before
            tries, wait_s = (0, self._patience.wait_s) if gave_frames else (tries + 1, wait_s)
            self.restarts += 1
            self._to(DeviceState.LOST, reason)
            self._stop.wait(wait_s)
            while not self._probe.present() and not self._stop.wait(LOOK_S):
                pass  # no process is started for a camera that is not there
            wait_s = min(2 * wait_s, self._patience.longest_wait_s)
        self._to(DeviceState.CLOSED, "" if self.error is None else self.error.line())
        with self._changed:
            self._changed.notify_all()

    def _one_life(self, reset: bool) -> str:
        """From the start of a process to its end, and why it ended."""
        try:
            worker = self._worker = Worker(self.uri, self.role, reset)
        except OSError as error:
            return f"no process can be started: {error.strerror or error}"
        try:
            return self._listen(worker)
        except Gone as gone:
            return str(gone)
        finally:
            self._worker = None
            worker.stop() if self._stop.is_set() else worker.kill()

    def _listen(self, worker: Worker) -> str:
        patience, begun = self._patience, time.monotonic()
        heard = framed = begun
        opened = False
        base: int | None = None  # from the driver's count to ours; another with every process
        while not self._stop.is_set():
            message = worker.receive(POLL_S)
            now = time.monotonic()
            if message is not None:
                heard = now
                match message["is"]:
                    case "opened":
                        opened, framed, self.description = True, now, message["words"]
                    case "frame":
                        frame = self._checked(worker.frame(message, message["sequence"]))
                        base = self._base(frame) if base is None else base
                        self.telemetry = message["telemetry"]
                        self._take(frame, base)
                        framed = now
                    case "dropped":
                        self.dropped[message["reason"]] += 1
                        self._last_sequence += 1
                        framed = now
                    case "error":
                        error = error_of(message)
                        if error.exit_code == USER_INPUT or error.code == codes.PART_MISSING.code:
                            self.error = error  # trying again would not help
                        return error.what
            if not opened and now - begun > patience.opening_s:
                return f"it did not open within {patience.opening_s:g} s"
            if opened and now - heard > patience.hung_s:
                return f"the capture process hung for {patience.hung_s:g} s"
            if opened and now - framed > patience.silent_s:
                self._to(DeviceState.SILENT, f"no frame for {patience.silent_s:g} s")
            if opened and now - framed > (patience.restart_s if base is not None else patience.opening_s):
                return f"no frame for {now - framed:.1f} s"
        return ""

    def _base(self, frame: Frame) -> int:
        """What to add to a new process's count. What the camera would have taken meanwhile is counted."""
        if self._last_sequence < 0:
            return -frame.sequence
        period = sorted(self._intervals)[len(self._intervals) // 2] if self._intervals else 0
        lost = max(0, round((frame.captured_ns - self._last_ns) / period) - 1) if period else 0
        self.dropped[AWAY] += lost
        self._last_sequence += lost
        return self._last_sequence + 1 - frame.sequence

    def _take(self, frame: Frame, base: int) -> None:
        sequence = max(self._last_sequence + 1, base + frame.sequence)
        lost = sequence - self._last_sequence - 1
        if lost:
            self.dropped[LOST_BY_DRIVER] += lost
        elif self._last_ns:
            self._intervals.append(frame.captured_ns - self._last_ns)
        self._last_sequence, self._last_ns = sequence, frame.captured_ns
        frame = replace(frame, sequence=sequence)
        self._to(DeviceState.STREAMING)
        if self._heard is not None:
            self._heard(frame)
            return
        with self._changed:
            if len(self._unread) == UNREAD:
                self.dropped[OVERTAKEN] += 1
                self._unread.popleft().release()
            self._unread.append(frame)
            before, self._newest = self._newest, _held(frame)
            self._changed.notify_all()
        if before is not None:
            before.release()

    def _checked(self, frame: Frame) -> Frame:
        """With a stamp that can be true, and a flag where it has not the size of the others."""
        now = monotonic_ns()
        if not PLAUSIBLE_NS[0] <= frame.captured_ns - now <= PLAUSIBLE_NS[1]:
            self.corrected_stamps += 1
            frame = replace(frame, captured_ns=now, time_source=TimeSource.ARRIVAL)
        self._shapes.append(frame.data.shape)
        if self._shape is None or len(set(self._shapes)) == 1:  # the first one may have been cut off
            self._shape = frame.data.shape
        if frame.data.shape != self._shape:
            frame = replace(frame, flags=frame.flags | {Flag.CORRUPT})
        return frame

    def _nothing(self, what: str) -> RigsightError:
        if self.error is not None:
            return self.error
        state = self.state
        why = f" ({state.reason})" if state.reason else ""
        return codes.NO_FRAME(f"{what}; it is {state.state.value}{why}", where=self.uri)

    def _to(self, state: DeviceState, reason: str = "") -> None:
        self.states.to(state, monotonic_ns(), reason)


def _held(frame: Frame) -> Frame:
    if frame.lease is not None:
        frame.lease.hold()
    return frame
