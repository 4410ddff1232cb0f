"""One open V4L2 device: set up, streaming, the newest picture.

What the kernel does and says: ``Documentation/userspace-api/media/v4l`` (chapters "Streaming I/O" and the
pages of each ioctl).
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from ctypes import c_int
from dataclasses import dataclass
from time import monotonic_ns, sleep

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras import codes
from rigsight.edge.cameras.v4l2 import ioctls
from rigsight.edge.cameras.v4l2.formats import Choice, Offer
from rigsight.edge.cameras.v4l2.kernel import Bytes, Kernel
from rigsight.edge.cameras.v4l2.listing import Identity, identify, list_offers

# One is read, one is filled, and one waits: fewer lose pictures, more only cost memory.
BUFFERS, FEWEST = 4, 2
ABSENT = (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR, errno.ELOOP)
# EIO is what a queue says whose device went away; only opening it again helps.
LOST = (errno.ENODEV, errno.ENXIO, errno.EIO, errno.EPIPE, errno.EBADF, errno.ESHUTDOWN, errno.EPROTO)
OLDEST_S = 5.0
EMPTY_S = 0.002


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture in the kernel's buffer ``index``, until it is given back.

    ``captured_ns`` is CLOCK_MONOTONIC, by the driver where ``by_driver``. ``sequence`` counts what the
    camera took. ``damaged`` tells how many buffers before it the driver called erroneous, ``overtaken`` how
    many were whole, but not the newest.
    """

    index: int
    data: Bytes
    captured_ns: int
    by_driver: bool
    sequence: int
    damaged: int
    overtaken: int


