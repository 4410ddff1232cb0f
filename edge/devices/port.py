"""A byte stream that may vanish: a serial port through pyserial, or a UDP socket."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from typing import Any, Protocol

from rigsight.base.errors import RigsightError
from rigsight.edge.devices import codes

READ_TIMEOUT_S = 0.1
WRITE_TIMEOUT_S = 0.5
LARGEST_READ = 4096
UDP_PREFIX = "udp:"
LOCALHOST = "127.0.0.1"
_ABSENT = (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR)
_FORBIDDEN = (errno.EACCES, errno.EPERM)
_BUSY = (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK)


class Port(Protocol):
    """What a device is read from and written to."""

    name: str

    def read(self) -> bytes:
        """What has arrived: waits up to READ_TIMEOUT_S for the first byte; empty when none came.

        Raises RigsightError DEV-006 when the device is gone.
        """

    def write(self, data: bytes) -> None:
        """Send everything. Raises RigsightError DEV-006 when the device is gone or takes no bytes."""

    def close(self) -> None:
        """Let go. Closing twice is harmless, and nothing is raised."""


def open_port(path: str, baud: int) -> Port:
    """Open ``/dev/…`` at ``baud``, or ``udp:[host:]number`` (bound to localhost unless a host is given).

    Raises:
        RigsightError: DEV-001 for an address that is none, DEV-002 to DEV-005 for a serial port that cannot
            be opened, DEV-009 without pyserial, DEV-010 for a UDP address that cannot be listened on.
    """
    if path.startswith(UDP_PREFIX):
        host, number = udp_address(path)
        return UdpPort(host, number)
    return SerialPort(path, baud)


def udp_address(path: str) -> tuple[str, int]:
    """Host and port of ``udp:14550`` or ``udp:0.0.0.0:14550``. Raises DEV-001.

    >>> udp_address("udp:14550")
    ('127.0.0.1', 14550)
    """
    host, _, number = path.removeprefix(UDP_PREFIX).rpartition(":")
    if not (number.isascii() and number.isdigit() and int(number) < 65536):
        raise codes.BAD_URI(
            f"'{number}' is no UDP port", where=path, fix="Write udp:14550 or udp:0.0.0.0:14550."
        )
    return host or LOCALHOST, int(number)


class SerialPort:
    """A serial port, held exclusively."""

    def __init__(self, path: str, baud: int) -> None:
        """Open it. Raises RigsightError DEV-002 to DEV-005 and DEV-009."""
        self.name = path
        try:
            import serial
        except ImportError:
            raise codes.PYSERIAL_MISSING("serial ports cannot be opened", where=path) from None
        try:
            self._serial: Any = serial.Serial(
                path, baud, timeout=READ_TIMEOUT_S, write_timeout=WRITE_TIMEOUT_S, exclusive=True
            )
        except Exception as error:  # termios.error is not an OSError, bad baud rates are ValueErrors
            raise _why_not(path, baud, error) from None

    def read(self) -> bytes:
        """See :class:`Port`."""
        try:
            first: bytes = self._serial.read(1)
            if not first:
                return b""
            return first + bytes(self._serial.read(min(self._serial.in_waiting, LARGEST_READ)))
        except (OSError, TypeError) as error:  # TypeError: closed by another thread
            raise codes.LOST(f"reading failed: {error}", where=self.name) from None

    def write(self, data: bytes) -> None:
        """See :class:`Port`."""
        try:
            self._serial.write(data)
        except (OSError, TypeError) as error:
            raise codes.LOST(f"writing failed: {error}", where=self.name) from None

    def close(self) -> None:
        """See :class:`Port`."""
        with suppress(OSError):  # the device may be gone already
            self._serial.close()


class UdpPort:
    """Datagrams that arrive at an address, from whoever sends them."""

    def __init__(self, host: str, number: int) -> None:
        """Listen. Raises RigsightError DEV-010."""
        self.name = f"{UDP_PREFIX}{host}:{number}"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(READ_TIMEOUT_S)
        try:
            self._socket.bind((host, number))
        except OSError as error:
            self._socket.close()
            raise codes.ADDRESS(f"{error.strerror or error}", where=self.name) from None

    @property
    def number(self) -> int:
        """The port number that is listened on; chosen by the system for ``udp:0``."""
        return int(self._socket.getsockname()[1])

    def read(self) -> bytes:
        """See :class:`Port`."""
        try:
            return self._socket.recv(1 << 16)
        except TimeoutError:
            return b""
        except OSError as error:
            raise codes.LOST(f"receiving failed: {error}", where=self.name) from None

    def write(self, data: bytes) -> None:
        """Nobody to write to: raises DEV-006."""
        raise codes.LOST("a UDP port only listens", where=self.name)

    def close(self) -> None:
        """See :class:`Port`."""
        self._socket.close()


def _why_not(path: str, baud: int, error: Exception) -> RigsightError:
    number = getattr(error, "errno", None)
    if number in _ABSENT:
        return codes.ABSENT("nothing is there", where=path)
    if number in _FORBIDDEN:
        group = _group_of(path)
        return codes.FORBIDDEN(
            f"it belongs to the group {group}",
            where=path,
            fix=f"sudo usermod -aG {group} $USER, then log in again.",
        )
    if number in _BUSY:
        fix = f"End the program that holds it; 'fuser -v {path}' names it."
        return codes.BUSY("another program holds it", where=path, fix=fix)
    text = getattr(error, "strerror", None) or str(error)
    return codes.UNUSABLE(f"{text} at {baud} baud", where=path)


def _group_of(path: str) -> str:
    """The group that may use the port: dialout on Debian and Ubuntu."""
    import grp

    try:
        name = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"
    return "dialout" if name in ("root", "tty") else name
