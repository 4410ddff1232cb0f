"""Reading in a thread: streaming, silence, unplugging and replugging at the same path, stopping."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.devices import reader as reader_module
from rigsight.edge.devices.open import open_device
from rigsight.edge.devices.port import open_port
from rigsight.edge.devices.reader import DecodedLink, DeviceReader, Stamped
from rigsight.edge.devices.state import DeviceState
from rigsight.edge.protocols.lightware import LightwarePacket, encode_packet
from rigsight.edge.protocols.ranges import Distance
from rigsight.edge.protocols.tfmini import TfminiDecoder

Until = Callable[[Callable[[], object]], None]


def frame(raw_cm: int, strength: int = 500) -> bytes:
    body = b"YY" + struct.pack("<HHH", raw_cm, strength, 0)
    return body + bytes((sum(body) & 0xFF,))


class Heard:
    def __init__(self) -> None:
        self.stamped: list[Stamped[Distance]] = []

    def __call__(self, stamped: Stamped[Distance]) -> None:
        self.stamped.append(stamped)

    @property
    def centimetres(self) -> list[int]:
        return [round(100 * (s.event.distance_m or 0)) for s in self.stamped]


def reader_of(
    plug: Any, heard: Callable[[Stamped[Distance]], None], **settings: Any
) -> DeviceReader[Distance]:
    return DeviceReader(
        lambda: DecodedLink(open_port(str(plug.path), 115200), TfminiDecoder()), heard, **settings
    )


def states(reader: DeviceReader[Any]) -> list[str]:
    return [change.state.value for change in reader.changes()]


def test_frames_are_stamped_on_arrival_in_order(plug: Any, until: Until) -> None:
    heard = Heard()
    reader = reader_of(plug, heard)
    reader.start()
    before = time.monotonic_ns()
    for number in range(200):
        plug.send(frame(100 + number))
    until(lambda: len(heard.stamped) == 200)
    after = time.monotonic_ns()
    reader.stop()
    assert heard.centimetres == list(range(100, 300))
    stamps = [s.arrival_ns for s in heard.stamped]
    assert stamps == sorted(stamps)
    assert before <= stamps[0] <= stamps[-1] <= after
    assert states(reader) == ["closed", "opening", "streaming", "closed"]
    assert (reader.status().events, reader.status().opened) == (200, 1)


def test_unplugged_and_plugged_in_again_at_the_same_path(plug: Any, until: Until) -> None:
    heard = Heard()
    reader = reader_of(plug, heard)
    reader.start()
    for round_ in range(3):
        plug.send(frame(100 + round_) + frame(900)[:4])  # the last frame is cut off by the unplugging
        until(lambda: len(heard.stamped) == round_ + 1)  # noqa: B023
        plug.unplug()
        until(lambda: reader.state == DeviceState.LOST)
        plug.plug_in()
        until(lambda: reader.state == DeviceState.OPENING and reader.status().opened == round_ + 2)  # noqa: B023
    plug.send(frame(200))
    until(lambda: reader.state == DeviceState.STREAMING)
    reader.stop()
    assert heard.centimetres == [100, 101, 102, 200]
    assert "opened 4 times" in reader.status().line(time.monotonic_ns())
    assert states(reader)[1:4] == ["opening", "streaming", "lost"]


class Impatient(DeviceReader[Distance]):
    """Notes how long it should wait, and does not."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.pauses: list[float] = []

    def _pause(self, stop: threading.Event, seconds: float) -> bool:
        self.pauses.append(seconds)
        return super()._pause(stop, 0.001)


def test_while_a_device_is_away_it_is_asked_for_less_and_less(plug: Any, until: Until) -> None:
    def link() -> DecodedLink[Distance]:
        return DecodedLink(open_port(str(plug.path), 115200), TfminiDecoder())

    plug.unplug()
    reader = Impatient(link, heard := Heard())
    reader.start(wait_for_device=True)
    until(lambda: len(reader.pauses) >= 8)
    assert reader.pauses[:8] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]
    assert {c.reason for c in reader.changes() if c.state == DeviceState.LOST} == {"nothing is there"}

    plug.plug_in()  # a device that says nothing before it goes away again is not hurried for
    until(lambda: reader.state == DeviceState.OPENING and reader.status().opened == 1)
    count = len(reader.pauses)
    plug.unplug()
    until(lambda: len(reader.pauses) > count)
    assert reader.pauses[count] == 2.0

    plug.plug_in()
    until(lambda: reader.status().opened == 2)
    plug.send(frame(100))
    until(lambda: heard.centimetres == [100])
    count = len(reader.pauses)
    plug.unplug()
    until(lambda: len(reader.pauses) > count)
    assert reader.pauses[count] == 0.1
    reader.stop()


