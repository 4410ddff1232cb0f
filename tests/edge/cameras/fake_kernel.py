"""A kernel with V4L2 cameras: it keeps books of every buffer and refuses what Linux refuses.

It takes requests by their published numbers and reads the raw bytes of their structures at the offsets of the
kernel's header, so that it shares no layout with the code under test. Nothing here agrees by default: an
unknown number is ENOTTY, an argument of another size EFAULT, a buffer that is queued twice EINVAL.
"""

from __future__ import annotations

import errno
import os
import struct
from collections import deque
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Any

import numpy as np

PAGE = 4096
ERROR, MONOTONIC = 0x40, 0x2000


def refuse(number: int) -> None:
    raise OSError(number, os.strerror(number))


def code(name: str) -> int:
    value = int.from_bytes(name.removesuffix("_BE").ljust(4).encode(), "little")
    return value | 1 << 31 if name.endswith("_BE") else value


@dataclass
class FakeBuffer:
    memory: bytearray
    state: str = "mine"  # mine (of user space), queued, done
    used: int = 0
    flags: int = 0
    stamp_ns: int = 0
    sequence: int = 0


@dataclass
class FakeCamera:
    """``formats``: name -> (width, height) -> rates in Hz. ``padding`` bytes end every row."""

    formats: dict[str, dict[tuple[int, int], tuple[int, ...]]]
    card: str = "Fake: Camera"
    capabilities: int = 0x04200001
    padding: int = 0
    adjusts: bool = True  # uvcvideo sets what comes nearest; other drivers say EINVAL
    span: tuple[int, ...] | None = None
    most_buffers: int = 32
    refuses_stream: int = 0
    rates_told: bool = True
    now: tuple[str, int, int] = ("", 0, 0)
    fps: int = 0
    plugged: bool = True
    forbidden: bool = False
    owner: int | None = None
    buffers: list[FakeBuffer] = field(default_factory=list)
    queue: deque[int] = field(default_factory=deque)
    done: deque[int] = field(default_factory=deque)
    streaming: bool = False
    sequence: int = -1
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        name = next(iter(self.formats))
        size = next(iter(self.formats[name]))
        self.now = (name, *size)

    def stride(self) -> int:
        name, width, _ = self.now
        wide = {"Y16": 2, "Y16_BE": 2, "YUYV": 2, "UYVY": 2, "RGB3": 3, "BGR3": 3}.get(name, 1)
        return 0 if name == "MJPG" else wide * width + self.padding

    def size(self) -> int:
        name, width, height = self.now
        if name == "MJPG":
            return width * height * 2
        return self.stride() * height * 3 // 2 if name in ("NV12", "YU12") else self.stride() * height

    def take_picture(self, data: bytes, flags: int = MONOTONIC, stamp_ns: int | None = None) -> None:
        """What the sensor does, whether anybody reads or not."""
        self.sequence += 1
        if not self.streaming or not self.queue:
            return
        index = self.queue.popleft()
        buffer = self.buffers[index]
        buffer.memory[: len(data)] = data
        buffer.state, buffer.used, buffer.flags = "done", len(data), flags
        buffer.stamp_ns = monotonic_ns() if stamp_ns is None else stamp_ns
        buffer.sequence = self.sequence & 0xFFFFFFFF
        self.done.append(index)


