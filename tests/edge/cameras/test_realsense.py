"""The RealSense driver on the library's own software device: stamps, pairing, alignment, distance."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras.depth import central_distance
from rigsight.edge.cameras.driver import Shot, make_driver
from rigsight.edge.cameras.realsense import RealSenseDriver, Wish
from rigsight.edge.frames import PixelFormat, TimeSource

DEPTH_SIZE, COLOUR_SIZE = (64, 48), (128, 96)
DEPTH_F, COLOUR_F = 60.0, 120.0


def library() -> Any:
    try:
        return importlib.import_module("pyrealsense2")
    except ImportError as error:
        pytest.skip(f"pyrealsense2 cannot be imported: {error}")


class Software:
    """A device of the library that is fed by the test: depth beside colour, ``baseline_m`` to the right."""

    def __init__(self, baseline_m: float = 0.0) -> None:
        rs = self.rs = library()
        self.device = rs.software_device()
        for key, text in ((rs.camera_info.serial_number, "SW1"), (rs.camera_info.name, "Software")):
            self.device.register_info(key, text)
        self.depths, self.colours = (
            self.device.add_sensor("Stereo Module"),
            self.device.add_sensor("RGB Camera"),
        )
        self.depth_profile = self.depths.add_video_stream(
            self._stream(rs.stream.depth, rs.format.z16, 2, 1, DEPTH_SIZE, DEPTH_F)
        )
        self.colour_profile = self.colours.add_video_stream(
            self._stream(rs.stream.color, rs.format.rgb8, 3, 2, COLOUR_SIZE, COLOUR_F)
        )
        self.depths.add_read_only_option(rs.option.depth_units, 0.001)
        apart = rs.extrinsics()
        apart.rotation, apart.translation = [1, 0, 0, 0, 1, 0, 0, 0, 1], [baseline_m, 0, 0]
        self.depth_profile.register_extrinsics_to(self.colour_profile, apart)

    def _stream(self, stream: Any, kind: Any, bytes_: int, uid: int, size: tuple[int, int], f: float) -> Any:
        inside = self.rs.intrinsics()
        inside.width, inside.height = size
        inside.ppx, inside.ppy, inside.fx, inside.fy = (size[0] - 1) / 2, (size[1] - 1) / 2, f, f
        inside.model, inside.coeffs = self.rs.distortion.none, [0.0] * 5
        made = self.rs.video_stream()
        made.type, made.index, made.uid, made.fps, made.bpp, made.fmt = stream, 0, uid, 30, bytes_, kind
        made.width, made.height, made.intrinsics = size[0], size[1], inside
        return made

    def push_depth(self, counts: np.ndarray, ms: float, number: int, domain: str = "hardware_clock") -> None:
        frame = self._frame(counts, ms, number, domain, self.depth_profile)
        frame.depth_units = 0.001
        self.depths.on_video_frame(frame)

    def push_colour(
        self, picture: np.ndarray, ms: float, number: int, domain: str = "hardware_clock"
    ) -> None:
        self.colours.on_video_frame(self._frame(picture, ms, number, domain, self.colour_profile))

    def _frame(self, pixels: np.ndarray, ms: float, number: int, domain: str, profile: Any) -> Any:
        frame = self.rs.software_video_frame()
        frame.pixels, frame.stride, frame.bpp = pixels, pixels.strides[0], pixels.strides[1]
        frame.timestamp, frame.frame_number = ms, number
        frame.domain = getattr(self.rs.timestamp_domain, domain)
        frame.profile = profile.as_video_stream_profile()
        return frame


def flat(mm: int) -> np.ndarray:
    return np.full(DEPTH_SIZE[::-1], mm, np.uint16)


def grey(value: int) -> np.ndarray:
    return np.full((*COLOUR_SIZE[::-1], 3), value, np.uint8)


@pytest.fixture
def camera() -> Iterator[tuple[Software, RealSenseDriver]]:
    yield from opened(Wish(COLOUR_SIZE, 30, DEPTH_SIZE, per_pixel=True))


@pytest.fixture
def plane_camera() -> Iterator[tuple[Software, RealSenseDriver]]:
    yield from opened(Wish(COLOUR_SIZE, 30, DEPTH_SIZE))


def opened(wish: Wish, baseline_m: float = 0.0) -> Iterator[tuple[Software, RealSenseDriver]]:
    software = Software(baseline_m)
    driver = RealSenseDriver("SW1", wish, lambda: [software.device])
    assert (
        driver.open() == f"Software (SW1): 128x96 at 30 Hz, {'no depth' if not wish.depth else 'depth 64x48'}"
    )
    yield software, driver
    driver.close()
    driver.close()


def read(driver: RealSenseDriver) -> tuple[Shot, np.ndarray]:
    shot = driver.read(2.0)
    assert shot is not None
    picture = np.empty(shot.shape, np.uint8)
    shot.write(picture)
    return shot, picture


def test_colour_and_depth_of_one_instant_travel_together(camera: tuple[Software, RealSenseDriver]) -> None:
    software, driver = camera
    for number in range(30):
        software.push_depth(flat(1500 + number), 1000 + number * 33.3, number)
        picture = grey(number)
        picture[0, 0] = (1, 2, 3)
        software.push_colour(picture, 1001 + number * 33.3, 100 + number)
        shot, got = read(driver)
        assert (got == picture).all(), "RGB order"
        assert (shot.pixel_format, shot.sequence) == (PixelFormat.RGB8, 100 + number)
        assert shot.depth is not None
        assert shot.depth.counts.shape == COLOUR_SIZE[::-1]
        inner = shot.depth.counts[8:-8, 8:-8]
        assert (inner == 1500 + number).all()
        assert shot.depth.metres_per_count == pytest.approx(0.001)
        assert shot.distance_m == pytest.approx(1.5 + number / 1000)
        assert shot.telemetry["distance_share"] == 1.0


def test_depth_is_moved_to_the_colour_picture() -> None:
    """A near square before a far wall: in colour it lies f b / z to the side, here 120 * 0.05 / 1 = 6 px."""
    software, driver = next(iter_ := opened(Wish(COLOUR_SIZE, 30, DEPTH_SIZE, per_pixel=True), 0.05))
    counts = flat(4000)
    counts[20:28, 28:36] = 1000
    software.push_depth(counts, 1000.0, 1)
    software.push_colour(grey(1), 1000.0, 1)
    shot, _ = read(driver)
    assert shot.depth is not None
    rows, columns = np.nonzero(shot.depth.counts == 1000)
    # The square's middle is the depth picture's middle; its scale in colour is 120 / 60.
    assert columns.mean() == pytest.approx(63.5 + 6.0, abs=0.75)
    assert rows.mean() == pytest.approx(47.5, abs=0.75)
    assert len(np.unique(columns)) == pytest.approx(16, abs=2)
    iter_.close()  # type: ignore[attr-defined]


def test_only_the_distance_where_one_plane_is_enough(plane_camera: tuple[Software, RealSenseDriver]) -> None:
    software, driver = plane_camera
    counts = flat(0)
    counts[12:36, 16:48] = 2500
    counts[:4] = 300  # near, but not in the middle
    software.push_depth(counts, 1000.0, 1)
    software.push_colour(grey(7), 1000.0, 1)
    shot, _ = read(driver)
    assert shot.depth is None
    assert shot.distance_m == pytest.approx(2.5)


def test_colour_without_depth_of_its_instant(plane_camera: tuple[Software, RealSenseDriver]) -> None:
    software, driver = plane_camera
    software.push_depth(flat(1000), 1000.0, 1)
    software.push_colour(grey(1), 1100.0, 4)  # three periods later
    shot, _ = read(driver)
    assert (shot.distance_m, shot.depth, dict(shot.telemetry)) == (None, None, {})
    software.push_depth(flat(3000), 1133.0, 5)
    software.push_colour(grey(2), 1133.0, 5)
    assert read(driver)[0].distance_m == pytest.approx(3.0)


def test_a_depth_picture_of_holes_tells_no_distance(plane_camera: tuple[Software, RealSenseDriver]) -> None:
    software, driver = plane_camera
    counts = flat(0)
    counts[24, 30:33] = 900
    software.push_depth(counts, 1000.0, 1)
    software.push_colour(grey(1), 1000.0, 1)
    shot, _ = read(driver)
    assert shot.distance_m is None
    assert 0 < shot.telemetry["distance_share"] < 0.1


def test_stamps_of_the_devices_own_clock(plane_camera: tuple[Software, RealSenseDriver]) -> None:
    """Steps between stamps are the device's, on this machine's clock, whenever they arrive."""
    software, driver = plane_camera
    stamps = []
    for number, late_s in enumerate((0.0, 0.03, 0.0, 0.05)):
        time.sleep(0.0333 + late_s)
        software.push_colour(grey(1), 50_000 + number * 33.0, number)
        shot, _ = read(driver)
        assert shot.time_source is TimeSource.DRIVER
        assert shot.epoch_ns is None
        assert shot.captured_ns <= time.monotonic_ns()
        stamps.append(shot.captured_ns)
    assert np.diff(stamps) == pytest.approx(33e6, abs=1e3)


@pytest.mark.parametrize(
    ("domain", "source"), [("global_time", TimeSource.DRIVER), ("system_time", TimeSource.ARRIVAL)]
)
def test_stamps_of_this_machines_time(
    plane_camera: tuple[Software, RealSenseDriver], domain: str, source: TimeSource
) -> None:
    software, driver = plane_camera
    taken_ms = time.time() * 1000 - 20.0
    before = time.monotonic_ns()
    software.push_colour(grey(1), taken_ms, 1, domain)
    shot, _ = read(driver)
    assert shot.time_source is source
    assert shot.captured_ns == pytest.approx(before - 20e6, abs=5e6)
    assert shot.epoch_ns == pytest.approx(taken_ms * 1e6, abs=1e3)


def test_a_picture_that_comes_while_it_is_waited_for(plane_camera: tuple[Software, RealSenseDriver]) -> None:
    """The library's threads must get through to the driver while it waits."""
    software, driver = plane_camera

    def later() -> None:
        time.sleep(0.2)
        software.push_colour(grey(9), 1000.0, 1)
        time.sleep(0.005)
        software.push_depth(flat(1200), 1002.0, 1)

    thread = threading.Thread(target=later)
    thread.start()
    shot, picture = read(driver)
    thread.join()
    assert (picture == 9).all()
    assert shot.distance_m == pytest.approx(1.2), "depth may come after colour"


