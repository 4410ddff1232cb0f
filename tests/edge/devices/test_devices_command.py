"""``rigsight devices``: ports, and values as they come."""

from __future__ import annotations

import json
import struct
import threading
from typing import Any

import pytest

from rigsight.cli.devices import described
from rigsight.cli.main import main
from rigsight.edge.protocols.mavlink import Received
from rigsight.edge.protocols.mavlink_messages import Attitude
from rigsight.edge.protocols.nmea import sentence


def frame(raw_cm: int) -> bytes:
    body = b"YY" + struct.pack("<HHH", raw_cm, 500, 2248)
    return body + bytes((sum(body) & 0xFF,))


class Talker:
    """Says the same again and again until the test is over."""

    def __init__(self, plug: Any, data: bytes) -> None:
        self._plug, self._data, self._over = plug, data, threading.Event()
        self._thread = threading.Thread(target=self._talk)

    def _talk(self) -> None:
        while not self._over.wait(0.005):
            self._plug.send(self._data)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_ports(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from serial.tools import list_ports
    from serial.tools.list_ports_common import ListPortInfo

    boson = ListPortInfo("/dev/ttyACM77")
    boson.vid, boson.pid = 0x09CB, 0x4007
    monkeypatch.setattr(list_ports, "comports", lambda: [boson])
    assert main(["devices"]) == 0
    shown = capsys.readouterr().out
    assert "/dev/ttyACM77: FLIR Boson [09cb:4007]" in shown
    assert "rigsight devices watch boson:/dev/ttyACM77" in shown
    assert main(["devices", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["uri"] == "boson:/dev/ttyACM77"
    monkeypatch.setattr(list_ports, "comports", list)
    assert main(["devices"]) == 0
    assert "No serial ports" in capsys.readouterr().out


def test_watching(plug: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with Talker(plug, frame(345)):
        assert main(["devices", "watch", f"tfmini:{plug.path}", "--count", "3"]) == 0
    shown = capsys.readouterr()
    assert shown.out.count("Distance  distance_m=3.45 strength=500 temperature_c=25") == 3
    assert "# opening" in shown.err or "# streaming" in shown.err
    assert " events" in shown.err


def test_watching_as_json(plug: Any, capsys: pytest.CaptureFixture[str]) -> None:
    body = "GNGGA,120000.00,4807.0,N,01130.0,E,4,12,0.8,500.0,M,46.9,M,,"
    with Talker(plug, sentence(body)):
        assert main(["devices", "watch", f"nmea:{plug.path}", "--count", "2", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2
    assert (lines[0]["event"], lines[0]["quality"], lines[0]["longitude_deg"]) == ("Gga", "rtk_fixed", 11.5)
    assert lines[0]["arrival_ns"] <= lines[1]["arrival_ns"]


def test_nothing_is_understood(plug: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with Talker(plug, b"garbage"):
        words = ["devices", "watch", f"tfmini:{plug.path}?silent=0.1", "--seconds", "0.5"]
        assert main(words) == 1
    shown = capsys.readouterr()
    assert "DEV-007" in shown.err
    assert "baud rate" in shown.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["tfmini:/dev/none"], 1, "DEV-002"),
        (["tfmini:/dev/none", "--wait", "--seconds", "0.3"], 1, "# lost: nothing is there"),
        (["tfmini:/dev/none?modl=plus"], 2, "Did you mean 'model'?"),
        (["/dev/none"], 2, "DEV-001"),
        (["tfmini:/dev/none", "--count", "0"], 2, "CLI-001"),
    ],
)
def test_mistakes(words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "watch", *words]) == code
    assert says in capsys.readouterr().err


def test_what_is_no_number_is_null() -> None:
    message = Attitude(5, float("nan"), float("inf"), 3.0, 0.0, 0.0, 0.0)
    made = described(Received(1, 2, 3, message))
    assert json.loads(json.dumps(made, allow_nan=False)) == {
        "event": "Attitude", "boot_ms": 5, "roll_rad": None, "pitch_rad": None, "yaw_rad": 3.0,
        "roll_rate_rad_per_s": 0.0, "pitch_rate_rad_per_s": 0.0, "yaw_rate_rad_per_s": 0.0,
        "from": {"system": 1, "component": 2, "sequence": 3},
    }  # fmt: skip
