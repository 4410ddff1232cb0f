"""``realsense:SERIAL`` or ``realsense:any``: colour and depth of an Intel RealSense, through its own library.

Needs the package ``pyrealsense2``. The colour picture is the camera's frame. Depth travels with it as one
distance, or with ``align=pixel`` as a picture on the colour picture's pixels as well.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rigsight.base.errors import ErrorCode
from rigsight.edge.cameras import codes
from rigsight.edge.cameras.depth import central_distance
from rigsight.edge.cameras.driver import PlainDriver, Shot
from rigsight.edge.devices.clock import ClockOffset
from rigsight.edge.frames import Depth, Image, PixelFormat, TimeSource
from rigsight.edge.sources.uri import Uri

PACKAGE = "pyrealsense2"
NS_PER_MS = 1_000_000
WAITING = 2
_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: ``depth`` None for none, ``per_pixel`` with a picture besides the distance."""

    size: Size = (1280, 720)
    fps: int = 30
    depth: Size | None = (848, 480)
    per_pixel: bool = False


class RealSenseDriver(PlainDriver):
    """See :class:`rigsight.edge.cameras.driver.Driver`."""

    def __init__(self, serial: str, wish: Wish, find: Callable[[], Iterable[Any]] | None = None) -> None:
        """``find`` lists devices of the library, those that are plugged in without."""
        self.serial, self._wish, self._find = serial, wish, find
        self._sensors: list[Any] = []
        self._device: Any = None
        self._clock = ClockOffset()
        self._depth: Any = None  # the newest depth frame

    @classmethod
    def from_uri(cls, uri: Uri, role: str) -> RealSenseDriver:
        """Options: ``size`` (1280x720), ``fps`` (30), ``depth`` (848x480, ``no``), ``align`` (plane, pixel).

        Raises:
            RigsightError: CAM-001, CAM-008.
        """
        uri.check(("size", "fps", "depth", "align"))
        if role != "rgb":
            raise codes.BAD_CAMERA_URI(f"its pictures are colour, they cannot be '{role}'", where=uri.text)
        wish = Wish()
        size, depth = _size(uri, "size", wish.size), None
        if uri.options.get("depth") != "no":
            depth = _size(uri, "depth", wish.depth or size)
        per_pixel = uri.choice("align", ("plane", "pixel"), "plane") == "pixel"
        if per_pixel and depth is None:
            raise uri.bad("align", "possible without depth")
        fps = uri.integer("fps", wish.fps, low=1)
        library()
        return cls(uri.path, Wish(size, fps, depth, per_pixel))

    def open(self) -> str:
        """See :class:`Driver`. Raises CAM-002, CAM-004, CAM-005, CAM-008."""
        rs = library()
        with _said(codes.CAMERA_ABSENT, self.serial):
            self._device = self._chosen(rs)
        wanted = [(rs.stream.color, rs.format.rgb8, self._wish.size)]
        if self._wish.depth is not None:
            wanted.append((rs.stream.depth, rs.format.z16, self._wish.depth))
        self._colours, self._depths = rs.frame_queue(WAITING, True), rs.frame_queue(2 * WAITING, True)
        by_sensor: dict[int, tuple[Any, list[Any]]] = {}
        sensors = list(self._device.query_sensors())
        for stream, kind, size in wanted:
            number, profile = self._profile(sensors, stream, kind, size)
            by_sensor.setdefault(number, (sensors[number], []))[1].append(profile)
        self._align, self._joined = rs.align(rs.stream.color), rs.frame_queue(1, True)
        self._join = rs.processing_block(self._pair_up)
        self._join.start(self._joined)
        colour_stream = rs.stream.color

        def sort(frame: Any) -> None:
            is_colour = frame.get_profile().stream_type() == colour_stream
            (self._colours if is_colour else self._depths).enqueue(frame)

        with _said(codes.CAMERA_BUSY, self.serial):
            for sensor, profiles in by_sensor.values():
                sensor.open(profiles if len(profiles) > 1 else profiles[0])
                self._sensors.append(sensor)
                sensor.start(sort)
        depth = "no depth" if self._wish.depth is None else f"depth {_text(self._wish.depth)}"
        name = self._device.get_info(rs.camera_info.name)
        number_of = self._device.get_info(rs.camera_info.serial_number)
        return f"{name} ({number_of}): {_text(self._wish.size)} at {self._wish.fps} Hz, {depth}"

    def read(self, timeout_s: float) -> Shot | None:
        """See :class:`Driver`. Raises CAM-006."""
        found, colour = self._colours.try_wait_for_frame(max(1, round(timeout_s * 1000)))
        if not found:
            if not self._device.is_connected():
                raise codes.CAMERA_LOST("the RealSense is not connected any more", where=self.serial)
            return None
        captured_ns, source, epoch_ns = self._stamp(colour)
        picture = np.asanyarray(colour.get_data())
        telemetry: dict[str, Any] = {}
        depth, distance_m = None, None
        partner = self._partner(colour)
        if partner is not None:
            if self._wish.per_pixel:
                partner = self._on_colour(partner, colour)
            counts, unit = np.asanyarray(partner.get_data()), float(partner.get_units())
            distance_m, share = central_distance(counts, unit)
            telemetry = {"distance_m": distance_m, "distance_share": round(share, 3)}
            depth = Depth(counts, unit) if self._wish.per_pixel else None

        def write(out: Image) -> None:
            out[...] = picture

        return Shot(
            shape=picture.shape,
            pixel_format=PixelFormat.RGB8,
            captured_ns=captured_ns,
            time_source=source,
            sequence=int(colour.get_frame_number()),
            write=write,
            epoch_ns=epoch_ns,
            telemetry=telemetry,
            distance_m=distance_m,
            depth=depth,
        )

    def reset(self) -> str | None:
        """Have the device start anew, as if plugged in again; what was done, None where it is not there."""
        try:
            self._chosen(library()).hardware_reset()
        except Exception:  # whatever the library says, opening says it better
            return None
        return "the RealSense was told to start anew"

    def command(self, words: Mapping[str, Any]) -> None:
        """None yet."""

    def close(self) -> None:
        """See :class:`Driver`."""
        for sensor in self._sensors:
            with contextlib.suppress(RuntimeError):
                sensor.stop()
            with contextlib.suppress(RuntimeError):
                sensor.close()
        self._sensors.clear()
        self._depth = None

    def _chosen(self, rs: Any) -> Any:
        devices = list(rs.context().query_devices() if self._find is None else self._find())
        numbers = [device.get_info(rs.camera_info.serial_number) for device in devices]
        for device, number in zip(devices, numbers, strict=True):
            if self.serial in ("any", number):
                return device
        there = f"there are {', '.join(numbers)}" if numbers else "there is none at all"
        raise codes.CAMERA_ABSENT(
            f"no RealSense '{self.serial}', {there}",
            where="realsense:",
            fix="Plug it into USB 3; others than root need librealsense's 99-realsense-libusb.rules in udev.",
        )

    def _profile(self, sensors: list[Any], stream: Any, kind: Any, size: Size) -> tuple[int, Any]:
        """The sensor's number and its profile of that stream. Raises CAM-005."""
        offered: set[str] = set()
        for number, sensor in enumerate(sensors):
            for profile in sensor.get_stream_profiles():
                if profile.stream_type() != stream or profile.format() != kind:
                    continue
                video = profile.as_video_stream_profile()
                if (video.width(), video.height()) == size and profile.fps() == self._wish.fps:
                    return number, profile
                offered.add(f"{video.width()}x{video.height()}@{profile.fps()}")
        name = "colour" if stream.name == "color" else stream.name
        listed = ", ".join(sorted(offered)) or "none"
        raise codes.CAMERA_FORMAT(
            f"no {name} of {_text(size)} at {self._wish.fps} Hz; it offers {listed}", where=self.serial
        )

    def _stamp(self, frame: Any) -> tuple[int, TimeSource, int | None]:
        """On CLOCK_MONOTONIC, who stamped it, and nanoseconds since 1970 where the device keeps that time."""
        arrival_ns, domain = time.monotonic_ns(), frame.get_frame_timestamp_domain().name
        stamp_ns = round(frame.get_timestamp() * NS_PER_MS)
        if domain == "hardware_clock":
            return self._clock.rig_ns(stamp_ns, arrival_ns), TimeSource.DRIVER, None
        rig_ns = stamp_ns - (time.time_ns() - time.monotonic_ns())
        if domain == "global_time":
            return rig_ns, TimeSource.DRIVER, stamp_ns
        return rig_ns, TimeSource.ARRIVAL, stamp_ns

    def _partner(self, colour: Any) -> Any:
        """The depth frame of the same instant, within half a period, waited for as long; None without one."""
        if self._wish.depth is None:
            return None
        half_ms = 500 / self._wish.fps
        wanted = colour.get_timestamp()
        deadline = time.monotonic() + half_ms / 1000
        while True:
            if self._depth is not None:
                ahead = self._depth.get_timestamp() - wanted
                if abs(ahead) <= half_ms:
                    return self._depth
                if ahead > 0:
                    return None
            left_ms = round((deadline - time.monotonic()) * 1000)
            found, frame = self._depths.try_wait_for_frame(max(1, left_ms))
            if found:
                self._depth = frame.as_depth_frame()
            elif left_ms <= 1:
                return None

    def _on_colour(self, depth: Any, colour: Any) -> Any:
        self._depth_to_join = depth
        self._join.invoke(colour)
        pair = self._joined.wait_for_frame(1000).as_frameset()
        return self._align.process(pair).get_depth_frame()

    def _pair_up(self, colour: Any, source: Any) -> None:
        source.frame_ready(source.allocate_composite_frame([self._depth_to_join, colour]))


