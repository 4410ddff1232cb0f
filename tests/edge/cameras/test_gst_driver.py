"""The GStreamer driver on real pipelines; without GStreamer these tests are skipped and say so."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras.driver import Shot, make_driver
from rigsight.edge.cameras.gst import library as api
from rigsight.edge.cameras.gst.driver import GstDriver, gst_uri
from rigsight.edge.cameras.gst.packages import package_of
from rigsight.edge.cameras.listing import look_at_gstreamer
from rigsight.edge.capture.camera import Camera
from rigsight.edge.frames import Image, PixelFormat, TimeSource
from rigsight.edge.profile import CameraSettings


def reason() -> str:
    try:
        gst = api.library()
        gst.start()
    except RigsightError as error:
        return error.line()
    lacking = [name for name in ("videotestsrc", "appsink", "videoconvert", "jpegdec") if not gst.has(name)]
    return f"GStreamer lacks {', '.join(lacking)}" if lacking else ""


WHY_NOT = reason()
needs_gstreamer = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
Open = Callable[..., GstDriver]
LIVE = "videotestsrc is-live=true ! video/x-raw,format=RGB,width=160,height=120,framerate=30/1"


@pytest.fixture
def opened() -> Iterator[Open]:
    made: list[GstDriver] = []

    def open_(text: str, role: str = "rgb") -> GstDriver:
        driver = make_driver(gst_uri("test", text), role)
        assert isinstance(driver, GstDriver)
        made.append(driver)
        driver.open()
        return driver

    yield open_
    for driver in made:
        driver.close()


def shot_of(driver: GstDriver) -> Shot:
    shot = driver.read(5.0)
    assert shot is not None
    return shot


def pixels(shot: Shot) -> Image:
    out = np.full(shot.shape, 77, np.uint16 if shot.pixel_format is PixelFormat.MONO16 else np.uint8)
    shot.write(out)
    return out


def solid(colour: int, caps: str) -> str:
    return f"videotestsrc is-live=true pattern=solid-color foreground-color={colour} ! video/x-raw,{caps}"


@needs_gstreamer
@pytest.mark.parametrize("width", [160, 161, 162, 163])
@pytest.mark.parametrize("format", ["RGB", "BGR", "BGRx"])
def test_colours_come_exactly_whatever_the_rows_padding(opened: Open, format: str, width: int) -> None:
    shot = shot_of(opened(solid(0xFF0A64C8, f"format={format},width={width},height=12,framerate=30/1")))
    assert (shot.shape, shot.pixel_format) == ((12, width, 3), PixelFormat.RGB8)
    assert (pixels(shot) == (0x0A, 0x64, 0xC8)).all()


@needs_gstreamer
@pytest.mark.parametrize("width", [160, 162])
@pytest.mark.parametrize("format", ["NV12", "I420", "YUY2", "UYVY"])
def test_subsampled_colours_come_within_rounding(opened: Open, format: str, width: int) -> None:
    shot = shot_of(opened(solid(0xFF0A64C8, f"format={format},width={width},height=12,framerate=30/1")))
    assert np.abs(pixels(shot).astype(int) - (0x0A, 0x64, 0xC8)).max() <= 3


@needs_gstreamer
def test_sixteen_bits_stay_sixteen_bits(opened: Open) -> None:
    rows = (
        "videotestsrc is-live=true pattern=gradient ! video/x-raw,format={},width=61,height=64,framerate=30/1"
    )
    little = pixels(shot_of(opened(rows.format("GRAY16_LE"), "thermal")))
    big = pixels(shot_of(opened(rows.format("GRAY16_BE"), "thermal")))
    eight = pixels(shot_of(opened(rows.format("GRAY8"), "thermal")))
    assert (little.dtype, eight.dtype) == (np.uint16, np.uint8)
    np.testing.assert_array_equal(little, big)
    np.testing.assert_array_equal(little, eight.astype(np.uint16) * 257)  # as videotestsrc widens its values
    assert len(np.unique(little)) > 50


@needs_gstreamer
def test_a_thermal_camera_that_sends_colour_gives_luminance(opened: Open) -> None:
    shot = shot_of(opened(solid(0xFFFFFFFF, "format=NV12,width=160,height=12,framerate=30/1"), "thermal"))
    assert shot.pixel_format is PixelFormat.MONO8
    assert (pixels(shot) == 235).all()


@needs_gstreamer
def test_times_are_this_machines_monotonic_clock(opened: Open) -> None:
    driver = opened(LIVE)
    ages, stamps, counts = [], [], []
    for _ in range(20):
        shot = shot_of(driver)
        ages.append(time.monotonic_ns() - shot.captured_ns)
        assert shot.time_source is TimeSource.DRIVER
        stamps.append(shot.captured_ns)
        counts.append(shot.sequence)
    assert min(ages) >= 0, "nothing is taken in the future"
    assert min(ages) < 100_000_000, "even on a busy machine one of twenty is read soon"
    assert stamps == sorted(set(stamps))
    steps = np.diff(stamps) / np.diff(counts)
    np.testing.assert_allclose(steps, 1e9 / 30, atol=2e6)


@needs_gstreamer
@pytest.mark.parametrize("behind", ["", " ! jpegenc ! jpegdec"])
def test_pictures_that_were_not_read_are_gaps_in_the_count(opened: Open, behind: str) -> None:
    driver = opened(LIVE + behind)
    first = shot_of(driver).sequence
    time.sleep(0.5)
    shot_of(driver)  # the one that waited
    assert shot_of(driver).sequence - first >= 10


@needs_gstreamer
def test_a_file_like_source_is_stamped_on_arrival(opened: Open) -> None:
    driver = opened("videotestsrc ! video/x-raw,format=RGB,width=32,height=32,framerate=30/1")
    before = 0
    for _ in range(5):
        shot = shot_of(driver)
        assert shot.time_source is TimeSource.ARRIVAL
        assert before < shot.captured_ns <= time.monotonic_ns()
        before = shot.captured_ns


@needs_gstreamer
def test_the_end_of_a_pipeline_is_a_lost_camera(opened: Open) -> None:
    driver = opened(LIVE.replace("is-live=true", "is-live=true num-buffers=3"))
    with pytest.raises(RigsightError, match="CAM-006: the pipeline has ended"):
        for _ in range(50):
            driver.read(0.2)


WRONG = [
    ("videotestsrc ! frobnicate", "CAM-008", "no element 'frobnicate'"),
    ("videotestsrc foo=3", "CAM-001", 'no property "foo"'),
    ("videotestsrc ! ! videoconvert", "CAM-001", "syntax error"),
    ("videotestsrc ! appsink", "CAM-001", "another name"),
    ("filesrc location=/not/there ! jpegdec", "CAM-002", "Resource not found"),
    ("videotestsrc ! jpegenc", "CAM-005", "videoconvert"),
    ("videotestsrc ! video/x-raw,format=GRAY16_LE", "CAM-005", "agree on no format"),
    ("audiotestsrc", "CAM-005", "agree on no format"),
]


@needs_gstreamer
@pytest.mark.parametrize(("text", "code", "words"), WRONG)
def test_wrong_pipelines_are_one_line(opened: Open, text: str, code: str, words: str) -> None:
    with pytest.raises(RigsightError) as caught:
        opened(text)
    assert caught.value.code == code
    assert words in caught.value.line()
    assert "gst:test" in caught.value.line()


@needs_gstreamer
def test_missing_elements_of_a_jetson_name_its_package(opened: Open) -> None:
    if api.library().has("nvarguscamerasrc"):
        pytest.skip("this is a Jetson: the element is there")
    with pytest.raises(RigsightError, match="CAM-008.*sudo apt install nvidia-l4t-gstreamer"):
        opened("nvarguscamerasrc ! nvvidconv ! video/x-raw,format=BGRx")


CODECS = {
    "jpeg": ("jpegenc", "jpegdec"),
    "vp8": ("vp8enc deadline=1", "vp8dec"),
    "x264": ("x264enc tune=zerolatency", "avdec_h264"),
    "openh264": ("openh264enc", "openh264dec"),
}


@needs_gstreamer
@pytest.mark.parametrize("codec", CODECS)
def test_pictures_survive_codecs(opened: Open, codec: str) -> None:
    encoder, decoder = CODECS[codec]
    lacking = [name for name in (encoder.split()[0], decoder) if not api.library().has(name)]
    if lacking:
        packages = {package_of(name) for name in lacking}
        pytest.skip(f"GStreamer lacks {', '.join(lacking)} (apt: {packages})")
    text = solid(0xFF0A64C8, "format=I420,width=160,height=120,framerate=30/1")
    shot = shot_of(opened(f"{text} ! {encoder} ! {decoder} ! videoconvert"))
    assert shot.time_source is TimeSource.DRIVER
    assert np.abs(pixels(shot).astype(int) - (0x0A, 0x64, 0xC8)).max() <= 6


@needs_gstreamer
def test_a_stream_from_the_network_is_live_and_its_silence_is_no_end() -> None:
    """JPEG over RTP, sent by another pipeline of this process."""
    lacking = [name for name in ("rtpjpegpay", "udpsink", "udpsrc") if not api.library().has(name)]
    if lacking:
        pytest.skip(f"GStreamer lacks {', '.join(lacking)}")
    gst = api.library()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = solid(0xFF0A64C8, "format=I420,width=160,height=120,framerate=30/1")
    sent = f"{text} ! jpegenc ! rtpjpegpay ! udpsink host=127.0.0.1 port={port}"
    caps = "application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26"
    received = f"udpsrc address=127.0.0.1 port={port} caps={caps} ! rtpjitterbuffer latency=20"
    sender = gst.gst_parse_launch(sent.encode(), None)
    driver = GstDriver("camera", f"{received} ! rtpjpegdepay ! jpegdec", "rgb")
    try:
        gst.gst_element_set_state(sender, api.PLAYING)
        driver.open()
        stamps = []
        for _ in range(10):
            shot = shot_of(driver)
            assert shot.time_source is TimeSource.DRIVER
            assert np.abs(pixels(shot).astype(int) - (0x0A, 0x64, 0xC8)).max() <= 6
            stamps.append(shot.captured_ns)
        assert stamps == sorted(set(stamps))
        gst.gst_element_set_state(sender, api.NULL)
        while driver.read(0.5) is not None:
            pass
        assert driver.read(0.1) is None, "whether that is too long is the capture's to say"
    finally:
        driver.close()
        gst.gst_element_set_state(sender, api.NULL)
        gst.gst_object_unref(sender)


@needs_gstreamer
def test_a_sink_of_ones_own_is_taken(opened: Open) -> None:
    text = f"{LIVE} ! tee name=t t. ! queue ! fakesink t. ! queue ! appsink name=rigsight sync=false"
    assert pixels(shot_of(opened(text))).shape == (120, 160, 3)


@needs_gstreamer
def test_nothing_is_left_when_it_is_closed() -> None:
    """GStreamer's own tracer lists every object that is still alive at the end."""
    code = (
        "from rigsight.base.errors import RigsightError\n"
        "from rigsight.edge.cameras.driver import make_driver\n"
        "from rigsight.edge.cameras.gst import library as api\n"
        "from rigsight.edge.cameras.gst.driver import gst_uri\n"
        "import numpy as np, sys\n"
        "for text in sys.argv[1:]:\n"
        "    driver = make_driver(gst_uri('test', text), 'rgb')\n"
        "    try:\n"
        "        driver.open()\n"
        "        for _ in range(30):\n"
        "            shot = driver.read(1.0)\n"
        "            out = np.zeros(shot.shape, np.uint8)\n"
        "            shot.write(out)\n"
        "    except RigsightError as error:\n"
        "        print(error.code)\n"
        "    driver.close()\n"
        "api.library().gst_caps_from_string(b'video/x-left')\n"  # so that the tracer is seen to work
        "api.library().gst_deinit()\n"
    )
    texts = [
        LIVE,
        LIVE.replace("is-live=true", "is-live=true num-buffers=5"),
        *(text for text, _, _ in WRONG),
    ]
    environment = {
        **os.environ,
        "GST_TRACERS": "leaks",
        "GST_DEBUG": "GST_TRACER:7",
        "GST_DEBUG_NO_COLOR": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *texts], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["CAM-006", *(code for _, code, _ in WRONG)]
    alive = [line for line in done.stderr.splitlines() if "object-alive, type-name=(string)G" in line]
    assert len(alive) == 1, "\n".join(alive)
    assert "video/x-left" in alive[0]


