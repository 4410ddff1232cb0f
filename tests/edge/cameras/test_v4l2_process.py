"""The V4L2 driver in its process, with its real system calls, on a camera that stands behind libc.

The camera is a C library with the kernel's own header, preloaded into the process that captures: numbers,
structures, polling and mapped memory are those of Linux, only the device is not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rigsight.edge.cameras.card import number_of
from rigsight.edge.capture.camera import AWAY, Camera, Patience
from rigsight.edge.frames import PixelFormat, TimeSource

SOURCE = Path(__file__).with_name("preloaded_camera.c")
HEADER = Path("/usr/include/linux/videodev2.h")
URI = "v4l2:/dev/video77?format=Y16&size=160x120"
FAST = Patience(opening_s=10.0, silent_s=0.4, restart_s=1.0)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not HEADER.exists():
        pytest.skip("no C compiler, or no linux/videodev2.h (apt: gcc libc6-dev linux-libc-dev)")
    path = tmp_path_factory.mktemp("preloaded") / "camera.so"
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(path), str(SOURCE), "-ldl"]
    subprocess.run([compiler, *options], check=True)
    return path


@pytest.fixture
def plug(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that unplugs the camera while it is there."""
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("PRELOADED_CAMERA_GONE", str(tmp_path / "gone"))
    return tmp_path / "gone"


def test_pictures_come_whole_in_order_and_stamped_by_the_kernel(plug: Path) -> None:
    with Camera(URI, "thermal", FAST) as camera:
        numbers, stamps = [], []
        for _ in range(40):
            frame = camera.next_frame(10.0)
            assert (frame.data.dtype, frame.pixel_format) == (np.uint16, PixelFormat.MONO16)
            assert frame.time_source is TimeSource.DRIVER
            assert frame.captured_ns <= time.monotonic_ns()
            numbers.append(number_of(frame.data))
            stamps.append(frame.captured_ns)
            assert numbers[-1] is not None, "torn, or read while it was queued"
            frame.release()
        assert camera.description == (
            "Preloaded camera (preloaded, platform:none): Y16 160x120 at 50 Hz, 4 buffers"
        )
        between = np.diff(stamps) / np.diff(np.array(numbers))
        np.testing.assert_allclose(between, 20e6, atol=2000)  # microseconds of a timeval
        assert not camera.restarts


def test_a_reader_that_stops_gets_the_newest_and_gaps_are_counted(plug: Path) -> None:
    """Straight on the driver: six pictures' time without reading is one picture, the newest that had room."""
    code = (
        "import time, numpy as np\n"
        "from rigsight.edge.cameras.card import number_of\n"
        "from rigsight.edge.cameras.driver import make_driver\n"
        f"driver = make_driver('{URI}', 'thermal'); driver.open()\n"
        "for _ in range(20):\n"
        "    shot = driver.read(2.0)\n"
        "    out = np.zeros(shot.shape, np.uint16); shot.write(out)\n"
        "    assert number_of(out) == shot.sequence, (number_of(out), shot.sequence)\n"
        "time.sleep(0.3)\n"
        "held = driver.read(2.0)\n"
        "after = driver.read(2.0)\n"
        "print(held.sequence - shot.sequence, held.telemetry['overtaken'], after.sequence - held.sequence)\n"
        "driver.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ahead, overtaken, gap = map(int, done.stdout.split())
    assert ahead >= 3
    assert overtaken >= 2
    assert gap >= 10, "what found no buffer is a gap"


def test_unplugged_and_plugged_in_again(plug: Path) -> None:
    with Camera(URI, "thermal", FAST) as camera:
        for _ in range(10):
            camera.next_frame(10.0).release()
        plug.touch()
        end = time.monotonic() + 20
        while camera.restarts < 2:
            assert time.monotonic() < end
            time.sleep(0.02)
        reasons = " ".join(change.reason for change in camera.states.changes())
        assert "there is no such device" in reasons
        plug.unlink()
        back = time.monotonic_ns()
        while True:
            frame = camera.next_frame(10.0)
            frame.release()
            if frame.captured_ns > back:
                break
        assert camera.dropped[AWAY] > 0