def library() -> Any:
    """The package. Raises RigsightError CAM-008 where it cannot be imported."""
    try:
        return importlib.import_module(PACKAGE)
    except ImportError as error:
        usb = "libusb" in str(error)
        raise codes.PART_MISSING(
            f"{PACKAGE} cannot be imported: {error}",
            where="realsense:",
            fix="sudo apt install libusb-1.0-0" if usb else f"pip install {PACKAGE}",
        ) from error


def connected() -> list[str]:
    """Name, URI and USB type of every RealSense: "Intel RealSense D435 (realsense:0123), USB 3.2".

    Raises:
        RigsightError: CAM-008 where the package cannot be imported.
    """
    rs = library()
    info = rs.camera_info
    return [
        f"{device.get_info(info.name)} (realsense:{device.get_info(info.serial_number)}), "
        f"USB {device.get_info(info.usb_type_descriptor)}"
        for device in rs.context().query_devices()
    ]


def _size(uri: Uri, key: str, default: Size) -> Size:
    if key not in uri.options:
        return default
    found = _SIZE.fullmatch(uri.options[key])
    if found is None:
        raise uri.bad(key, "a size such as 848x480")
    return int(found[1]), int(found[2])


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


@contextlib.contextmanager
def _said(otherwise: ErrorCode, serial: str) -> Iterator[None]:
    """The library's own errors as one of ours."""
    try:
        yield
    except RuntimeError as error:
        words = str(error).lower()
        if "permission" in words or "access" in words:
            otherwise = codes.CAMERA_FORBIDDEN
        elif "busy" in words:
            otherwise = codes.CAMERA_BUSY
        elif "disconnected" in words or "no device" in words:
            otherwise = codes.CAMERA_ABSENT
        raise otherwise(f"librealsense says: {error}", where=f"realsense:{serial}") from error