class FakeKernel:
    """See ``rigsight.edge.cameras.v4l2.kernel.Kernel``."""

    def __init__(self, cameras: dict[str, FakeCamera]) -> None:
        self.cameras = cameras
        self.open_files: dict[int, FakeCamera] = {}
        self._next = 100

    def open(self, path: str) -> int:
        camera = self.cameras.get(path)
        if camera is None or not camera.plugged:
            refuse(errno.ENOENT)
        assert camera is not None
        if camera.forbidden:
            refuse(errno.EACCES)
        self._next += 1
        self.open_files[self._next] = camera
        return self._next

    def close(self, descriptor: int) -> None:
        camera = self.open_files.pop(descriptor)
        if camera.owner == descriptor:
            camera.owner, camera.streaming = None, False
            camera.buffers.clear()
            camera.queue.clear()
            camera.done.clear()

    def map(self, descriptor: int, length: int, offset: int) -> Any:
        camera = self.open_files[descriptor]
        index, rest = divmod(offset, self._spacing(camera))
        if rest or index >= len(camera.buffers) or length > len(camera.buffers[index].memory):
            refuse(errno.EINVAL)
        seen = np.frombuffer(camera.buffers[index].memory, np.uint8)[:length]
        seen.flags.writeable = False
        return seen

    def wait(self, descriptor: int, timeout_s: float) -> bool:
        camera = self.open_files[descriptor]
        return not camera.plugged or not camera.streaming or bool(camera.done)

    def ioctl(self, descriptor: int, request: int, argument: Any) -> None:
        camera = self.open_files[descriptor]
        if not camera.plugged:
            refuse(errno.ENODEV)
        raw = memoryview(argument).cast("B")
        known = {
            0x80685600: self._querycap,
            0xC0405602: self._enum_fmt,
            0xC02C564A: self._enum_sizes,
            0xC034564B: self._enum_intervals,
            0xC0D05604: self._g_fmt,
            0xC0D05605: self._s_fmt,
            0xC0CC5615: self._g_parm,
            0xC0CC5616: self._s_parm,
            0xC0145608: self._reqbufs,
            0xC0585609: self._querybuf,
            0xC058560F: self._qbuf,
            0xC0585611: self._dqbuf,
            0x40045612: self._streamon,
            0x40045613: self._streamoff,
        }
        if request not in known:
            refuse(errno.ENOTTY)
        if len(raw) != request >> 16 & 0x3FFF:
            refuse(errno.EFAULT)
        known[request](descriptor, camera, raw)

    @staticmethod
    def _querycap(_: int, camera: FakeCamera, raw: memoryview) -> None:
        struct.pack_into(
            "16s32s32sIII", raw, 0, b"uvcvideo", camera.card.encode(), b"usb-0000:00:14.0-2", 0x61200,
            0x84A00001, camera.capabilities,
        )  # fmt: skip

    @staticmethod
    def _enum_fmt(_: int, camera: FakeCamera, raw: memoryview) -> None:
        index, kind = struct.unpack_from("II", raw)
        if kind != 1 or index >= len(camera.formats):
            refuse(errno.EINVAL)
        name = list(camera.formats)[index]
        struct.pack_into("I32sI", raw, 8, 0, f"format {name}".encode(), code(name))

    @staticmethod
    def _enum_sizes(_: int, camera: FakeCamera, raw: memoryview) -> None:
        index, pixels = struct.unpack_from("II", raw)
        sizes = next((s for name, s in camera.formats.items() if code(name) == pixels), None)
        if sizes is None or index >= (1 if camera.span else len(sizes)):
            refuse(errno.EINVAL)
        assert sizes is not None
        if camera.span:
            struct.pack_into("I6I", raw, 8, 3, *camera.span)
        else:
            struct.pack_into("III", raw, 8, 1, *list(sizes)[index])

    @staticmethod
    def _enum_intervals(_: int, camera: FakeCamera, raw: memoryview) -> None:
        index, pixels, width, height = struct.unpack_from("4I", raw)
        sizes = next((s for name, s in camera.formats.items() if code(name) == pixels), {})
        rates = sizes.get((width, height), ())
        if not camera.rates_told or index >= len(rates):
            refuse(errno.EINVAL)
        struct.pack_into("III", raw, 16, 1, 1, rates[index])

    def _g_fmt(self, _: int, camera: FakeCamera, raw: memoryview) -> None:
        if struct.unpack_from("I", raw)[0] != 1:
            refuse(errno.EINVAL)
        name, width, height = camera.now
        struct.pack_into(
            "6I", raw, 8, width, height, code(name), 1, camera.stride(), camera.size()
        )  # fmt: skip

    def _s_fmt(self, descriptor: int, camera: FakeCamera, raw: memoryview) -> None:
        kind, width, height, pixels, _ = struct.unpack_from("I4xIIII", raw)
        if kind != 1:
            refuse(errno.EINVAL)
        if camera.buffers:  # whoever has buffers has the format
            refuse(errno.EBUSY)
        name = next((name for name in camera.formats if code(name) == pixels), None)
        if name is None:
            if not camera.adjusts:
                refuse(errno.EINVAL)
            name = next(iter(camera.formats))
        sizes = camera.formats[name]
        if (width, height) not in sizes and not camera.span:
            width, height = min(sizes, key=lambda s: abs(s[0] - width) + abs(s[1] - height))
        camera.now = (name, width, height)
        camera.log.append(f"S_FMT {name} {width}x{height}")
        self._g_fmt(descriptor, camera, raw)

    @staticmethod
    def _g_parm(_: int, camera: FakeCamera, raw: memoryview) -> None:
        name, width, height = camera.now
        rates = camera.formats[name].get((width, height), (25,))
        struct.pack_into("IIII", raw, 4, 0x1000, 0, 1, camera.fps or rates[0])

    def _s_parm(self, descriptor: int, camera: FakeCamera, raw: memoryview) -> None:
        if camera.streaming:
            refuse(errno.EBUSY)
        numerator, denominator = struct.unpack_from("II", raw, 12)
        name, width, height = camera.now
        rates = camera.formats[name].get((width, height), (30,))
        camera.fps = min(rates, key=lambda rate: abs(rate - denominator / numerator))
        camera.log.append(f"S_PARM {camera.fps}")
        self._g_parm(descriptor, camera, raw)

    def _reqbufs(self, descriptor: int, camera: FakeCamera, raw: memoryview) -> None:
        count, kind, memory = struct.unpack_from("III", raw)
        if (kind, memory) != (1, 1):
            refuse(errno.EINVAL)
        if camera.streaming or camera.owner not in (None, descriptor):
            refuse(errno.EBUSY)
        count = min(count, camera.most_buffers)
        camera.owner = descriptor if count else None
        camera.buffers = [FakeBuffer(bytearray(camera.size())) for _ in range(count)]
        camera.queue.clear()
        camera.done.clear()
        camera.log.append(f"REQBUFS {count}")
        struct.pack_into("I", raw, 0, count)

    def _querybuf(self, descriptor: int, camera: FakeCamera, raw: memoryview) -> None:
        index = self._own_buffer(descriptor, camera, raw)
        spacing = self._spacing(camera)
        struct.pack_into("QI", raw, 64, index * spacing, len(camera.buffers[index].memory))

    def _qbuf(self, descriptor: int, camera: FakeCamera, raw: memoryview) -> None:
        index = self._own_buffer(descriptor, camera, raw)
        buffer = camera.buffers[index]
        if buffer.state != "mine":
            refuse(errno.EINVAL)
        buffer.state = "queued"
        buffer.memory[:] = b"\xaa" * len(buffer.memory)  # who still reads it, sees it
        camera.queue.append(index)

    def _dqbuf(self, descriptor: int, camera: FakeCamera, raw: memoryview) -> None:
        if camera.owner != descriptor:
            refuse(errno.EBUSY)
        if not camera.streaming:
            refuse(errno.EINVAL)
        if not camera.done:
            refuse(errno.EAGAIN)
        index = camera.done.popleft()
        buffer = camera.buffers[index]
        buffer.state = "mine"
        seconds, rest = divmod(buffer.stamp_ns, 1_000_000_000)
        struct.pack_into("5I4xqq", raw, 0, index, 1, buffer.used, buffer.flags, 1, seconds, rest // 1000)
        struct.pack_into("II", raw, 56, buffer.sequence, 1)
        struct.pack_into("QI", raw, 64, index * self._spacing(camera), len(buffer.memory))

    @staticmethod
    def _streamon(descriptor: int, camera: FakeCamera, raw: memoryview) -> None:
        if camera.owner not in (None, descriptor):
            refuse(errno.EBUSY)
        if struct.unpack("i", raw)[0] != 1 or not camera.queue:
            refuse(errno.EINVAL)
        if camera.refuses_stream:
            refuse(camera.refuses_stream)
        camera.streaming = True
        camera.log.append("STREAMON")

    @staticmethod
    def _streamoff(descriptor: int, camera: FakeCamera, raw: memoryview) -> None:
        if camera.owner not in (None, descriptor):
            refuse(errno.EBUSY)
        camera.streaming = False
        camera.queue.clear()
        camera.done.clear()
        for buffer in camera.buffers:
            buffer.state = "mine"
        camera.log.append("STREAMOFF")

    @staticmethod
    def _own_buffer(descriptor: int, camera: FakeCamera, raw: memoryview) -> int:
        index, kind = struct.unpack_from("II", raw)
        if camera.owner not in (None, descriptor):
            refuse(errno.EBUSY)
        if kind != 1 or index >= len(camera.buffers) or struct.unpack_from("I", raw, 60)[0] != 1:
            refuse(errno.EINVAL)
        return int(index)

    @staticmethod
    def _spacing(camera: FakeCamera) -> int:
        return -(-camera.size() // PAGE) * PAGE