def test_starting_without_a_device_is_an_error_unless_it_is_waited_for(plug: Any, until: Until) -> None:
    plug.unplug()
    heard = Heard()
    reader = reader_of(plug, heard)
    with pytest.raises(RigsightError, match="DEV-002"):
        reader.start()
    assert reader.state == DeviceState.CLOSED
    reader.start(wait_for_device=True)
    assert reader.state == DeviceState.LOST
    plug.plug_in()
    until(lambda: reader.status().opened == 1)
    plug.send(frame(123))
    until(lambda: heard.centimetres == [123])
    reader.stop()


def test_silence_says_why(plug: Any, until: Until) -> None:
    reader = reader_of(plug, heard := Heard(), silent_after_s=0.15)
    reader.start()
    until(lambda: reader.state == DeviceState.SILENT)
    assert reader.status().change.reason == "no bytes arrive"
    plug.send(frame(100))
    until(lambda: reader.state == DeviceState.STREAMING)
    until(lambda: reader.state == DeviceState.SILENT)
    assert reader.status().change.reason == "nothing more is understood after 1 frames"
    reader.stop()
    assert heard.centimetres == [100]

    garbled = reader_of(plug, Heard(), silent_after_s=0.15)
    garbled.start()
    plug.send(b"garbage")
    until(lambda: garbled.state == DeviceState.SILENT)
    assert "baud rate" in garbled.status().change.reason
    garbled.stop()


def test_stopping_ends_the_thread_and_frees_the_port(plug: Any, until: Until) -> None:
    def readers() -> int:
        return sum(thread.name == "reads the stopped one" for thread in threading.enumerate())

    reader = reader_of(plug, Heard(), name="the stopped one")
    for _ in range(3):
        reader.start()
        reader.start()
        assert readers() == 1
        reader.stop()
        reader.stop()
        assert reader.state == DeviceState.CLOSED
    plug.unplug()
    reader.start(wait_for_device=True)
    reader.stop()
    until(lambda: readers() == 0)


def test_a_listener_may_stop_the_reader_and_may_fail(plug: Any, until: Until) -> None:
    def fails(stamped: Stamped[Distance]) -> None:
        raise KeyError("mine")

    reader = reader_of(plug, fails)
    reader.start()
    plug.send(frame(100) * 3)
    until(lambda: reader.status().listener_errors == 3)
    assert reader.state == DeviceState.STREAMING
    assert "KeyError" in reader.status().line(time.monotonic_ns())
    reader.stop()

    stopped = threading.Event()

    def stops(stamped: Stamped[Distance]) -> None:
        stopper.stop()
        stopped.set()

    stopper = reader_of(plug, stops)
    stopper.start()
    plug.send(frame(100) * 3)
    until(stopped.is_set)
    assert stopper.status().events == 1
    assert stopper.state == DeviceState.CLOSED


def test_a_port_that_hangs_does_not_keep_stop_waiting(monkeypatch: pytest.MonkeyPatch, until: Until) -> None:
    """A driver that never returns: stop comes back, and what the driver does later changes nothing."""
    monkeypatch.setattr(reader_module, "STOP_WITHIN_S", 0.05)
    release, closed = threading.Event(), threading.Event()

    class Hangs:
        def receive(self) -> tuple[int, list[Distance]]:
            release.wait()
            raise OSError("gone")

        def diagnosis(self) -> str:
            return ""

        def close(self) -> None:
            closed.set()

    reader = DeviceReader[Distance](Hangs, Heard())
    reader.start()
    reader.stop()
    assert reader.state == DeviceState.CLOSED
    release.set()
    until(closed.is_set)
    assert reader.state == DeviceState.CLOSED


def test_what_nobody_expected_counts_as_a_lost_device(until: Until) -> None:
    class Breaks:
        def receive(self) -> tuple[int, list[Distance]]:
            raise ZeroDivisionError("a bug")

        def diagnosis(self) -> str:
            return ""

        def close(self) -> None:
            raise ZeroDivisionError("another")

    reader = DeviceReader[Distance](Breaks, Heard())
    reader.start()
    until(lambda: reader.status().opened == 2)  # and the thread lives
    assert "ZeroDivisionError: a bug" in {change.reason for change in reader.changes()}
    reader.stop()


def test_a_greeting_is_sent_until_it_is_answered_and_on_every_opening(
    plug: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "HELLO_EVERY_NS", 1_000_000)
    device = open_device(f"lightware:{plug.path}?protocol=packets")
    device.start()
    greeting = bytes.fromhex("aa 40 00 00")
    until(lambda: plug.received().startswith(greeting))
    until(lambda: plug.received().startswith(greeting))
    plug.send(encode_packet(LightwarePacket(0, b"LW20")))
    until(lambda: device.state == DeviceState.STREAMING)
    until(lambda: not plug.received())
    plug.unplug()
    until(lambda: device.state == DeviceState.LOST)
    plug.plug_in()
    until(lambda: plug.received().startswith(greeting))
    device.stop()