def test_silence_is_no_picture(plane_camera: tuple[Software, RealSenseDriver]) -> None:
    assert plane_camera[1].read(0.05) is None


def test_what_the_camera_does_not_offer() -> None:
    software = Software()
    for wish, said in (
        (Wish((640, 480), 30, DEPTH_SIZE), "no colour of 640x480 at 30 Hz; it offers 128x96@30"),
        (Wish(COLOUR_SIZE, 30, (640, 480)), "no depth of 640x480 at 30 Hz; it offers 64x48@30"),
        (Wish(COLOUR_SIZE, 60, None), "it offers 128x96@30"),
    ):
        with pytest.raises(RigsightError, match="CAM-005") as caught:
            RealSenseDriver("any", wish, lambda: [software.device]).open()
        assert said in caught.value.what


def test_the_camera_is_not_there() -> None:
    software = Software()
    with pytest.raises(RigsightError, match="CAM-002.*there are SW1"):
        RealSenseDriver("123", Wish(), lambda: [software.device]).open()
    with pytest.raises(RigsightError, match="CAM-002.*none at all"):
        RealSenseDriver("any", Wish(), list).open()
    assert RealSenseDriver("any", Wish(), list).reset() is None


def test_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    with pytest.raises(RigsightError, match="CAM-008.*pip install pyrealsense2"):
        make_driver("realsense:any", "rgb")

    def no_usb(_: str) -> None:
        raise ImportError("libusb-1.0.so.0: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(importlib, "import_module", no_usb)
    with pytest.raises(RigsightError, match="CAM-008.*apt install libusb-1.0-0"):
        RealSenseDriver("any", Wish()).open()


@pytest.mark.parametrize(
    ("uri", "role"),
    [
        ("realsense:any?size=big", "rgb"),
        ("realsense:any?depth=no&align=pixel", "rgb"),
        ("realsense:any?fps=0", "rgb"),
        ("realsense:any?exposure=3", "rgb"),
        ("realsense:any", "thermal"),
    ],
)
def test_uris_that_are_not_understood(uri: str, role: str) -> None:
    with pytest.raises(RigsightError, match="CAM-001"):
        make_driver(uri, role)


def test_a_uri_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    library()
    driver = make_driver("realsense:f0123?size=640x480&fps=15&depth=no", "rgb")
    assert isinstance(driver, RealSenseDriver)
    assert driver.serial == "f0123"


def test_the_middle_of_a_depth_picture() -> None:
    counts = np.zeros((40, 80), np.uint16)
    counts[10:30, 20:60] = 1000
    counts[10:20, 20:60] = 3000
    assert central_distance(counts, 0.001) == (2.0, 1.0)
    assert central_distance(np.zeros((40, 80), np.uint16), 0.001) == (None, 0.0)
    assert central_distance(np.ones((1, 1), np.uint16), 0.001)[0] == 0.001
