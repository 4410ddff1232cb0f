"""One or two live cameras as a source: frames in the order in which they come."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rigsight.base.errors import RigsightError
from rigsight.calibration.rig import Rig
from rigsight.edge.cameras import codes
from rigsight.edge.capture.camera import OVERTAKEN, Camera, Patience
from rigsight.edge.devices.state import Change, DeviceState
from rigsight.edge.frames import Frame
from rigsight.edge.sources.base import ROLES
from rigsight.edge.sources.uri import Uri

WAITING = 8  # frames of one camera that nobody has taken yet
FIRST_FRAME_S = 15.0
POLL_S = 0.1
STOPPED = "run stopped"


class CameraSource:
    """See :class:`rigsight.edge.sources.base.Source`.

    A camera that dies is opened again by itself, and the other goes on meanwhile. Only at the start is it an
    error that no camera at all gives a frame.
    """

    aligned = False
    live = realtime = sensor = True
    count: int | None = None
    rig: Rig | None = None

    def __init__(self, uris: Mapping[str, str], patience: Patience | None = None) -> None:
        """``uris``: role -> URI. Raises RigsightError CAM-001, CAM-008."""
        self.cameras = tuple(role for role in ROLES if role in uris)
        self._changed = threading.Condition()
        self._waiting: deque[Frame] = deque()
        self._count: Counter[str] = Counter()
        self._dropped: dict[str, Counter[str]] = {role: Counter() for role in self.cameras}
        self._closed = False
        self.live_cameras: dict[str, Camera] = {}
        try:
            for role in self.cameras:
                self.live_cameras[role] = Camera(uris[role], role, patience, self._hear)
        except RigsightError:
            self.close()
            raise

    @classmethod
    def from_uri(cls, uri: Uri, role: str | None) -> CameraSource:
        """One camera, ``rgb`` unless told otherwise. Raises RigsightError CAM-001, CAM-008."""
        return cls({role or "rgb": uri.text})

    def states(self) -> dict[str, Change]:
        """Role -> what its camera does now."""
        return {role: camera.state for role, camera in self.live_cameras.items()}

    def watch(self, listener: Callable[[str, Change], None]) -> None:
        """Have ``listener`` told of every change of a camera's state from now on: role, change."""
        for role, camera in self.live_cameras.items():
            camera.states.watch(lambda change, role=role: listener(role, change))  # type: ignore[misc]

    def frames(self) -> Iterator[Frame]:
        """Yield frames until closed.

        Raises:
            RigsightError: CAM-001 and CAM-005 where a camera cannot be had as it is asked for, CAM-007 where
                no camera gives a frame within 15 seconds of the start.
        """
        deadline: float | None = time.monotonic() + FIRST_FRAME_S
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed, POLL_S)
                if self._closed:
                    return
                frame = self._waiting.popleft() if self._waiting else None
                if frame is not None:
                    self._count[frame.camera] -= 1
            if frame is not None:
                deadline = None
                yield frame
                continue
            for camera in self.live_cameras.values():
                if camera.error is not None:
                    raise camera.error
            if deadline is not None and time.monotonic() > deadline:
                raise codes.NO_FRAME(self._why(), where=", ".join(c.uri for c in self.live_cameras.values()))

    def name(self, sequence: int) -> str | None:
        """Live frames have no names."""
        return None

    def truth(self, sequence: int) -> Any | None:
        """Cameras know no truth."""
        return None

    def dropped(self) -> dict[str, int]:
        """Frames that did not come out: reason -> count."""
        return {
            f"{role}: {reason}": count
            for role in self.live_cameras
            for reason, count in self.lost(role).items()
        }

    def lost(self, role: str) -> dict[str, int]:
        """Frames of one camera that did not come out: reason -> count."""
        return dict(+(self._dropped[role] + self.live_cameras[role].dropped))

    def report(self) -> dict[str, dict[str, Any]]:
        """Role -> what was opened, its state, and how often it was opened again; plain values."""
        return {
            role: {
                "uri": camera.uri,
                "description": camera.description,
                "state": camera.state.state.value,
                "reason": camera.state.reason,
                "restarts": camera.restarts,
                "corrected_stamps": camera.corrected_stamps,
            }
            for role, camera in self.live_cameras.items()
        }

    def close(self) -> None:
        """End the processes and whoever reads. Closing twice is harmless."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for camera in self.live_cameras.values():
            camera.close()
        with self._changed:
            while self._waiting:
                frame = self._waiting.popleft()
                self._dropped[frame.camera][STOPPED] += 1
                frame.release()

    def _hear(self, frame: Frame) -> None:
        overtaken: Frame | None = None
        with self._changed:
            if self._closed:
                overtaken = frame
                self._dropped[frame.camera][STOPPED] += 1
            else:
                if self._count[frame.camera] == WAITING:
                    overtaken = next(f for f in self._waiting if f.camera == frame.camera)
                    self._waiting.remove(overtaken)
                    self._count[frame.camera] -= 1
                    self._dropped[frame.camera][OVERTAKEN] += 1
                self._waiting.append(frame)
                self._count[frame.camera] += 1
                self._changed.notify()
        if overtaken is not None:
            overtaken.release()

    def _why(self) -> str:
        parts = []
        for role, camera in self.live_cameras.items():
            change = camera.state
            lost = [each.reason for each in camera.states.changes() if each.state is DeviceState.LOST]
            reason = lost[-1] if lost else change.reason  # "try 7" explains nothing
            parts.append(f"{role} is {change.state.value}" + (f" ({reason})" if reason else ""))
        return f"none within {FIRST_FRAME_S:g} s: {'; '.join(parts)}"
