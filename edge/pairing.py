"""Frames of two cameras become one FrameSet by their time stamps, never by their count.

The clock is the newest stamp seen on any camera, so that the same frames give the same sets at any speed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rigsight.edge.frames import Flag, Frame, FrameSet
from rigsight.edge.profile import Pairing
from rigsight.edge.sources.base import ROLES, KnowsReadings, Source

NS_PER_MS = 1e6
NS_PER_S = 1e9
MAX_WAITING = 16
CLOCK_JUMP_NS = 10**9

NO_CAMERA = "no camera"
SILENT = "camera silent"
NO_PARTNER = "no partner in time"
OVERTAKEN = "out of order"
TOO_MANY = "too many waiting"
# The first that a frame has is the reason that its set goes without it.
UNUSABLE = (Flag.CORRUPT, Flag.SHUTTER, Flag.FROZEN)


@dataclass
class PairedCamera:
    """What is known of one camera: frames that wait for a partner, oldest first, and its rhythm."""

    offset_ns: int
    waiting: deque[Frame] = field(default_factory=deque)
    newest_ns: int | None = None
    intervals: deque[int] = field(default_factory=lambda: deque(maxlen=8))

    @property
    def period_ns(self) -> int:
        """Shortest of the last intervals, 0 before two frames were seen."""
        return min(self.intervals, default=0)

    def stamp(self, frame: Frame) -> int:
        """The frame's time on the reference camera's clock (t_camera = t_reference + offset)."""
        return frame.captured_ns - self.offset_ns


class Pairer:
    """Joins frames of the cameras into sets.

    Every frame of the reference camera (``rgb`` where there is one) yields exactly one set, in order. Its
    partner is the other camera's frame nearest in time, at most ``max_skew_ms`` away, unless that frame is
    nearer to the next reference frame. A set goes out as soon as no better partner can come; without one when
    a later frame of the other camera has passed, ``wait_ms`` have gone by, or the other camera is silent
    (``wait_ms`` and two of its periods). A frame of the other camera without partner is dropped and counted;
    only while the reference camera is silent does it become a set of its own, so that a rig whose RGB
    camera died goes on. A frame that a sensor repeats, or takes of its closed shutter, is left out of its set
    and named there: no mask may look fresh that is not. A clock that jumps back by more than a second starts
    the pairing afresh.
    """

    def __init__(
        self,
        source: Source,
        settings: Pairing | None = None,
        time_offset_s: Mapping[str, float] | None = None,
    ) -> None:
        """``time_offset_s`` is the rig's: camera -> offset, t_camera = t_reference + offset_s."""
        settings, offsets = settings or Pairing(), time_offset_s or {}
        self.max_skew_ns = int(settings.max_skew_ms * NS_PER_MS)
        self.wait_ns = int(settings.wait_ms * NS_PER_MS)
        self._source = source
        self._cameras = {
            role: PairedCamera(int(offsets.get(role, 0.0) * NS_PER_S)) for role in source.cameras
        }
        self._reference = next(role for role in ROLES if role in self._cameras)
        self._other = next((role for role in self._cameras if role != self._reference), None)
        self._clock_ns: int | None = None
        self._index = 0
        self.dropped: Counter[str] = Counter()

    def push(self, frame: Frame) -> Iterator[FrameSet]:
        """Take the next frame in arrival order; yield the sets that are complete now."""
        camera = self._cameras[frame.camera]
        stamp = camera.stamp(frame)
        if camera.newest_ns is not None:
            if stamp < camera.newest_ns - CLOCK_JUMP_NS:
                yield from self.flush()
                self._forget_the_time()
            elif stamp <= camera.newest_ns:
                self._drop(frame, OVERTAKEN)
                return
            else:
                camera.intervals.append(stamp - camera.newest_ns)
        camera.newest_ns = stamp
        self._clock_ns = stamp if self._clock_ns is None else max(stamp, self._clock_ns)
        if len(camera.waiting) == MAX_WAITING and frame.camera != self._reference:
            self._drop(camera.waiting.popleft(), TOO_MANY)
        camera.waiting.append(frame)
        yield from self._settle(final=False)

    def flush(self) -> Iterator[FrameSet]:
        """The source has ended: yield what still waits."""
        yield from self._settle(final=True)

    def abandon(self, reason: str) -> None:
        """Stop without yielding: count and release everything that still waits."""
        for camera in self._cameras.values():
            while camera.waiting:
                self._drop(camera.waiting.popleft(), reason)

    def _settle(self, final: bool) -> Iterator[FrameSet]:
        reference = self._cameras[self._reference]
        if self._other is None:
            while reference.waiting:
                yield self._set({self._reference: reference.waiting.popleft()}, {})
            return
        other = self._cameras[self._other]
        while reference.waiting:
            first = reference.waiting[0]
            stamp = reference.stamp(first)
            partner, decided = self._partner(reference, other, first)
            if not decided and not final:
                return
            reference.waiting.popleft()
            if partner is None:
                reason = SILENT if self._is_silent(other, stamp) else NO_PARTNER
                yield self._set({self._reference: first}, {self._other: reason})
                continue
            while other.waiting[0] is not partner:
                self._drop(other.waiting.popleft(), NO_PARTNER)
            other.waiting.popleft()
            yield self._set({self._reference: first, self._other: partner}, {})
        yield from self._settle_without_reference(reference, other, final)

    def _partner(
        self, reference: PairedCamera, other: PairedCamera, first: Frame
    ) -> tuple[Frame | None, bool]:
        """The best partner of the reference frame ``first`` so far, and whether that is the last word."""
        stamp = reference.stamp(first)
        self._drop_before(other, stamp - self.max_skew_ns)
        partner = self._nearest(other, stamp)
        if partner is not None and self._belongs_to_the_next(reference, other.stamp(partner)):
            return None, True
        return partner, self._decided(reference, other, partner, stamp)

    def _settle_without_reference(
        self, reference: PairedCamera, other: PairedCamera, final: bool
    ) -> Iterator[FrameSet]:
        """Frames of the other camera while no reference frame waits: a set each when that one is silent."""
        while other.waiting:
            stamp = other.stamp(other.waiting[0])
            if self._is_silent(reference, stamp):
                frame = other.waiting.popleft()
                yield self._set({frame.camera: frame}, {self._reference: SILENT})
            elif final or self._hopeless(reference, stamp):
                self._drop(other.waiting.popleft(), NO_PARTNER)
            else:
                return

    def _nearest(self, other: PairedCamera, stamp: int) -> Frame | None:
        within = [f for f in other.waiting if abs(other.stamp(f) - stamp) <= self.max_skew_ns]
        return min(within, key=lambda f: abs(other.stamp(f) - stamp), default=None)

    def _belongs_to_the_next(self, reference: PairedCamera, partner_stamp: int) -> bool:
        if len(reference.waiting) < 2:
            return False
        first, second = (reference.stamp(reference.waiting[i]) for i in (0, 1))
        return abs(second - partner_stamp) < abs(first - partner_stamp)

    def _decided(
        self, reference: PairedCamera, other: PairedCamera, partner: Frame | None, stamp: int
    ) -> bool:
        """Nothing that is still to come can change the answer for the reference frame at ``stamp``."""
        if partner is None:
            return self._hopeless(other, stamp)
        if self._waited(stamp):
            return True
        ahead = other.stamp(partner) - stamp
        if ahead > 0:  # could the next reference frame be nearer to it?
            return len(reference.waiting) > 1 or reference.period_ns == 0 or 2 * ahead <= reference.period_ns
        # could the other camera's next frame be nearer to us?
        return other.waiting[-1] is not partner or 2 * -ahead <= other.period_ns or ahead == 0

    def _hopeless(self, missing: PairedCamera, stamp: int) -> bool:
        passed = missing.newest_ns is not None and missing.newest_ns > stamp + self.max_skew_ns
        return passed or self._waited(stamp) or self._is_silent(missing, stamp)

    def _waited(self, stamp: int) -> bool:
        return self._clock_ns is not None and self._clock_ns - stamp >= self.wait_ns

    def _is_silent(self, camera: PairedCamera, stamp: int) -> bool:
        """Not heard for ``wait_ms`` and two periods up to this stamp; or never for ``wait_ms``."""
        period = camera.period_ns or max(c.period_ns for c in self._cameras.values())
        if camera.newest_ns is None or not period:
            return self._waited(stamp)
        return stamp - camera.newest_ns > self.wait_ns + 2 * period

    def _forget_the_time(self) -> None:
        self._clock_ns = None
        for camera in self._cameras.values():
            camera.newest_ns = None

    def _drop_before(self, camera: PairedCamera, stamp: int) -> None:
        while camera.waiting and camera.stamp(camera.waiting[0]) < stamp:
            self._drop(camera.waiting.popleft(), NO_PARTNER)

    def _drop(self, frame: Frame, reason: str) -> None:
        self.dropped[f"{frame.camera}: {reason}"] += 1
        frame.release()

    def _set(self, frames: dict[str, Frame], missing: dict[str, str]) -> FrameSet:
        stamps = {role: self._cameras[role].stamp(frame) for role, frame in frames.items()}
        lead = self._reference if self._reference in frames else next(iter(frames))
        sequence = frames[lead].sequence
        truth: Any = self._source.truth(sequence)
        captured_ns, unusable = frames[lead].captured_ns, self._unusable(frames)
        for role in unusable:
            frames.pop(role).release()
        made = FrameSet(
            index=self._index,
            captured_ns=captured_ns,
            frames=frames,
            missing={role: NO_CAMERA for role in ROLES if role not in self._cameras} | missing | unusable,
            skew_ns={role: stamp - stamps[lead] for role, stamp in stamps.items()},
            name=self._source.name(sequence),
            truth=truth,
            readings=self._source.readings(sequence) if isinstance(self._source, KnowsReadings) else None,
        )
        self._index += 1
        return made

    def _unusable(self, frames: Mapping[str, Frame]) -> dict[str, str]:
        """Role -> why its picture must not be looked at: it is not of this instant, or damaged."""
        if not self._source.sensor:
            return {}
        found = {role: [flag for flag in UNUSABLE if flag in frame.flags] for role, frame in frames.items()}
        return {role: flags[0].value for role, flags in found.items() if flags}


def frame_sets(source: Source, pairer: Pairer) -> Iterator[FrameSet]:
    """All sets of a source, without threads. Release each one when done with it."""
    for frame in source.frames():
        yield from pairer.push(frame)
    yield from pairer.flush()