class CaptureDevice:
    """A device at ``path``. Every method but :meth:`close` raises RigsightError."""

    def __init__(self, path: str, kernel: Kernel) -> None:
        self.path, self._kernel = path, kernel
        self._descriptor = -1
        self._buffers: list[Bytes] = []
        self._out: int | None = None
        self._streaming = False
        self._sequence: int | None = None
        self._wrapped = 0

    def open(self) -> Identity:
        """Open it. Raises CAM-002 where there is no camera, CAM-003, CAM-004."""
        with self._errors("it cannot be opened"):
            self._descriptor = self._kernel.open(self.path)
        try:
            found = identify(self._kernel, self._descriptor)
        except OSError as error:
            raise codes.CAMERA_ABSENT(
                f"this is no video device ({error.strerror})", where=self.path
            ) from None
        if not found.is_camera:
            raise codes.CAMERA_ABSENT(
                f"{found.card} gives no pictures here: {_instead(found)}", where=self.path
            )
        return found

    def offers(self) -> list[Offer]:
        """What it can be set to."""
        with self._errors("its formats cannot be listed"):
            return list_offers(self._kernel, self._descriptor)

    def own_size(self) -> tuple[int, int] | None:
        """The size that it is set to now."""
        found = ioctls.Format(type=ioctls.CAPTURE)
        try:
            self._kernel.ioctl(self._descriptor, ioctls.G_FMT, found)
        except OSError:
            return None
        return found.fmt.pix.width, found.fmt.pix.height

    def set_format(self, choice: Choice) -> tuple[int, int]:
        """Set it; bytes a line and bytes a picture. Raises CAM-005 where the driver sets another one."""
        wanted = ioctls.Format(type=ioctls.CAPTURE)
        pix = wanted.fmt.pix
        pix.width, pix.height = choice.width, choice.height
        pix.pixelformat, pix.field = ioctls.fourcc(choice.format), ioctls.FIELD_NONE
        asked = f"{choice.format} {choice.width}x{choice.height}"
        try:
            self._kernel.ioctl(self._descriptor, ioctls.S_FMT, wanted)
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise codes.CAMERA_FORMAT(f"the driver refuses {asked}", where=self.path) from None
            raise self._error(error, "its format cannot be set") from None
        got = (ioctls.fourcc_name(pix.pixelformat), pix.width, pix.height)
        if got != (choice.format, choice.width, choice.height):
            what = f"asked for {asked}, the driver set {got[0]} {got[1]}x{got[2]}"
            raise codes.CAMERA_FORMAT(what, where=self.path)
        return pix.bytesperline, pix.sizeimage

    def set_rate(self, fps: float | None) -> float | None:
        """Set the rate where one is asked for; the rate that is set in Hz, None where it is not said."""
        found = ioctls.StreamParameters(type=ioctls.CAPTURE)
        capture = found.parm.capture
        try:
            self._kernel.ioctl(self._descriptor, ioctls.G_PARM, found)
            if fps is not None and capture.capability & ioctls.CAP_TIMEPERFRAME:
                interval = capture.timeperframe
                interval.numerator, interval.denominator = 1000, max(1, round(fps * 1000))
                self._kernel.ioctl(self._descriptor, ioctls.S_PARM, found)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):  # the camera has one rate, or none
                return None
            raise self._error(error, "its rate cannot be set") from None
        interval = capture.timeperframe
        return interval.denominator / interval.numerator if interval.numerator else None

    def start(self) -> int:
        """Map buffers, queue them all, let it run; the number of buffers. Raises CAM-004, CAM-009."""
        asked = ioctls.RequestBuffers(count=BUFFERS, type=ioctls.CAPTURE, memory=ioctls.MEMORY_MMAP)
        with self._errors("it gives no buffers"):
            self._kernel.ioctl(self._descriptor, ioctls.REQBUFS, asked)
            if asked.count < FEWEST:
                raise OSError(errno.ENOMEM, f"{asked.count} buffers of {FEWEST}")
            for index in range(asked.count):
                found = self._buffer(index)
                self._kernel.ioctl(self._descriptor, ioctls.QUERYBUF, found)
                self._buffers.append(self._kernel.map(self._descriptor, found.length, found.offset))
            for index in range(asked.count):
                self._kernel.ioctl(self._descriptor, ioctls.QBUF, self._buffer(index))
        with self._errors("it does not start"):
            self._kernel.ioctl(self._descriptor, ioctls.STREAMON, c_int(ioctls.CAPTURE))
        self._streaming = True
        return int(asked.count)

    def newest(self, timeout_s: float) -> Taken | None:
        """The newest picture, None where none came in time; all older ones go back to the kernel.

        What was taken before goes back first. Raises CAM-006 where the device is gone.
        """
        with self._lost():
            self.give_back()
            if not self._kernel.wait(self._descriptor, timeout_s):
                return None
            newest: ioctls.Buffer | None = None
            damaged = overtaken = 0
            for _ in range(2 * len(self._buffers)):  # a camera faster than this loop must not hold it
                found = self._dequeue()
                if found is None:
                    break
                if found.flags & ioctls.BUFFER_ERROR or found.bytesused == 0:
                    damaged += 1
                    self._queue(found.index)
                    continue
                if newest is not None:
                    overtaken += 1
                    self._queue(newest.index)
                newest = found
            if newest is None:
                sleep(EMPTY_S)  # a driver that wakes its reader for nothing must not keep it busy
                return None
            self._out = newest.index
            return self._taken(newest, damaged, overtaken)

    def give_back(self) -> None:
        """Let the kernel fill the buffer of the last picture again. Raises OSError."""
        if self._out is not None:
            index, self._out = self._out, None
            self._queue(index)

    def close(self) -> None:
        """Stop and let go. Closing twice is harmless."""
        if self._descriptor < 0:
            return
        if self._streaming:
            with contextlib.suppress(OSError):
                self._kernel.ioctl(self._descriptor, ioctls.STREAMOFF, c_int(ioctls.CAPTURE))
        self._streaming, self._out = False, None
        self._buffers.clear()
        self._kernel.close(self._descriptor)
        self._descriptor = -1

    def _buffer(self, index: int) -> ioctls.Buffer:
        return ioctls.Buffer(index=index, type=ioctls.CAPTURE, memory=ioctls.MEMORY_MMAP)

    def _queue(self, index: int) -> None:
        self._kernel.ioctl(self._descriptor, ioctls.QBUF, self._buffer(index))

    def _dequeue(self) -> ioctls.Buffer | None:
        found = self._buffer(0)
        try:
            self._kernel.ioctl(self._descriptor, ioctls.DQBUF, found)
        except BlockingIOError:
            return None
        return found

    def _taken(self, found: ioctls.Buffer, damaged: int, overtaken: int) -> Taken:
        now = monotonic_ns()
        stamp = found.seconds * 1_000_000_000 + found.microseconds * 1000
        monotonic = found.flags & ioctls.TIMESTAMP_MASK == ioctls.TIMESTAMP_MONOTONIC
        # Clocks of cameras jump; a stamp that cannot be true is not believed.
        by_driver = monotonic and now - OLDEST_S * 1e9 < stamp <= now
        length = min(found.bytesused, found.length)
        return Taken(
            found.index,
            self._buffers[found.index][:length],
            stamp if by_driver else now,
            by_driver,
            self._counted(found.sequence, damaged + overtaken),
            damaged,
            overtaken,
        )

    def _counted(self, sequence: int, skipped: int) -> int:
        """The driver's 32-bit count without its wrap; our own where the driver does not count."""
        count = sequence + self._wrapped
        if self._sequence is not None and count <= self._sequence:
            if self._sequence - count > 1 << 31:
                self._wrapped += 1 << 32
            else:
                self._wrapped += self._sequence + 1 + skipped - count
            count = sequence + self._wrapped
        self._sequence = count
        return count

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(error, what) from None

    @contextlib.contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise codes.CAMERA_LOST(_words(error), where=self.path) from None

    def _error(self, error: OSError, what: str) -> RigsightError:
        words, number = f"{what}: {_words(error)}", error.errno
        if number in ABSENT:
            return codes.CAMERA_ABSENT("there is no such device", where=self.path)
        if number in (errno.EACCES, errno.EPERM):
            return codes.CAMERA_FORBIDDEN("this user may not open it", where=self.path)
        if number == errno.EBUSY:
            fix = f"End the program that holds it; 'fuser -v {self.path}' names it."
            return codes.CAMERA_BUSY("another program uses it", where=self.path, fix=fix)
        if number == errno.ENOSPC:
            return codes.USB_FULL("it gets no place on its USB bus", where=self.path)
        return codes.CAMERA_LOST(words, where=self.path)


def _words(error: OSError) -> str:
    return error.strerror or os.strerror(error.errno or 0)


def _instead(found: Identity) -> str:
    if found.capabilities & ioctls.CAP_META_CAPTURE:
        return "it is the camera's metadata; take the other node"
    if found.capabilities & ioctls.CAP_VIDEO_CAPTURE_MPLANE:
        return "it gives them in several planes; use gst: with v4l2src"
    return "it cannot capture into mapped buffers"
