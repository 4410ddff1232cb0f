"""``v4l2:/dev/v4l/by-id/…?format=Y16&size=640x512&fps=30``, and ``profile=boson|lepton|infiray``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rigsight.edge.cameras import codes
from rigsight.edge.cameras.decode import JPEGS, Layout, becomes, counts_in, decode, layout, open_jpeg
from rigsight.edge.cameras.driver import PlainDriver, Shot
from rigsight.edge.cameras.thermal_frames import PROFILES, ThermalCamera
from rigsight.edge.cameras.v4l2.device import CaptureDevice, Taken
from rigsight.edge.cameras.v4l2.formats import Choice, Offer, Wish, choose
from rigsight.edge.cameras.v4l2.kernel import Kernel, Linux
from rigsight.edge.cameras.v4l2.usb import reset_usb, usb_node
from rigsight.edge.frames import Flag, Image, PixelFormat, TimeSource
from rigsight.edge.sources.uri import Uri

OPTIONS = ("format", "size", "fps", "profile")
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


class V4l2Driver(PlainDriver):
    """See :class:`rigsight.edge.cameras.driver.Driver`."""

    def __init__(
        self, path: str, role: str, wish: Wish, thermal: ThermalCamera | None, kernel: Kernel | None = None
    ) -> None:
        """``thermal`` takes frames apart that hold more than a picture."""
        self.path, self.role, self._wish, self._thermal = path, role, wish, thermal
        self._device = CaptureDevice(path, kernel or Linux())
        self._choice = Choice("", 0, 0, None)
        self._layout: Layout | None = None
        self._repeats = self._damaged = self._overtaken = 0

    @classmethod
    def from_uri(cls, uri: Uri, role: str) -> V4l2Driver:
        """Options: ``format``, ``size``, ``fps``, ``profile``. Raises CAM-001."""
        uri.check(OPTIONS)
        if not uri.path.startswith("/"):
            raise codes.BAD_CAMERA_URI(
                f"'{uri.path}' is no path of a device",
                where=uri.text,
                fix="Write v4l2:/dev/v4l/by-id/…; 'rigsight doctor' lists the cameras.",
            )
        size = None
        if "size" in uri.options:
            found = _SIZE.fullmatch(uri.options["size"])
            if found is None:
                raise uri.bad("size", "a size such as 640x512")
            size = int(found[1]), int(found[2])
        fps = uri.number("fps", 30.0, low=0.1, high=1000.0) if "fps" in uri.options else None
        thermal = None
        if "profile" in uri.options:
            thermal = PROFILES[uri.choice("profile", tuple(PROFILES), "")]()
            if role != "thermal":
                raise uri.bad("profile", "for an RGB camera")
        return cls(uri.path, role, Wish(uri.options.get("format"), size, fps), thermal)

    def open(self) -> str:
        """See :class:`Driver`. Raises CAM-002 to CAM-005, CAM-009."""
        identity = self._device.open()
        choice = self._choice = self._choose(self._device.offers())
        stride, _ = self._device.set_format(choice)
        rate = self._device.set_rate(choice.fps)
        kind = "Y16" if self._thermal is not None else choice.format
        if kind not in JPEGS:
            try:
                self._layout = layout(kind, choice.width, choice.height, stride)
            except ValueError as error:
                raise codes.CAMERA_FORMAT(str(error), where=self.path) from None
        buffers = self._device.start()
        hz = "" if rate is None else f" at {rate:g} Hz"
        return (
            f"{identity.card} ({identity.driver}, {identity.bus}): {choice.format} "
            f"{choice.width}x{choice.height}{hz}, {buffers} buffers"
        )

    def read(self, timeout_s: float) -> Shot | None:
        """See :class:`Driver`: the newest picture; repeats and damaged ones count as none."""
        taken = self._device.newest(timeout_s)
        if taken is None:
            return None
        self._damaged += taken.damaged
        self._overtaken += taken.overtaken
        return self._shot(taken)

    def reset(self) -> str | None:
        """Reset the USB device behind the camera; what came of it, None where it is on no USB."""
        node = usb_node(self.path)
        return None if node is None else reset_usb(node)

    def close(self) -> None:
        """See :class:`Driver`."""
        self._device.close()

    def _choose(self, offers: Sequence[Offer]) -> Choice:
        own = self._device.own_size()
        if self._thermal is None:
            return choose(offers, self._wish, self.role, own, self.path)
        wish = self._wish
        asked = self._thermal.sizes if wish.size is None else self._thermal.raw_size(wish.size)
        format = wish.format or self._thermal.format
        offered = [offer for offer in offers if offer.format == format]
        size = next((size for size in asked if any(offer.size(size) for offer in offered)), asked[0])
        return choose(offers, Wish(format, size, wish.fps), self.role, own, self.path)

    def _shot(self, taken: Taken) -> Shot | None:
        flags: frozenset[Flag] = frozenset()
        telemetry: dict[str, Any] = {"damaged": self._damaged, "overtaken": self._overtaken}
        shape: tuple[int, ...] = (self._choice.height, self._choice.width)
        write: Callable[[Image], object]
        scale = None
        if self._thermal is not None:
            assert self._layout is not None
            raw, whole = counts_in(taken.data, self._layout)
            part = self._thermal.take_apart(raw)
            if part is None:
                self._repeats += 1
                return None
            kind, shape, scale, flags = PixelFormat.MONO16, part.counts.shape, part.scale, part.flags
            telemetry |= part.telemetry
            write = partial(_copy, part.counts)
        else:
            found = becomes(self._choice.format, self.role)
            assert found is not None
            kind = found
            if self._layout is None:
                write, whole = open_jpeg(
                    taken.data, self._choice.width, self._choice.height, kind is PixelFormat.MONO8
                )
            else:
                whole = taken.data.size >= self._layout.size
                write = partial(decode, taken.data, self._layout)
            shape = (*shape, 3) if kind is PixelFormat.RGB8 else shape
        return Shot(
            shape=shape,
            pixel_format=kind,
            captured_ns=taken.captured_ns,
            time_source=TimeSource.DRIVER if taken.by_driver else TimeSource.ARRIVAL,
            sequence=taken.sequence - self._repeats,  # a repeat is no picture, so it is none that was lost
            write=write,  # type: ignore[arg-type]
            flags=flags if whole else flags | {Flag.CORRUPT},
            counts_to_kelvin=scale,
            telemetry=telemetry,
        )


def _copy(counts: Image, out: Image) -> None:
    out[...] = counts
