"""Opening ports: what goes wrong is one line with the remedy; what is written arrives."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.devices import port as port_module
from rigsight.edge.devices.port import SerialPort, UdpPort, open_port, udp_address


def read_all(port: Any, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += port.read()
    return data


def test_bytes_go_both_ways(plug: Any) -> None:
    port = open_port(str(plug.path), 115200)
    everything = bytes(range(256)) * 8
    plug.send(everything)
    assert read_all(port, len(everything)) == everything
    port.write(everything)
    assert read_all(_Other(plug), len(everything)) == everything
    assert port.read() == b""
    port.close()
    port.close()


class _Other:
    def __init__(self, plug: Any) -> None:
        self.read: Callable[[], bytes] = plug.received


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(RigsightError) as caught:
        open_port(str(tmp_path / "none"), 9600)
    assert caught.value.code == "DEV-002"
    assert "rigsight devices" in caught.value.fix


def test_busy(plug: Any) -> None:
    first = open_port(str(plug.path), 9600)
    with pytest.raises(RigsightError) as caught:
        open_port(str(plug.path), 9600)
    assert caught.value.code == "DEV-004"
    assert f"fuser -v {plug.path}" in caught.value.fix
    first.close()
    open_port(str(plug.path), 9600).close()


def test_no_permission_names_the_group(tmp_path: Path) -> None:
    """As the kernel says it; who runs the tests as root never sees it otherwise."""
    import serial

    file = tmp_path / "ttyUSB0"
    file.touch()
    error = serial.SerialException(errno.EACCES, "could not open port")
    made = port_module._why_not(str(file), 9600, error)
    assert made.code == "DEV-003"
    assert "usermod -aG" in made.fix
    assert "dialout" in port_module._why_not("/dev/none", 9600, error).fix
    if os.geteuid():
        file.chmod(0)
        with pytest.raises(RigsightError) as caught:
            open_port(str(file), 9600)
        assert caught.value.code == "DEV-003"


def test_no_serial_port_and_no_such_baud_rate(plug: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, baud in ((tmp_path / "file", 9600), (tmp_path, 9600), (plug.path, -5)):
        with pytest.raises(RigsightError) as caught:
            open_port(str(path), baud)
        assert caught.value.code == "DEV-005"
        assert "\n" not in caught.value.line()


def test_without_pyserial(plug: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(RigsightError) as caught:
        open_port(str(plug.path), 9600)
    assert caught.value.code == "DEV-009"


def test_unplugging_while_reading_and_writing(plug: Any) -> None:
    port = SerialPort(str(plug.path), 9600)
    plug.unplug()
    with pytest.raises(RigsightError) as caught:
        for _ in range(100):
            port.read()
    assert caught.value.code == "DEV-006"
    with pytest.raises(RigsightError) as caught:
        for _ in range(100):
            port.write(b"x")
    assert caught.value.code == "DEV-006"
    port.close()
    with pytest.raises(RigsightError) as caught:
        port.read()
    assert caught.value.code == "DEV-006"


def test_udp_listens_to_this_machine_only() -> None:
    port = UdpPort("127.0.0.1", 0)
    assert port.read() == b""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", ("127.0.0.1", port.number))
    assert port.read() == b"hello"
    with pytest.raises(RigsightError) as caught:
        UdpPort("127.0.0.1", port.number)
    assert caught.value.code == "DEV-010"
    with pytest.raises(RigsightError, match="DEV-006"):
        port.write(b"x")
    port.close()
    with pytest.raises(RigsightError, match="DEV-006"):
        port.read()


def test_udp_addresses() -> None:
    assert udp_address("udp:14550") == ("127.0.0.1", 14550)
    assert udp_address("udp:0.0.0.0:14550") == ("0.0.0.0", 14550)
    for wrong in ("udp:", "udp:host", "udp:host:99999", "udp:１２"):
        with pytest.raises(RigsightError, match="DEV-001"):
            udp_address(wrong)
    with pytest.raises(RigsightError, match="DEV-010"):
        open_port("udp:203.0.113.7:14550", 1)