@needs_gstreamer
def test_through_the_process_that_captures() -> None:
    settings = CameraSettings(uri="gst:front", pipeline=f"{LIVE} ! videoconvert ! video/x-raw,format=BGRx")
    with Camera(settings.whole_uri(), "rgb") as camera:
        before = 0
        for _ in range(10):
            frame = camera.next_frame(15.0)
            assert frame.data.shape == (120, 160, 3)
            assert frame.time_source is TimeSource.DRIVER
            assert before < frame.captured_ns <= time.monotonic_ns()
            before = frame.captured_ns
            frame.release()
        assert "GStreamer" in camera.description
        assert "BGRX 160x120 at 30 Hz, live" in camera.description
        assert not camera.restarts


@needs_gstreamer
def test_a_pipeline_that_ends_is_started_again() -> None:
    text = LIVE.replace("is-live=true", "is-live=true num-buffers=8")
    with Camera(gst_uri("front", text), "rgb") as camera:
        end = time.monotonic() + 20
        frames = 0
        while frames < 10 and time.monotonic() < end:
            camera.next_frame(15.0).release()
            frames += 1
        assert camera.restarts >= 1
        assert any("the pipeline has ended" in change.reason for change in camera.states.changes())


@needs_gstreamer
def test_a_text_that_is_wrong_ends_the_camera_with_its_line() -> None:
    camera = Camera(gst_uri("front", "videotestsrc foo=3"), "rgb")
    with camera, pytest.raises(RigsightError, match='CAM-001.*no property "foo"'):
        camera.next_frame(15.0)


