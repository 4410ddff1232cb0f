"""What the devices of a run know of the instant of a picture, and what the run makes of it."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.devices.boson import BosonStatus
from rigsight.edge.devices.instruments import SHUTTER_HOLDS_NS, Instruments
from rigsight.edge.devices.reader import Stamped
from rigsight.edge.messages import header_at, nav_sat_fix
from rigsight.edge.protocols.boson import FfcState
from rigsight.edge.protocols.nmea import sentence

Until = Callable[[Callable[[], object]], None]


def range_frame(raw_cm: int) -> bytes:
    body = b"YY" + struct.pack("<HHH", raw_cm, 500, 2248)
    return body + bytes((sum(body) & 0xFF,))


def test_distance_and_position_of_an_instant(plug: Any, until: Until) -> None:
    instruments = Instruments({"range": f"tfmini:{plug.path}"})
    instruments.start()
    try:

        def known() -> bool:
            plug.send(range_frame(512))
            found = instruments.at(monotonic_ns()).distance
            return found is not None and found.value is not None

        until(known)
        readings = instruments.at(monotonic_ns())
        assert readings.distance is not None
        assert readings.distance.value is not None
        assert readings.distance.value.distance_m == pytest.approx(5.12)
        assert readings.position is None, "no device measures it"
        plain = readings.as_json()
        assert plain["distance"]["distance_m"] == pytest.approx(5.12)
        assert plain["distance"]["how"] == "held"
        assert instruments.report()["range"]["state"] == "streaming"
        plug.unplug()
        until(lambda: instruments.report()["range"]["state"] == "lost")
        later = instruments.at(monotonic_ns() + 10**10).as_json()
        assert set(later["distance"]) == {"unknown"}, "an old distance is not the distance now"
    finally:
        instruments.stop()


def test_positions_are_matched_by_time(plug: Any, until: Until) -> None:
    instruments = Instruments({"gps": f"nmea:{plug.path}"})
    instruments.start()
    body = "GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"
    try:

        def known() -> bool:
            plug.send(sentence(body))
            found = instruments.at(monotonic_ns()).position
            return found is not None and found.value is not None

        until(known)
        position = instruments.at(monotonic_ns()).as_json()["position"]
        assert position["latitude_deg"] == pytest.approx(48.1173)
        assert position["longitude_deg"] == pytest.approx(11.516667, abs=1e-6)
        fix = nav_sat_fix(instruments.at(monotonic_ns()).position, header_at(0, 0, "gnss"))
        assert fix.altitude == pytest.approx(545.4 + 46.9), "above the ellipsoid, as NavSatFix wants it"
        before = instruments.at(monotonic_ns() - 10**11).as_json()["position"]
        assert set(before) == {"unknown"}
    finally:
        instruments.stop()


def test_a_closed_shutter_is_known_while_it_is_closed() -> None:
    instruments = Instruments({})
    now = monotonic_ns()
    instruments._hear(Stamped(now, BosonStatus(31.5, FfcState.NONE)))
    assert not instruments.shutter_closed(now)
    instruments._hear(Stamped(now, BosonStatus(31.5, FfcState.IN_PROGRESS)))
    assert instruments.shutter_closed(now)
    assert not instruments.shutter_closed(now + SHUTTER_HOLDS_NS), "who hears nothing more stays not blind"
    instruments._hear(Stamped(now, BosonStatus(31.6, FfcState.COMPLETE)))
    assert not instruments.shutter_closed(now)
    assert instruments.at(now).as_json()["fpa_temperature_c"] == 31.6


def test_a_run_without_a_shutter_says_so() -> None:
    with pytest.raises(RigsightError, match="DEV-006: no device of this run can close a shutter"):
        Instruments({}).run_ffc()


def test_the_distance_reaches_every_line_of_a_run(
    plug: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.01):
            plug.send(range_frame(733))

    talker = threading.Thread(target=talk)
    talker.start()
    out = tmp_path / "lines.jsonl"
    try:
        words = ["--bundle", "bundles/crack", "--rgb", "card:128x96?fps=5", "--limit", "6"]
        words += ["--range", f"tfmini:{plug.path}", "--sink", f"jsonl:{out}", "--json"]
        assert main(["run", *words]) == 0
    finally:
        over.set()
        talker.join()
    report = json.loads(capfd.readouterr().out)
    assert report["devices"]["range"]["uri"] == f"tfmini:{plug.path}"
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines[-1]["readings"]["distance"]["distance_m"] == pytest.approx(7.33)


def test_a_device_that_is_not_there_does_not_stop_a_run(capfd: pytest.CaptureFixture[str]) -> None:
    words = ["--bundle", "bundles/crack", "--rgb", "card:128x96?fps=5", "--limit", "1"]
    assert main(["run", *words, "--range", "tfmini:/dev/nothing", "--json"]) == 0
    shown = capfd.readouterr()
    assert json.loads(shown.out)["devices"]["range"]["state"] == "lost"
    assert "note: range: lost" in shown.err
    assert main(["run", *words, "--range", "tfmimi:/dev/nothing"]) == 2
    assert capfd.readouterr().err.startswith("DEV-001: ")
