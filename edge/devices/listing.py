"""Which serial ports there are, and what is likely to be on each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rigsight.edge.devices import codes

BY_ID = Path("/dev/serial/by-id")

# (USB vendor, product or None for any) -> what it is, and the kind of device URI that fits, or None.
LIKELY: dict[tuple[int, int | None], tuple[str, str | None]] = {
    (0x09CB, 0x4007): ("FLIR Boson", "boson"),
    (0x1E4E, 0x0100): ("PureThermal with a Lepton; pictures and commands go through the camera device", None),
    (0x1546, None): ("u-blox GNSS receiver", "nmea"),
    (0x067B, None): ("USB-serial adapter (Prolific), often a GNSS mouse", "nmea"),
    (0x26AC, None): ("PX4 autopilot", "mavlink"),
    (0x1209, 0x5740): ("ArduPilot autopilot", "mavlink"),
    (0x2DAE, None): ("CubePilot autopilot", "mavlink"),
    (0x3162, None): ("Holybro autopilot", "mavlink"),
    (0x10C4, 0xEA60): ("USB-serial adapter (CP210x): whatever is wired to it", None),
    (0x0403, None): ("USB-serial adapter (FTDI): whatever is wired to it", None),
    (0x1A86, None): ("USB-serial adapter (CH34x): whatever is wired to it", None),
}  # fmt: skip
BUILT_IN = {
    "ttyTHS": "UART of a Jetson's pin header",
    "ttyAMA": "UART of the processor",
    "ttyS": "UART of the computer",
}


@dataclass(frozen=True, slots=True)
class PortInfo:
    """One serial port.

    Attributes:
        port: the path to use; by-id where there is one, since it survives replugging.
        device: the kernel's name of it.
        usb: ``vid:pid`` in hexadecimal, None for a built-in port.
        likely: what it probably is.
        uri: a device URI to try, None where only the wiring tells.
    """

    port: str
    device: str
    usb: str | None
    product: str | None
    likely: str
    uri: str | None


def list_ports() -> list[PortInfo]:
    """All serial ports of this machine, sorted by path. Raises RigsightError DEV-009 without pyserial."""
    try:
        from serial.tools import list_ports as listing
    except ImportError:
        raise codes.PYSERIAL_MISSING("serial ports cannot be listed") from None
    links = {str(link.resolve()): str(link) for link in sorted(BY_ID.glob("*"))}
    ports = []
    for found in sorted(listing.comports()):
        likely, kind = likely_on(found.vid, found.pid, found.device)
        path = links.get(str(Path(found.device).resolve()), found.device)
        usb = None if found.vid is None else f"{found.vid:04x}:{found.pid or 0:04x}"
        ports.append(
            PortInfo(path, found.device, usb, found.product, likely, f"{kind}:{path}" if kind else None)
        )  # fmt: skip
    return ports


def likely_on(vendor: int | None, product: int | None, device: str) -> tuple[str, str | None]:
    """What is likely on a port, and the kind of device URI that fits.

    >>> likely_on(0x09CB, 0x4007, "/dev/ttyACM0")
    ('FLIR Boson', 'boson')
    """
    if vendor is None:
        name = Path(device).name
        return next((words for start, words in BUILT_IN.items() if name.startswith(start)), "unknown"), None
    known = LIKELY.get((vendor, product)) or LIKELY.get((vendor, None))
    return known or ("unknown USB device", None)
