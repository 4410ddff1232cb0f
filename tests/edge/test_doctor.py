"""The doctor sees what is there, says what is lacking, and never falls ill itself."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import pytest

from rigsight.edge import doctor
from rigsight.edge.cameras.codes import CAMERA_FORBIDDEN, PART_MISSING
from rigsight.edge.cameras.gst import library
from rigsight.edge.cameras.listing import CameraInfo
from rigsight.edge.cameras.v4l2.formats import Offer, Size
from rigsight.edge.doctor import Check, can_run, examine, shipped_bundle


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_this_machine_can_run() -> None:
    checks = examine()
    assert can_run(checks)
    named = by_name(checks)
    assert named["OpenCV"].found.startswith(cv2.__version__)
    assert "CPU" in named["ONNX Runtime"].found
    assert named["Python"].state == "ok"
    assert {"TensorRT", "cameras", "serial ports", "disk", "cache folder", "training"} <= set(named)


def test_what_is_not_ok_and_can_be_mended_says_how() -> None:
    for check in examine(Path("nowhere")):
        if check.state == "broken":
            assert check.fix, check


def test_without_an_engine_the_runtime_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # what an import finds when it is not installed
    checks = examine()
    assert not can_run(checks)
    assert by_name(checks)["ONNX Runtime"].fix == "pip install onnxruntime"


def test_a_probe_that_fails_is_one_line_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def ill() -> None:
        """Cameras."""
        raise OSError("the bus is gone")

    monkeypatch.setattr(doctor, "PROBES", (ill, doctor.python))
    checks = examine()
    assert [(c.name, c.state) for c in checks] == [("Cameras", "missing"), ("Python", "ok")]
    assert "the bus is gone" in checks[0].found


def test_devices_without_permission_name_the_group() -> None:
    [check] = doctor._devices("serial ports", [Path("/dev/not-there")], "dialout")
    assert check.state == "missing"
    assert "usermod -aG dialout" in check.fix
    [check] = doctor._devices("serial ports", [], "dialout")
    assert check.found == "none connected"


def test_cameras_are_listed_and_those_that_may_not_be_opened_say_how(monkeypatch: pytest.MonkeyPatch) -> None:
    boson = CameraInfo(
        "/dev/v4l/by-id/boson", "/dev/video0", "Boson", (Offer("Y16", "", (Size(640, 512, (60.0,)),)),)
    )
    closed = CameraInfo(
        "/dev/video2", "/dev/video2", "Webcam", (), CAMERA_FORBIDDEN("this user may not open it")
    )
    monkeypatch.setattr(doctor, "list_cameras", lambda: [boson, closed])
    first, second = doctor.cameras()
    assert (first.state, first.found) == ("ok", "Boson (v4l2:/dev/v4l/by-id/boson): Y16 640x512 at 60 Hz")
    assert (second.state, second.found) == ("missing", "Webcam (/dev/video2): this user may not open it")
    assert "usermod -aG video" in second.fix


def test_realsense_cameras_are_named_where_their_library_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert list(doctor.realsense()) == [], "who has none needs none"
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(doctor.realsense_driver, "connected", lambda: ["D435 (realsense:0123), USB 3.2"])
    assert [(check.state, check.found) for check in doctor.realsense()] == [
        ("ok", "D435 (realsense:0123), USB 3.2")
    ]

    def no_usb() -> list[str]:
        raise PART_MISSING("libusb-1.0.so.0 is not there", fix="sudo apt install libusb-1.0-0")

    monkeypatch.setattr(doctor.realsense_driver, "connected", no_usb)
    [check] = doctor.realsense()
    assert (check.state, check.fix) == ("missing", "sudo apt install libusb-1.0-0")


def test_without_gstreamer_only_its_cameras_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_FUNCTIONS", {"libgstreamer-0.1-not-there.so.0": {}})
    library.library.cache_clear()
    [check] = doctor.gstreamer()
    library.library.cache_clear()
    assert check.state == "missing"
    assert "for gst: cameras only" in check.found
    assert check.fix.startswith("sudo apt install")


def test_a_bundle_is_missing_broken_or_named(tmp_path: Path) -> None:
    assert shipped_bundle(tmp_path / "none").state == "missing"
    (tmp_path / "bundle.yaml").write_text("version: 1\n")
    broken = shipped_bundle(tmp_path)
    assert broken.state == "broken"
    assert "BND-" in broken.found


def test_a_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("usage", (), {"free": 5 << 20})())
    assert by_name(list(doctor.storage()))["disk"].state == "missing"