@needs_gstreamer
def test_what_gstreamer_lacks_is_listed_with_the_command() -> None:
    found = look_at_gstreamer(jetson=True, elements=("videoconvert", "nvarguscamerasrc", "nonsense"))
    assert found.version.startswith("GStreamer 1.")
    assert "videoconvert" not in found.missing
    if "nvarguscamerasrc" in found.missing:
        assert found.fix == "sudo apt install nvidia-l4t-gstreamer"


def test_without_the_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_FUNCTIONS", {"libgstreamer-0.1-not-there.so.0": {}})
    with pytest.raises(RigsightError, match="CAM-008.*not installed.*sudo apt install .*plugins-base"):
        api.GStreamer()


def test_a_name_without_a_text_is_refused() -> None:
    for uri in ("gst:front", "gst:front?pipeline=", "gst:front?pipeline=%20"):
        with pytest.raises(RigsightError, match="CAM-001: there is no pipeline for 'front'.*profile"):
            make_driver(uri, "rgb")
    with pytest.raises(RigsightError, match="knows no option 'text'"):
        make_driver("gst:front?text=x", "rgb")


def test_packages_of_elements_are_those_of_debian() -> None:
    """As Debian 12 and JetPack 6 pack them."""
    known = {
        "videotestsrc": "gstreamer1.0-plugins-base", "videoconvert": "gstreamer1.0-plugins-base",
        "appsink": "gstreamer1.0-plugins-base", "rawvideoparse": "gstreamer1.0-plugins-base",
        "decodebin": "gstreamer1.0-plugins-base", "rtspsrc": "gstreamer1.0-plugins-good",
        "jpegdec": "gstreamer1.0-plugins-good", "v4l2src": "gstreamer1.0-plugins-good",
        "rtph264depay": "gstreamer1.0-plugins-good", "udpsrc": "gstreamer1.0-plugins-good",
        "h264parse": "gstreamer1.0-plugins-bad", "openh264dec": "gstreamer1.0-plugins-bad",
        "nvh264dec": "gstreamer1.0-plugins-bad", "avdec_h264": "gstreamer1.0-libav",
        "x264enc": "gstreamer1.0-plugins-ugly", "nvarguscamerasrc": "nvidia-l4t-gstreamer",
        "nvv4l2decoder": "nvidia-l4t-gstreamer", "queue": "libgstreamer1.0-0",
    }  # fmt: skip
    for element, package in known.items():
        assert package_of(element) == package, element
