"""A camera in a process of its own, on the test card: three ways to read, and every fault."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras.card import number_of
from rigsight.edge.capture.camera import AWAY, LOST_BY_DRIVER, OVERTAKEN, UNREAD, Camera, Patience
from rigsight.edge.capture.child import SLOTS
from rigsight.edge.devices.state import DeviceState
from rigsight.edge.frames import Flag, Frame, PixelFormat, TimeSource

Open = Callable[..., Camera]
FAST = Patience(opening_s=8.0, hung_s=0.6, silent_s=0.3, restart_s=0.8)
CARD = "card:160x120?fps=50"


@pytest.fixture
def opened() -> Iterator[Open]:
    made: list[Camera] = []

    def open_(uri: str = CARD, role: str = "rgb", **more: object) -> Camera:
        made.append(Camera(uri, role, FAST, **more))  # type: ignore[arg-type]
        return made[-1]

    yield open_
    for camera in made:
        camera.close()


def until(true: Callable[[], bool], seconds: float = 8.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def states(camera: Camera) -> list[DeviceState]:
    return [change.state for change in camera.states.changes()]


def pid(camera: Camera) -> int:
    assert camera._worker is not None
    return camera._worker.pid


def recovered(camera: Camera, since: int) -> Frame:
    """The first frame that was taken after ``since``."""
    while True:
        frame = camera.next_frame(8.0)
        if frame.captured_ns > since:
            return frame
        frame.release()


def test_frames_come_in_order_whole_and_stamped(opened: Open) -> None:
    camera = opened()
    before, numbers = 0, []
    for _ in range(20):
        frame = camera.next_frame(8.0)
        assert frame.data.shape == (120, 160, 3)
        assert not frame.data.flags.writeable
        assert (frame.pixel_format, frame.time_source) == (PixelFormat.RGB8, TimeSource.DRIVER)
        assert frame.captured_ns > before
        before = frame.captured_ns
        numbers.append(number_of(frame.data))
        frame.release()
    assert None not in numbers
    assert numbers == sorted(numbers)
    assert states(camera) == [DeviceState.CLOSED, DeviceState.OPENING, DeviceState.STREAMING]
    assert "test card 160x120" in camera.description
    assert time.monotonic_ns() - before < 5e8, "stamps are of this machine's monotonic clock"


def test_thermal_cards_are_counts(opened: Open) -> None:
    frame = opened(role="thermal").next_frame(8.0)
    assert (frame.data.dtype, frame.data.shape) == (np.uint16, (120, 160))
    assert frame.pixel_format is PixelFormat.MONO16
    frame.release()


def test_latest_never_waits_and_never_is_old(opened: Open) -> None:
    camera = opened()
    with pytest.raises(RigsightError, match="CAM-007.*there is none yet"):
        camera.latest(1.0)
    camera.next_frame(8.0).release()
    newest = camera.latest(1.0)
    assert number_of(newest.data) is not None
    newest.release()
    os.kill(pid(camera), signal.SIGSTOP)
    time.sleep(0.15)
    with pytest.raises(RigsightError, match="the newest is 0.* s old, 0.05 s are allowed"):
        camera.latest(0.05)


def test_read_gives_only_what_was_taken_after_the_call(opened: Open) -> None:
    camera = opened()
    camera.next_frame(8.0).release()
    time.sleep(0.2)  # older ones wait
    asked = time.monotonic_ns()
    frame = camera.read(2.0)
    assert frame.captured_ns >= asked
    frame.release()


def test_a_slow_reader_gets_the_newest_and_the_others_are_counted(opened: Open) -> None:
    camera = opened()
    camera.next_frame(8.0).release()
    time.sleep(0.5)
    frames = [camera.next_frame() for _ in range(UNREAD)]
    assert camera.dropped[OVERTAKEN] >= 15
    assert frames[-1].captured_ns > time.monotonic_ns() - 3e8
    for frame in frames:
        frame.release()


def test_who_keeps_frames_costs_drops_and_never_changes_what_is_kept(opened: Open) -> None:
    camera = opened("card:160x120?fps=200")
    held: list[Frame] = []
    numbers: list[int | None] = []
    for _ in range(SLOTS - 4):
        held.append(camera.next_frame(8.0))
        numbers.append(number_of(held[-1].data))
    until(lambda: camera.dropped["no free buffer"] > 10)
    assert [number_of(frame.data) for frame in held] == numbers
    for frame in held:
        frame.release()
    since = time.monotonic_ns()
    recovered(camera, since).release()


@pytest.mark.parametrize("how", ["kill", "abort", "hang", "stop"])
def test_a_process_that_ends_or_hangs_is_replaced(opened: Open, how: str) -> None:
    camera = opened()
    for _ in range(4):
        camera.next_frame(8.0).release()  # its rhythm is known
    kept = camera.next_frame(8.0)
    number = number_of(kept.data)
    first = pid(camera)
    since = time.monotonic_ns()
    if how == "kill":
        os.kill(first, signal.SIGKILL)
    elif how == "stop":
        os.kill(first, signal.SIGSTOP)
    else:
        camera.command({"do": "hang" if how == "hang" else "crash"})
    until(lambda: camera.restarts > 0)
    lost = next(change for change in camera.states.changes() if change.state is DeviceState.LOST)
    expected = {"kill": "signal 9", "abort": "signal 6", "hang": "hung for 0.6 s", "stop": "hung for 0.6 s"}
    assert expected[how] in lost.reason
    frame = recovered(camera, since + int(1e8))
    assert pid(camera) != first
    assert frame.sequence > kept.sequence
    assert camera.dropped[AWAY] + camera.dropped[LOST_BY_DRIVER] > 0, "what was missed is counted"
    frame.release()
    assert number_of(kept.data) == number, "a frame outlives its process"
    kept.release()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_unplugging_and_plugging_in_again(opened: Open, tmp_path: Path) -> None:
    plug = tmp_path / "gone"
    camera = opened(f"{CARD}&gone={plug}")
    for _ in range(5):
        camera.next_frame(8.0).release()
    plug.touch()
    until(lambda: camera.state.state is DeviceState.LOST)
    time.sleep(0.3)
    assert camera.restarts == 1, "no process is started for a camera that is not there"
    assert any("unplugged" in change.reason for change in camera.states.changes())
    plug.unlink()
    back = time.monotonic_ns()
    frame = recovered(camera, back)
    frame.release()
    assert camera.dropped[AWAY] > 0
    assert frame.captured_ns - back < 4e9


def test_a_silent_camera_says_so_and_is_opened_again(opened: Open) -> None:
    camera = opened()
    camera.next_frame(8.0).release()
    camera.command({"do": "silence", "seconds": 60})
    until(lambda: camera.state.state is DeviceState.SILENT)
    assert camera.state.reason == "no frame for 0.3 s"
    until(lambda: camera.restarts > 0)
    recovered(camera, time.monotonic_ns()).release()


def test_a_picture_of_another_size_is_flagged(opened: Open) -> None:
    camera = opened()
    camera.next_frame(8.0).release()
    camera.command({"do": "short", "frames": 2})
    shapes = set()
    for _ in range(60):
        frame = camera.next_frame()
        shapes.add((frame.data.shape, frame.flags))
        frame.release()
    assert shapes == {((120, 160, 3), frozenset()), ((60, 160, 3), frozenset({Flag.CORRUPT}))}


def test_a_size_that_stays_is_the_cameras_own(opened: Open) -> None:
    """The first picture of a stream may be the cut one."""
    camera = opened()
    camera.next_frame(8.0).release()
    camera.command({"do": "short", "frames": 1000})
    flags = []
    for _ in range(60):
        frame = camera.next_frame()
        if frame.data.shape == (60, 160, 3):
            flags.append(frame.flags)
        frame.release()
    assert flags[0] == {Flag.CORRUPT}
    assert flags[-1] == frozenset()


@pytest.mark.parametrize("jump_s", [5.0, -30.0])
def test_a_stamp_that_cannot_be_true_becomes_the_time_of_arrival(opened: Open, jump_s: float) -> None:
    camera = opened()
    camera.next_frame(8.0).release()
    camera.command({"do": "clock", "jump_s": jump_s, "seconds": 0.5})
    sources = set()
    for _ in range(60):
        frame = camera.next_frame()
        assert abs(time.monotonic_ns() - frame.captured_ns) < 2e9
        sources.add(frame.time_source)
        frame.release()
    assert sources == {TimeSource.DRIVER, TimeSource.ARRIVAL}
    assert camera.corrected_stamps > 5
    worker = camera._worker
    assert worker is not None
    camera.command({"do": "clock", "jump_s": jump_s, "seconds": 60})
    camera.read(2.0).release()
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: camera.restarts > 0)
    recovered(camera, time.monotonic_ns()).release()
    assert camera.dropped[AWAY] < 500, "what was missed is counted by times that can be true"


def test_frames_and_drops_add_up(opened: Open) -> None:
    camera = opened("card:160x120?fps=200")
    held = [camera.next_frame(8.0) for _ in range(SLOTS - 4)]
    came = len(held)
    until(lambda: camera.dropped["no free buffer"] > 10)
    for frame in held:
        frame.release()
    worker = camera._worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: camera.restarts > 0)
    since = time.monotonic_ns()
    last = 0
    while last < since:
        frame = camera.next_frame(8.0)
        last, sequence = frame.captured_ns, frame.sequence
        came += 1
        frame.release()
    camera.close()
    unread = camera._last_sequence - sequence
    assert came + sum(camera.dropped.values()) - unread <= sequence + 1 <= came + sum(camera.dropped.values())


def test_a_camera_that_is_not_there_is_waited_for(opened: Open, tmp_path: Path) -> None:
    plug = tmp_path / "gone"
    plug.touch()
    camera = opened(f"{CARD}&gone={plug}")
    with pytest.raises(RigsightError, match="CAM-007: none within 0.6 s.*") as caught:
        camera.next_frame(0.6)
    assert "unplugged" in caught.value.line() or "opening" in caught.value.line()
    plug.unlink()
    camera.next_frame(8.0).release()


def test_a_wrong_uri_is_refused_at_once() -> None:
    for uri, words in (
        ("card:big", "no size"),
        ("card:160x120?fsp=3", "Did you mean 'fps'"),
        ("cam:1", "unknown"),
    ):
        with pytest.raises(RigsightError, match=words) as caught:
            Camera(uri, "rgb")
        assert caught.value.code == "CAM-001"


def test_closing_leaves_no_process_and_is_quick(opened: Open) -> None:
    camera = opened()
    camera.next_frame(8.0).release()
    running = pid(camera)
    begun = time.monotonic()
    camera.close()
    assert time.monotonic() - begun < 3
    with pytest.raises(ProcessLookupError):
        os.kill(running, 0)
    assert camera.state.state is DeviceState.CLOSED
    camera.close()


def test_the_process_ends_with_whoever_started_it() -> None:
    """A parent that is killed leaves no orphan, though its driver hangs."""
    import subprocess
    import sys

    code = (
        "import time; from rigsight.edge.capture.camera import Camera;"
        f"c = Camera('{CARD}', 'rgb'); c.next_frame(8.0).release(); print(c._worker.pid, flush=True);"
        "c.command({'do': 'hang'}); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    orphan = int(parent.stdout.readline())
    time.sleep(0.2)
    parent.kill()
    parent.wait()

    def gone() -> bool:
        try:
            os.kill(orphan, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{orphan}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "Z"

    until(gone)


def test_the_last_word_of_a_process_is_heard_though_it_hung_up() -> None:
    """Linux tells first that the other side left messages unread, and only then what it said."""
    from rigsight.edge.capture.wire import Wire

    for _ in range(20):
        mine, theirs = Wire.pair()
        parent, child = Wire(mine), Wire(theirs)
        parent.send({"is": "free", "generation": 0, "slot": 1})  # never read
        child.send({"is": "error", "what": "gone"})
        child.close()
        received = parent.receive(1.0)
        assert received is not None
        assert received[0]["what"] == "gone"
        with pytest.raises(EOFError):
            parent.receive(1.0)
        parent.close()
