"""Error codes of serial devices (DEV)."""

from rigsight.base.errors import ENVIRONMENT, define

BAD_URI = define(
    "DEV-001",
    "A device URI is not understood",
    "Write kind:port?key=value, for example tfmini:/dev/ttyUSB0?baud=115200; docs/devices.md lists the keys.",
)
ABSENT = define(
    "DEV-002",
    "There is no such serial port",
    "Plug the device in; 'rigsight devices' lists the ports that are there.",
    ENVIRONMENT,
)
FORBIDDEN = define(
    "DEV-003",
    "The serial port may not be opened by this user",
    "sudo usermod -aG dialout $USER, then log in again.",
    ENVIRONMENT,
)
BUSY = define(
    "DEV-004",
    "The serial port is in use",
    "End the program that holds it; 'fuser -v PORT' names it.",
    ENVIRONMENT,
)
UNUSABLE = define(
    "DEV-005",
    "The path is no serial port, or refuses its settings",
    "Check the path and the baud rate; 'rigsight devices' lists the ports that are there.",
    ENVIRONMENT,
)
LOST = define(
    "DEV-006",
    "The connection to a device is lost",
    "Check plug, cable and power; a running program opens the port again by itself.",
    ENVIRONMENT,
)
SILENT = define(
    "DEV-007",
    "A device does not answer, or sends nothing that is understood",
    "Check its power, the baud rate, and that TX and RX are crossed.",
    ENVIRONMENT,
)
REFUSED = define(
    "DEV-008",
    "A device refuses a request",
    "Check that the device knows the setting; its firmware may be too old.",
    ENVIRONMENT,
)
PYSERIAL_MISSING = define(
    "DEV-009",
    "pyserial is not installed",
    "Install it: pip install pyserial.",
    ENVIRONMENT,
)
ADDRESS = define(
    "DEV-010",
    "The UDP address cannot be listened on",
    "Choose another port, as in mavlink:udp:14551, or an address of this machine.",
    ENVIRONMENT,
)
