"""The V4L2 driver against a kernel that keeps books; no real device has been there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from time import monotonic_ns
from typing import Any

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras.driver import Shot, make_driver
from rigsight.edge.cameras.listing import list_cameras
from rigsight.edge.cameras.v4l2 import device as device_module
from rigsight.edge.cameras.v4l2.driver import V4l2Driver
from rigsight.edge.cameras.v4l2.kernel import Linux
from rigsight.edge.cameras.v4l2.usb import reset_usb, usb_node
from rigsight.edge.frames import Flag, Image, PixelFormat, TimeSource
from rigsight.edge.sources.uri import parse_uri
from tests.edge.cameras.fake_kernel import ERROR, MONOTONIC, FakeCamera, FakeKernel
from tests.edge.cameras.test_thermal_frames import lepton_frame

PATH = "/dev/video0"
BOSON = {"Y16": {(640, 512): (60, 30)}, "YU12": {(640, 512): (60, 30)}}
WEBCAM = {
    "YUYV": {(640, 480): (30, 15), (1920, 1080): (5,)},
    "MJPG": {(640, 480): (30,), (1920, 1080): (30, 15)},
}
TINY = {"GREY": {(8, 4): (30,)}}


def driver(camera: FakeCamera, query: str = "", role: str = "thermal") -> tuple[V4l2Driver, FakeKernel]:
    made = V4l2Driver.from_uri(parse_uri(f"v4l2:{PATH}{query}", ["v4l2"]), role)
    kernel = FakeKernel({PATH: camera})
    made._device = device_module.CaptureDevice(PATH, kernel)
    return made, kernel


def pixels(shot: Shot) -> Image:
    out = np.zeros(shot.shape, np.uint16 if shot.pixel_format is PixelFormat.MONO16 else np.uint8)
    shot.write(out)
    return out


def grey(value: int) -> bytes:
    return bytes([value]) * 32


def refused(camera: FakeCamera, query: str = "", role: str = "thermal") -> RigsightError:
    made, kernel = driver(camera, query, role)
    with pytest.raises(RigsightError) as caught:
        made.open()
    made.close()
    assert not kernel.open_files, "a failed opening leaves nothing open"
    return caught.value


def test_counts_come_whole_with_the_kernels_time_and_count() -> None:
    camera = FakeCamera(BOSON, card="Boson: FLIR Video")
    made, kernel = driver(camera, "?format=Y16&size=640x512&fps=30")
    assert made.open() == (
        "Boson: FLIR Video (uvcvideo, usb-0000:00:14.0-2): Y16 640x512 at 30 Hz, 4 buffers"
    )
    assert camera.log == ["S_FMT Y16 640x512", "S_PARM 30", "REQBUFS 4", "STREAMON"]
    counts = np.random.default_rng(0).integers(0, 1 << 16, (512, 640), np.uint16)
    for number in range(10):
        stamp = monotonic_ns() - 3_000_000
        camera.take_picture((counts + np.uint16(number)).astype("<u2").tobytes(), stamp_ns=stamp)
        shot = made.read(0.1)
        assert shot is not None
        assert (shot.sequence, shot.time_source) == (number, TimeSource.DRIVER)
        assert shot.captured_ns == stamp // 1000 * 1000, "timeval has microseconds"
        np.testing.assert_array_equal(pixels(shot), counts + np.uint16(number))
        assert not shot.flags
        assert shot.counts_to_kelvin is None
    assert made.read(0.0) is None
    made.close()
    made.close()
    assert camera.log[-1] == "STREAMOFF"
    assert not kernel.open_files
    assert camera.owner is None


def test_the_newest_is_read_and_the_older_go_back() -> None:
    camera = FakeCamera(TINY)
    made, _ = driver(camera)
    made.open()
    for value in range(3):
        camera.take_picture(grey(value))
    shot = made.read(0.1)
    assert shot is not None
    assert (shot.sequence, pixels(shot)[0, 0]) == (2, 2)
    assert shot.telemetry == {"damaged": 0, "overtaken": 2}
    assert len(camera.queue) == 3, "all but the one that is read can be filled"
    for value in range(3, 9):
        camera.take_picture(grey(value))
    assert pixels(shot)[0, 0] == 2, "what is read is not written meanwhile"
    shot = made.read(0.1)
    assert shot is not None
    assert (shot.sequence, pixels(shot)[0, 0]) == (5, 5), "6 to 8 found no buffer and are gaps in the count"
    assert len(camera.queue) == 3
    camera.take_picture(grey(9))
    shot = made.read(0.1)
    assert shot is not None
    assert (shot.sequence, pixels(shot)[0, 0]) == (9, 9)


def test_damaged_and_empty_buffers_are_skipped_and_counted() -> None:
    camera = FakeCamera(TINY)
    made, _ = driver(camera)
    made.open()
    camera.take_picture(grey(1))
    camera.take_picture(grey(2), MONOTONIC | ERROR)
    camera.take_picture(b"")
    shot = made.read(0.1)
    assert shot is not None
    assert pixels(shot)[0, 0] == 1
    assert shot.telemetry["damaged"] == 2
    camera.take_picture(grey(3), ERROR)
    assert made.read(0.0) is None
    assert len(camera.queue) == 4
    camera.take_picture(grey(4)[:20])
    shot = made.read(0.1)
    assert shot is not None
    assert shot.flags == {Flag.CORRUPT}
    assert pixels(shot).tolist()[2:] == [[4, 4, 4, 4, 0, 0, 0, 0], [0] * 8]


@pytest.mark.parametrize("what", ["unknown clock", "future", "long ago", "zero"])
def test_a_stamp_that_cannot_be_true_is_not_believed(what: str) -> None:
    camera = FakeCamera(TINY)
    made, _ = driver(camera)
    made.open()
    now = monotonic_ns()
    stamp = {"unknown clock": now, "future": now + 10**10, "long ago": now - 10**11, "zero": 0}[what]
    camera.take_picture(grey(1), 0 if what == "unknown clock" else MONOTONIC, stamp)
    shot = made.read(0.1)
    assert shot is not None
    assert shot.time_source is TimeSource.ARRIVAL
    assert now <= shot.captured_ns <= monotonic_ns()


def test_the_count_goes_on_over_its_wrap_and_where_a_driver_does_not_count() -> None:
    camera = FakeCamera(TINY, sequence=(1 << 32) - 3)
    made, _ = driver(camera)
    made.open()
    seen = []
    for value in range(4):
        camera.take_picture(grey(value))
        shot = made.read(0.1)
        assert shot is not None
        seen.append(shot.sequence)
    assert seen == list(range((1 << 32) - 2, (1 << 32) + 2))
    camera = FakeCamera(TINY)
    made, _ = driver(camera)
    made.open()
    seen = []
    for value in range(4):
        camera.sequence = -1
        camera.take_picture(grey(value))
        shot = made.read(0.1)
        assert shot is not None
        seen.append(shot.sequence)
    assert seen == [0, 1, 2, 3]


def test_an_unplugged_camera_is_lost() -> None:
    camera = FakeCamera(TINY)
    made, kernel = driver(camera)
    made.open()
    camera.take_picture(grey(1))
    assert made.read(0.1) is not None
    camera.plugged = False
    with pytest.raises(RigsightError, match="CAM-006: No such device .*/dev/video0"):
        made.read(0.1)
    made.close()
    assert not kernel.open_files


def test_what_keeps_a_camera_from_opening_is_named() -> None:
    assert refused(FakeCamera(TINY, plugged=False)).code == "CAM-002"
    error = refused(FakeCamera(TINY, forbidden=True))
    assert error.code == "CAM-003"
    assert "usermod -aG video" in error.fix
    error = refused(FakeCamera(TINY, refuses_stream=errno.ENOSPC))
    assert error.code == "CAM-009"
    assert "USB" in error.line()
    error = refused(FakeCamera(TINY, capabilities=0x04800000))
    assert error.code == "CAM-002"
    assert "metadata" in error.what
    assert "gst:" in refused(FakeCamera(TINY, capabilities=0x04001000)).what
    assert refused(FakeCamera(TINY, most_buffers=1)).code == "CAM-006"


def test_a_second_reader_is_told_that_the_camera_is_taken() -> None:
    camera = FakeCamera(TINY)
    first, kernel = driver(camera)
    first.open()
    second, _ = driver(camera)
    second._device = device_module.CaptureDevice(PATH, kernel)
    with pytest.raises(RigsightError, match="CAM-004: another program uses it .*fuser -v /dev/video0"):
        second.open()
    second.close()
    camera.take_picture(grey(5))
    shot = first.read(0.1)
    assert shot is not None, "the first goes on"
    first.close()
    second.open()
    second.close()


def test_formats_that_are_not_offered_are_answered_with_those_that_are() -> None:
    error = refused(FakeCamera(BOSON), "?format=YUYV")
    assert error.line().startswith("CAM-005: YUYV is not among Y16, YU12 [/dev/video0]")
    assert "320x256 is not among Y16: 640x512" in refused(FakeCamera(BOSON), "?format=Y16&size=320x256").what
    assert (
        "9 Hz is not among Y16: 640x512 at 60, 30 Hz" in refused(FakeCamera(BOSON), "?fps=9&format=Y16").what
    )
    assert "Y16 is not read for rgb" in refused(FakeCamera(BOSON), "?format=Y16", "rgb").what
    assert "it offers H264 for rgb" in refused(FakeCamera({"H264": {(8, 8): (30,)}}), "", "rgb").what


def test_a_driver_that_sets_something_else_is_not_followed() -> None:
    """The list says it, S_FMT does not do it: pictures of another size would be torn ones."""
    camera = FakeCamera({"GREY": {(8, 4): (30,), (16, 8): (30,)}})
    made, kernel = driver(camera, "?size=16x8")
    plain = kernel._s_fmt

    def stubborn(descriptor: int, camera: FakeCamera, raw: Any) -> None:
        plain(descriptor, camera, raw)
        camera.now = ("GREY", 8, 4)
        kernel._g_fmt(descriptor, camera, raw)

    kernel._s_fmt = stubborn  # type: ignore[method-assign]
    with pytest.raises(RigsightError, match="CAM-005: asked for GREY 16x8, the driver set GREY 8x4"):
        made.open()
    made.close()


def test_the_choice_keeps_the_rate_and_loses_least() -> None:
    for query, expected in (
        ("?size=640x480", "YUYV 640x480"),
        ("?size=1920x1080", "MJPG 1920x1080"),  # YUYV manages 5 Hz there
        ("?size=1920x1080&fps=5", "YUYV 1920x1080"),
        ("?format=MJPG&fps=15", "MJPG 1920x1080"),
    ):
        camera = FakeCamera(WEBCAM)
        if "MJPG&" in query:
            camera.now = ("MJPG", 1920, 1080)
        made, _ = driver(camera, query, "rgb")
        assert expected in made.open()
        made.close()


def test_sizes_in_steps_and_rates_that_are_not_told() -> None:
    camera = FakeCamera(TINY, span=(8, 64, 8, 4, 64, 4), rates_told=False)
    made, _ = driver(camera, "?size=24x12&fps=17")
    assert "GREY 24x12" in made.open()
    made.close()
    assert (
        "25x12 is not among GREY: 8x4 to 64x64"
        in refused(FakeCamera(TINY, span=(8, 64, 8, 4, 64, 4)), "?size=25x12").what
    )


def test_padded_rows_are_read_row_by_row() -> None:
    camera = FakeCamera(TINY, padding=3)
    made, _ = driver(camera)
    made.open()
    rows = np.arange(32, dtype=np.uint8).reshape(4, 8)
    camera.take_picture(np.pad(rows, ((0, 0), (0, 3)), constant_values=99).tobytes())
    shot = made.read(0.1)
    assert shot is not None
    np.testing.assert_array_equal(pixels(shot), rows)


def test_motion_jpeg_is_decoded_and_a_torn_one_is_flagged() -> None:
    camera = FakeCamera(WEBCAM)
    made, _ = driver(camera, "?format=MJPG&size=640x480", "rgb")
    made.open()
    picture = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (480, 640, 3), np.uint8), (0, 0), 9)
    data = cv2.imencode(".jpg", picture)[1].tobytes()
    camera.take_picture(data)
    shot = made.read(0.1)
    assert shot is not None
    assert not shot.flags
    np.testing.assert_array_equal(
        pixels(shot)[..., ::-1], cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    )
    camera.take_picture(data[: len(data) // 2])
    shot = made.read(0.1)
    assert shot is not None
    assert shot.flags == {Flag.CORRUPT}
    pixels(shot)


def test_a_leptons_telemetry_becomes_flags_scale_and_gaps_without_repeats() -> None:
    camera = FakeCamera({"Y16": {(160, 120): (9,), (160, 122): (9,)}, "YUYV": {(160, 120): (9,)}})
    made, _ = driver(camera, "?profile=lepton&size=160x120")
    assert "Y16 160x122 at 9 Hz" in made.open()
    seen = []
    for counter in (5, 5, 5, 6, 6, 6, 7):
        camera.take_picture(lepton_frame(counter, 0x20 if counter == 6 else 0x30).astype("<u2").tobytes())
        shot = made.read(0.1)
        seen.append(shot)
    new = [shot for shot in seen if shot is not None]
    assert [shot is None for shot in seen] == [False, True, True, False, True, True, False]
    assert [shot.sequence for shot in new] == [0, 1, 2], "a repeat is no lost picture"
    assert [set(shot.flags) for shot in new] == [set(), {Flag.SHUTTER}, set()]
    assert new[0].counts_to_kelvin is not None
    assert new[0].shape == (120, 160)
    np.testing.assert_array_equal(pixels(new[2]), lepton_frame(7)[:120])
    assert new[1].telemetry["ffc"] == "in_progress"
    camera.take_picture(bytes(100))
    shot = made.read(0.1)
    assert shot is not None
    assert Flag.CORRUPT in shot.flags


def test_an_infiray_gives_its_lower_half() -> None:
    camera = FakeCamera({"YUYV": {(256, 192): (25,), (256, 384): (25,)}})
    made, _ = driver(camera, "?profile=infiray")
    assert "YUYV 256x384" in made.open()
    raw = np.zeros((384, 256), "<u2")
    raw[192:] = np.arange(192 * 256, dtype=np.uint16).reshape(192, 256)
    camera.take_picture(raw.tobytes())
    shot = made.read(0.1)
    assert shot is not None
    assert (shot.pixel_format, shot.shape) == (PixelFormat.MONO16, (192, 256))
    np.testing.assert_array_equal(pixels(shot), raw[192:])
    assert shot.counts_to_kelvin is not None
    assert shot.counts_to_kelvin.gain == 1 / 64
    only_view = FakeCamera({"YUYV": {(256, 192): (25,)}})
    assert "256x384 is not among YUYV: 256x192" in refused(only_view, "?profile=infiray").what


def test_wrong_uris_are_refused_before_anything_is_opened() -> None:
    for uri, role, words in (
        ("v4l2:0", "rgb", "no path of a device"),
        ("v4l2:/dev/video0?format=Y16&fsp=3", "thermal", "Did you mean 'fps'"),
        ("v4l2:/dev/video0?size=big", "rgb", "640x512"),
        ("v4l2:/dev/video0?fps=0", "rgb", "between 0.1 and 1000"),
        ("v4l2:/dev/video0?profile=seek", "thermal", "'boson' or 'lepton' or 'infiray'"),
        ("v4l2:/dev/video0?profile=boson", "rgb", "profile=boson is not for an RGB camera"),
    ):
        with pytest.raises(RigsightError, match=words) as caught:
            make_driver(uri, role)
        assert caught.value.code == "CAM-001"


def test_the_real_kernel_says_what_is_no_camera(tmp_path: Path) -> None:
    for path, words in (("/dev/null", "no video device"), (str(tmp_path / "video9"), "no such device")):
        with pytest.raises(RigsightError, match=words) as caught:
            make_driver(f"v4l2:{path}", "rgb").open()
        assert caught.value.code == "CAM-002"
    with pytest.raises(OSError, match="No such file"):
        Linux().open(str(tmp_path / "none"))


def test_the_usb_device_is_found_through_sys_and_reset_never_raises(tmp_path: Path) -> None:
    interface = tmp_path / "sys/devices/pci0/usb1/1-2/1-2:1.0"
    (interface / "video4linux/video3").mkdir(parents=True)
    (interface.parent / "busnum").write_text("1\n")
    (interface.parent / "devnum").write_text("17\n")
    there = tmp_path / "sys/class/video4linux/video3"
    there.mkdir(parents=True)
    (there / "device").symlink_to(interface)
    found = usb_node("/dev/video3", tmp_path / "sys", tmp_path / "bus")
    assert found == tmp_path / "bus/001/017"
    assert usb_node("/dev/video4", tmp_path / "sys", tmp_path / "bus") is None
    assert "not reset" in reset_usb(found)
    found.parent.mkdir(parents=True)
    found.write_text("")
    assert "Inappropriate ioctl" in reset_usb(found), "the kernel was asked, of a file that is no device"
    assert make_driver("v4l2:/dev/video99", "rgb").reset() is None


def test_without_permission_the_command_that_gives_it_is_named(tmp_path: Path) -> None:
    """Asked of the real kernel, by a user who may not."""
    node = tmp_path / "video0"
    node.touch(mode=0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(RigsightError, match="CAM-003.*usermod -aG video"):
            make_driver(f"v4l2:{node}", "rgb").open()
        assert reset_usb(node).startswith(f"not reset: no permission for {node}")
    finally:
        os.seteuid(was)


def test_cameras_are_listed_with_what_they_offer(tmp_path: Path) -> None:
    (tmp_path / "v4l/by-id").mkdir(parents=True)
    for number in (0, 1, 2, 10):
        (tmp_path / f"video{number}").touch()
    (tmp_path / "video-enc0").touch()
    (tmp_path / "v4l/by-id/usb-FLIR_Boson-index0").symlink_to(tmp_path / "video0")
    named = tmp_path / "sys/class/video4linux/video2"
    named.mkdir(parents=True)
    (named / "name").write_text("Front camera\n")
    kernel = FakeKernel(
        {
            str(tmp_path / "video0"): FakeCamera(BOSON, card="Boson"),
            str(tmp_path / "video1"): FakeCamera(BOSON, card="Boson", capabilities=0x04800000),
            str(tmp_path / "video2"): FakeCamera(WEBCAM, forbidden=True),
            str(tmp_path / "video10"): FakeCamera(TINY, span=(8, 64, 8, 4, 64, 4)),
        }
    )
    found = list_cameras(kernel, tmp_path, tmp_path / "sys")
    assert [camera.name for camera in found] == ["Boson", "Front camera", "Fake: Camera"]
    assert found[0].words() == (
        f"Boson (v4l2:{tmp_path}/v4l/by-id/usb-FLIR_Boson-index0): "
        "Y16 640x512 at 60, 30 Hz; YU12 640x512 at 60, 30 Hz"
    )
    assert found[1].problem is not None
    assert found[1].problem.code == "CAM-003"
    assert "GREY 8x4 to 64x64" in found[2].words()
    assert not kernel.open_files
