"""A Boson on a pseudo-terminal: published frames byte for byte, numbers that need stuffing, bad replies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.devices.boson import BosonControl
from rigsight.edge.devices.open import open_device
from rigsight.edge.devices.port import open_port
from rigsight.edge.devices.state import DeviceState
from rigsight.edge.protocols.boson import (
    BosonDecoder,
    CciFrame,
    CciFunction,
    FfcMode,
    FfcState,
    GainMode,
    encode_frame,
)

Until = Callable[[Callable[[], object]], None]

# Request and reply as published in github.com/thurberdog/ghostCommand: run FFC, serial number, temperature.
PUBLISHED = {
    bytes.fromhex(request): bytes.fromhex(reply)
    for request, reply in (
        ("8E 00 00000001 00050007 FFFFFFFF 225C AE", "8E 00 00000001 00050007 00000000 BB93 AE"),
        ("8E 00 00000001 00050002 FFFFFFFF 010B AE", "8E 00 00000001 00050002 00000000 00016D94 3010 AE"),
        ("8E 00 00000001 00050030 FFFFFFFF 4966 AE", "8E 00 00000001 00050030 00000000 017C BDCE AE"),
    )
}


class Simulator(threading.Thread):
    """Answers as the camera does; ``behave`` may turn the reply to a request into anything."""

    def __init__(self, plug: Any) -> None:
        super().__init__(daemon=True)
        self._plug = plug
        self.behave: Callable[[CciFrame, bytes], bytes] = lambda request, reply: reply
        self.requests: list[CciFrame] = []
        self.words = {
            CciFunction.FFC_STATE: 3, CciFunction.FFC_MODE: 1, CciFunction.GAIN_MODE: 2,
            CciFunction.FRAME_COUNT: 0x8E9EAE,
        }  # fmt: skip

    def run(self) -> None:
        decoder = BosonDecoder()
        while not self._plug.thrown_away:
            for request in decoder.feed(self._plug.received()):
                self.requests.append(request)
                self._plug.send(self.behave(request, self.reply(request)))

    def reply(self, request: CciFrame) -> bytes:
        if (published := PUBLISHED.get(encode_frame(request))) is not None:
            return published
        function, status, payload = request.function, 0, b""
        if function == CciFunction.SERIAL_NUMBER:
            payload = bytes.fromhex("00016D94")
        elif function == CciFunction.FPA_TEMPERATURE:
            payload = bytes.fromhex("017C")
        elif function in (CciFunction.SET_FFC_MODE, CciFunction.SET_GAIN_MODE):
            value = int.from_bytes(request.payload, "big")
            if len(request.payload) != 4:
                status = 0x017D
            elif value > 4:
                status = 0x0203
            else:
                self.words[CciFunction(function + 1)] = value
        elif function in self.words:
            width = 2 if function == CciFunction.FFC_STATE else 4
            payload = self.words[CciFunction(function)].to_bytes(width, "big")
        elif function != CciFunction.RUN_FFC:
            status = 0x0161
        return encode_frame(CciFrame(request.sequence, function, status, payload))


@pytest.fixture
def simulator(plug: Any) -> Simulator:
    made = Simulator(plug)
    made.start()
    return made


@pytest.fixture
def boson(plug: Any, simulator: Simulator) -> Iterator[BosonControl]:
    """Patient, since the machine may be busy with other tests."""
    port = open_port(str(plug.path), 921600)
    yield BosonControl(port, timeout_s=10.0)
    port.close()


@pytest.fixture
def hasty(plug: Any, simulator: Simulator) -> Iterator[BosonControl]:
    """Where no reply is expected."""
    port = open_port(str(plug.path), 921600)
    yield BosonControl(port, timeout_s=0.02)
    port.close()


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (BosonControl.run_ffc, None),
        (BosonControl.serial_number, 0x00016D94),
        (BosonControl.fpa_temperature_c, 38.0),
    ],
)
def test_published_frames(
    boson: BosonControl, simulator: Simulator, ask: Callable[[BosonControl], Any], expected: Any
) -> None:
    assert ask(boson) == expected
    assert encode_frame(simulator.requests[0]) in PUBLISHED


def test_everything_that_can_be_asked(boson: BosonControl, simulator: Simulator) -> None:
    assert boson.ffc_state() == FfcState.COMPLETE
    assert boson.ffc_mode() == FfcMode.AUTO
    boson.set_ffc_mode(FfcMode.MANUAL)
    assert boson.ffc_mode() == FfcMode.MANUAL
    boson.set_gain_mode(GainMode.LOW)
    assert boson.gain_mode() == GainMode.LOW
    assert boson.frame_count() == 0x8E9EAE
    assert not {request.function for request in simulator.requests} & {0x00050018, 0x0005001B}


def test_two_hundred_requests_pass_the_numbers_that_need_stuffing(
    boson: BosonControl, simulator: Simulator
) -> None:
    assert [boson.fpa_temperature_c() for _ in range(200)] == [38.0] * 200
    numbers = [request.sequence for request in simulator.requests]
    assert numbers == list(range(1, 201))  # among them 142, 158 and 174, each answered at the first attempt
    assert boson.stale_replies == 0


def test_a_temperature_below_zero(boson: BosonControl, simulator: Simulator) -> None:
    simulator.behave = lambda request, _: encode_frame(
        CciFrame(request.sequence, request.function, 0, (-123).to_bytes(2, "big", signed=True))
    )
    assert boson.fpa_temperature_c() == -12.3


def test_no_reply(hasty: BosonControl, simulator: Simulator, until: Until) -> None:
    simulator.behave = lambda request, reply: b""
    with pytest.raises(RigsightError) as caught:
        hasty.run_ffc()
    assert caught.value.code == "DEV-007"
    assert "after 2 attempts" in caught.value.what
    until(lambda: [request.sequence for request in simulator.requests] == [1, 2])


def test_the_second_attempt_counts_and_a_late_reply_to_the_first_does_not(
    plug: Any, simulator: Simulator
) -> None:
    late: list[bytes] = []

    def behave(request: CciFrame, reply: bytes) -> bytes:
        if request.sequence == 1:
            late.append(encode_frame(CciFrame(1, request.function, 0, (999).to_bytes(2, "big"))))
            return b""
        return late.pop() + reply if late else reply

    simulator.behave = behave
    boson = BosonControl(open_port(str(plug.path), 921600), timeout_s=0.3, attempts=20)
    assert boson.fpa_temperature_c() == 38.0
    assert boson.stale_replies >= 1


def replies_with(**changes: int) -> Callable[[CciFrame, bytes], bytes]:
    def behave(request: CciFrame, reply: bytes) -> bytes:
        wrong = {"sequence": request.sequence, "function": request.function, "status": 0, **changes}
        return encode_frame(CciFrame(**wrong, payload=b"\x01\x7c"))  # type: ignore[arg-type]

    return behave


def broken_checksum(request: CciFrame, reply: bytes) -> bytes:
    return reply[:-2] + bytes((reply[-2] ^ 1,)) + reply[-1:]


@pytest.mark.parametrize(
    "behave",
    [
        replies_with(sequence=99),
        replies_with(function=0x00050002),
        broken_checksum,
        lambda request, reply: reply[:-1],
        lambda request, reply: encode_frame(request),  # an echo
        lambda request, reply: b"\x8e\x00garbage\xae" * 20,
    ],
)
def test_wrong_replies_are_no_replies(
    hasty: BosonControl, simulator: Simulator, behave: Callable[[CciFrame, bytes], bytes]
) -> None:
    simulator.behave = behave
    with pytest.raises(RigsightError, match="DEV-007"):
        hasty.fpa_temperature_c()


def test_an_echo_and_garbage_before_the_reply_do_no_harm(boson: BosonControl, simulator: Simulator) -> None:
    simulator.behave = lambda request, reply: encode_frame(request) + b"\x8e\xff\xae\x9e" + reply
    assert boson.fpa_temperature_c() == 38.0
    assert len(simulator.requests) == 1


def test_refusals_in_words(boson: BosonControl, simulator: Simulator) -> None:
    simulator.behave = replies_with(status=0x0203)
    with pytest.raises(RigsightError) as caught:
        boson.set_gain_mode(GainMode.DUAL)
    assert caught.value.code == "DEV-008"
    assert "set_gain_mode: the value is out of range (0x0203)" in caught.value.what


@pytest.mark.parametrize(
    ("payload", "words"), [(b"\x01", "1 bytes"), (b"\0\0\0\x63", "the unknown value 99"), (b"", "0 bytes")]
)
def test_replies_that_make_no_sense(
    boson: BosonControl, simulator: Simulator, payload: bytes, words: str
) -> None:
    simulator.behave = lambda request, _: encode_frame(
        CciFrame(request.sequence, request.function, 0, payload)
    )
    with pytest.raises(RigsightError) as caught:
        boson.gain_mode()
    assert caught.value.code == "DEV-008"
    assert words in caught.value.what


def test_waiting_for_the_correction(boson: BosonControl, simulator: Simulator) -> None:
    course = [1, 2, 2, 3]

    def pause(_: float) -> None:
        simulator.words[CciFunction.FFC_STATE] = course.pop(0)

    simulator.words[CciFunction.FFC_STATE] = course.pop(0)
    boson.run_ffc()
    boson.wait_for_ffc(wait=pause)
    assert course == []
    simulator.words[CciFunction.FFC_STATE] = 2
    with pytest.raises(RigsightError, match="DEV-007"):
        boson.wait_for_ffc(timeout_s=0.01)


def test_requests_from_several_threads_do_not_mix(boson: BosonControl) -> None:
    wrong: list[Any] = []

    def ask() -> None:
        for _ in range(20):
            answers = boson.fpa_temperature_c(), boson.serial_number(), boson.ffc_state()
            if answers != (38.0, 0x00016D94, FfcState.COMPLETE):
                wrong.append(answers)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_unplugging_during_a_request(boson: BosonControl, plug: Any, simulator: Simulator) -> None:
    def behave(request: CciFrame, reply: bytes) -> bytes:
        plug.unplug()
        return b""

    simulator.behave = behave
    with pytest.raises(RigsightError, match="DEV-006"):
        boson.run_ffc()


def test_as_a_device(plug: Any, simulator: Simulator, until: Until) -> None:
    """Asked regularly, commanded in between, unplugged and found again."""
    heard: list[Any] = []
    device = open_device(f"boson:{plug.path}?period=0.01&silent=0.2s")
    with pytest.raises(RigsightError, match="DEV-006"):
        _ = device.boson
    device.listen(lambda stamped: heard.append(stamped.event))
    device.start()
    until(lambda: len(heard) > 5)
    assert heard[0].fpa_temperature_c == 38.0
    assert heard[0].ffc_state == FfcState.COMPLETE
    device.boson.run_ffc()
    simulator.behave = lambda request, reply: b""
    until(lambda: device.state == DeviceState.SILENT)
    assert "no reply to" in device.status().change.reason
    simulator.behave = lambda request, reply: reply
    until(lambda: device.state == DeviceState.STREAMING)
    plug.unplug()
    until(lambda: device.state == DeviceState.LOST)
    with pytest.raises(RigsightError, match="DEV-006"):
        _ = device.boson
    plug.plug_in()
    until(lambda: device.state == DeviceState.STREAMING)
    assert device.boson.serial_number() == 0x00016D94
    device.stop()


def test_a_correction_on_demand(plug: Any, simulator: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    states = iter([2, 2, 3])  # in progress, in progress, complete

    def closing(request: CciFrame, reply: bytes) -> bytes:
        if request.function == CciFunction.FFC_STATE:
            payload = next(states).to_bytes(2, "big")
            return encode_frame(CciFrame(request.sequence, request.function, 0, payload))
        return reply

    simulator.behave = closing
    assert main(["devices", "ffc", str(plug.path)]) == 0
    assert "the sensor is at 38.0 C" in capsys.readouterr().out
    assert CciFunction.RUN_FFC in [request.function for request in simulator.requests]
    assert next(states, None) is None, "it waited until the shutter was open again"
    assert main(["devices", "ffc", "/dev/none"]) == 1
    assert capsys.readouterr().err.startswith("DEV-002: ")
