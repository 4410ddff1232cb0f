"""URIs become devices, and their events become knowledge; mistakes in URIs name the remedy."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.devices.listing import LIKELY, likely_on, list_ports
from rigsight.edge.devices.open import OPTIONS, distance_of, open_device
from rigsight.edge.devices.state import DeviceState
from rigsight.edge.profile import DeviceSettings
from rigsight.edge.protocols.mavlink_messages import DistanceSensor
from rigsight.edge.protocols.nmea import sentence

Until = Callable[[Callable[[], object]], None]


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("tfmini:/dev/ttyUSB0?boud=9600", "Did you mean 'baud'?"),
        ("tfmini:/dev/ttyUSB0?model=pro", "'tfmini' or 'plus'"),
        ("tfmini:/dev/ttyUSB0?baud=fast", "a whole number of at least 1"),
        ("tfmini:/dev/ttyUSB0?baud=0", "a whole number of at least 1"),
        ("tfmini:/dev/ttyUSB0?min=5&max=2", "below max"),
        ("tfmni:/dev/ttyUSB0", "Did you mean 'tfmini:'?"),
        ("boson:", "nothing stands after"),
        ("/dev/ttyUSB0", "no scheme"),
        ("nmea:udp:14550", "only mavlink:"),
        ("nmea:/dev/ttyUSB0?latency=fast", "a duration such as 5ms"),
        ("mavlink:udp:99999", "no UDP port"),
        ("mavlink:/dev/ttyUSB0?baud=57600&baud=9600", "given twice"),
    ],
)
def test_what_is_wrong_with_a_uri(uri: str, says: str) -> None:
    with pytest.raises(RigsightError) as caught:
        open_device(uri)
    assert caught.value.code == "DEV-001"
    assert caught.value.exit_code == 2
    assert says in caught.value.line()
    assert "sim:" not in caught.value.line()


def test_every_kind_of_a_profile_opens() -> None:
    kinds = DeviceSettings.model_fields["kind"].annotation.__args__  # type: ignore[union-attr]
    assert set(OPTIONS) == set(kinds)
    for kind in kinds:
        assert open_device(f"{kind}:/dev/none").state == DeviceState.CLOSED


def test_starting_what_is_not_there_is_one_line() -> None:
    with pytest.raises(RigsightError, match=r"DEV-002.*\[/dev/none\]"):
        open_device("nmea:/dev/none").start()


def test_a_range_finder(plug: Any, until: Until) -> None:
    with open_device(f"tfmini:{plug.path}?min=0.3&max=12&max_age=60s") as device:
        body = b"YY" + struct.pack("<HHH", 345, 500, 0)
        plug.send(body + bytes((sum(body) & 0xFF,)))
        until(lambda: device.state == DeviceState.STREAMING)
        assert device.rangefinder is not None
        until(lambda: device.rangefinder.latest().value is not None)  # type: ignore[union-attr]
        assert device.rangefinder.latest().value.distance_m == pytest.approx(3.45)  # type: ignore[union-attr]
    assert device.state == DeviceState.CLOSED


def test_a_receiver(plug: Any, until: Until) -> None:
    heard: list[Any] = []
    with open_device(f"nmea:{plug.path}?max_age=60s") as device:
        device.listen(heard.append)
        plug.send(sentence("GNGGA,120000.00,4807.0,N,01130.0,E,4,12,0.8,500.0,M,46.9,M,,"))
        until(lambda: heard)
        assert device.navigation is not None
        found = device.navigation.position_at(heard[0].arrival_ns)
        assert found.value is not None
        assert found.value.longitude_deg == 11.5


# Written by pymavlink 2.4.50.
MAVLINK = {
    "attitude": "fd1c0000fa07011e000040e20100cdcccc3dcdcc4cbe000040400ad7233c0ad7a3bc8fc2f53c0b78",
    "position": "fd1c0000fa070121000040e201004a52401c44f41705bd720700393000006aff1900fdff8769111d",
    "trigger": "fd090000fa070170000015cd5b07000000002aaa1c",
    "distance": "fd0e0000fa070184000040e201001400b0045901000119ffab2c",
}


@pytest.mark.parametrize("way", ["serial", "udp"])
def test_an_autopilot(plug: Any, until: Until, way: str) -> None:
    if way == "udp":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            number = probe.getsockname()[1]
    heard: list[Any] = []
    device = open_device(f"mavlink:{plug.path if way == 'serial' else f'udp:{number}'}?max_age=60s")
    device.listen(heard.append)
    with device:
        for text in MAVLINK.values():
            if way == "serial":
                plug.send(bytes.fromhex(text))
            else:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    sender.sendto(bytes.fromhex(text), ("127.0.0.1", number))
        until(lambda: len(heard) == 4)
        at_ns = heard[-1].arrival_ns
        assert device.navigation is not None
        assert device.rangefinder is not None
        assert device.triggers is not None
        assert device.navigation.position_at(at_ns).value.latitude_deg == pytest.approx(47.3977418)  # type: ignore[union-attr]
        assert device.navigation.attitude_at(at_ns).value == pytest.approx((0.1, -0.2, 3.0))
        assert device.rangefinder.at(at_ns).value.distance_m == pytest.approx(3.45)  # type: ignore[union-attr]
        assert device.triggers.by_sequence(42) is not None


def test_of_several_distance_sensors_one_counts() -> None:
    from rigsight.edge.devices.reader import Stamped
    from rigsight.edge.protocols.mavlink import Received

    def sensor(identity: int, metres: float) -> Stamped[Received]:
        message = DistanceSensor(0, 0.2, 12.0, metres, 0, identity, 25, None, None)
        return Stamped(identity * 1000, Received(1, 1, 0, message))

    for uri, expected in (("mavlink:/dev/none", 3.0), ("mavlink:/dev/none?sensor=2", 4.0)):
        device = open_device(uri)
        assert device.rangefinder is not None
        for stamped in (sensor(1, 3.0), sensor(2, 4.0)):
            device._take(stamped)
        assert device.rangefinder.at(5000).value.distance_m == expected  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("metres", "quality", "problem"),
    [
        (3.0, None, None),
        (3.0, 80, None),
        (3.0, 1, "the sensor calls its signal invalid"),
        (12.5, None, "12.50 m is outside the sensor's 0.2 to 12 m"),
        (0.1, None, "0.10 m is outside the sensor's 0.2 to 12 m"),
    ],
)
def test_distances_of_an_autopilot(metres: float, quality: int | None, problem: str | None) -> None:
    made = distance_of(DistanceSensor(0, 0.2, 12.0, metres, 0, 1, 25, None, quality))
    assert made.problem == problem
    assert made.distance_m == (None if problem else metres)


def test_what_is_likely_on_a_port() -> None:
    assert likely_on(0x09CB, 0x4007, "/dev/ttyACM0") == ("FLIR Boson", "boson")
    assert likely_on(0x1546, 0x01A9, "/dev/ttyACM0")[1] == "nmea"
    assert likely_on(None, None, "/dev/ttyTHS1")[0] == "UART of a Jetson's pin header"
    assert likely_on(0xFFFF, 1, "/dev/ttyUSB0") == ("unknown USB device", None)
    assert {kind for _, kind in LIKELY.values()} <= {None, *OPTIONS}


def test_ports_are_listed_by_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from serial.tools import list_ports as listing
    from serial.tools.list_ports_common import ListPortInfo

    from rigsight.edge.devices import listing as ours

    boson, uart = ListPortInfo("/dev/ttyACM0"), ListPortInfo("/dev/ttyTHS1")
    boson.vid, boson.pid, boson.product = 0x09CB, 0x4007, "FLIR Video"
    link = tmp_path / "usb-FLIR_Boson_1-if02"
    link.symlink_to("/dev/ttyACM0")
    monkeypatch.setattr(listing, "comports", lambda: [uart, boson])
    monkeypatch.setattr(ours, "BY_ID", tmp_path)
    first, second = list_ports()
    assert (first.port, first.device, first.usb) == (str(link), "/dev/ttyACM0", "09cb:4007")
    assert (first.likely, first.uri) == ("FLIR Boson", f"boson:{link}")
    assert (second.port, second.usb, second.uri) == ("/dev/ttyTHS1", None, None)
