"""A URI becomes a device: ``tfmini:/dev/ttyUSB0?baud=115200``, ``mavlink:udp:14550``, ``boson:/dev/…``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rigsight.edge.devices import codes
from rigsight.edge.devices.boson import BosonControl, BosonLink
from rigsight.edge.devices.navigation import NS_PER_S, Navigation
from rigsight.edge.devices.port import UDP_PREFIX, open_port, udp_address
from rigsight.edge.devices.rangefinder import RangeFinder, RangeLimits
from rigsight.edge.devices.reader import DecodedLink, DeviceReader, Link, Stamped, Status
from rigsight.edge.devices.state import DeviceState
from rigsight.edge.devices.triggers import Triggers
from rigsight.edge.protocols.lightware import LightwareDecoder, streaming_requests
from rigsight.edge.protocols.mavlink import MavlinkDecoder, Received
from rigsight.edge.protocols.mavlink_messages import CameraTrigger, DistanceSensor
from rigsight.edge.protocols.nmea import Gga, NmeaDecoder, Rmc, Zda
from rigsight.edge.protocols.ranges import Distance
from rigsight.edge.protocols.tfmini import TfminiDecoder
from rigsight.edge.sources.uri import Uri, parse_uri

COMMON = ("baud", "silent")
RANGING = ("min", "max", "min_strength", "max_age")
OPTIONS: dict[str, tuple[str, ...]] = {
    "tfmini": (*COMMON, *RANGING, "model", "unit"),
    "lightware": (*COMMON, *RANGING, "protocol"),
    "nmea": (*COMMON, "max_age", "latency"),
    "mavlink": (*COMMON, *RANGING, "latency", "system", "sensor"),
    "boson": (*COMMON, "period"),
}
BAUDS = {"tfmini": 115200, "lightware": 115200, "nmea": 9600, "mavlink": 57600, "boson": 921600}


@dataclass
class Device:
    """One device. Use it as a context manager, or call :meth:`start` and :meth:`stop`.

    Attributes:
        uri: as the user wrote it.
        rangefinder: distances, of tfmini, lightware and mavlink; None for others.
        navigation: positions and attitudes, of nmea and mavlink; None for others.
        triggers: camera triggers, of mavlink; None for others.
    """

    uri: str
    rangefinder: RangeFinder | None = None
    navigation: Navigation | None = None
    triggers: Triggers | None = None
    sensor: int | None = None
    _listeners: list[Callable[[Stamped[Any]], None]] = field(default_factory=list)
    _reader: DeviceReader[Any] | None = None
    _boson: BosonControl | None = None

    @property
    def reader(self) -> DeviceReader[Any]:
        """What reads the port."""
        assert self._reader is not None
        return self._reader

    @property
    def state(self) -> DeviceState:
        """closed, opening, streaming, silent or lost."""
        return self.reader.state

    @property
    def boson(self) -> BosonControl:
        """The camera's control interface as it is open now. Raises RigsightError DEV-006 when it is not."""
        if self._boson is None or self.state in (DeviceState.LOST, DeviceState.CLOSED):
            raise codes.LOST("the camera is not connected", where=self.uri)
        return self._boson

    def status(self) -> Status:
        """State and counts, to print."""
        return self.reader.status()

    def listen(self, listener: Callable[[Stamped[Any]], None]) -> None:
        """Call ``listener`` with every event from now on, in the reader's thread."""
        self._listeners.append(listener)

    def start(self, wait_for_device: bool = False) -> None:
        """Open and read. Raises RigsightError DEV-… unless ``wait_for_device`` retries in the background."""
        self.reader.start(wait_for_device)

    def stop(self) -> None:
        """Close; returns within a second."""
        self.reader.stop()

    def __enter__(self) -> Device:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _take(self, stamped: Stamped[Any]) -> None:
        arrival_ns, event = stamped.arrival_ns, stamped.event
        if isinstance(event, Distance) and self.rangefinder is not None:
            self.rangefinder.add(arrival_ns, event)
        elif isinstance(event, Gga | Rmc | Zda) and self.navigation is not None:
            self.navigation.add_nmea(arrival_ns, event)
        elif isinstance(event, Received):
            self._take_mavlink(arrival_ns, event)
        for listener in self._listeners:
            listener(stamped)

    def _take_mavlink(self, arrival_ns: int, received: Received) -> None:
        message = received.message
        if isinstance(message, DistanceSensor) and self.rangefinder is not None:
            if self.sensor is None:  # of several sensors the first that is heard
                self.sensor = message.id
            if message.id == self.sensor:
                self.rangefinder.add(arrival_ns, distance_of(message))
        elif isinstance(message, CameraTrigger) and self.triggers is not None:
            self.triggers.add(arrival_ns, message)
        elif self.navigation is not None:
            self.navigation.add_mavlink(arrival_ns, received)


def distance_of(message: DistanceSensor) -> Distance:
    """What a DISTANCE_SENSOR message measured; outside its own limits it measured nothing."""
    quality = message.quality_percent
    if quality == 1:  # the dialect: invalid signal
        return Distance(None, quality, problem="the sensor calls its signal invalid")
    if not message.min_m <= message.current_m <= message.max_m:
        limits = f"{message.min_m:g} to {message.max_m:g} m"
        return Distance(None, quality, problem=f"{message.current_m:.2f} m is outside the sensor's {limits}")
    return Distance(message.current_m, quality)


def open_device(text: str) -> Device:
    """The device of a URI; nothing is opened before :meth:`Device.start`.

    Raises:
        RigsightError: DEV-001 for a URI that is not understood; unknown keys name the nearest known one.
    """
    uri = parse_uri(text, OPTIONS, codes.BAD_URI)
    uri.check(OPTIONS[uri.scheme])
    if uri.path.startswith(UDP_PREFIX):
        if uri.scheme != "mavlink":
            raise codes.BAD_URI("only mavlink: listens on UDP", where=text, fix="Give a serial port.")
        udp_address(uri.path)
    baud = uri.integer("baud", BAUDS[uri.scheme], low=1)
    device = Device(text)
    open_link = _maker(uri, device, baud)
    device._reader = DeviceReader(
        open_link, device._take, silent_after_s=uri.seconds("silent", 2.0), name=text
    )  # fmt: skip
    return device


def _maker(uri: Uri, device: Device, baud: int) -> Callable[[], Link[Any]]:
    """Read the options, so that mistakes show at once; returns what opens the port."""
    if uri.scheme in ("tfmini", "lightware", "mavlink"):
        low, high = uri.number("min", 0.0), uri.number("max", float("inf"))
        if low > high:
            raise uri.bad("min", "below max")
        limits = RangeLimits(low, high, uri.integer("min_strength", 0))
        device.rangefinder = RangeFinder(limits, uri.seconds("max_age", 0.5))
    if uri.scheme in ("nmea", "mavlink"):
        latency_ns = round(uri.seconds("latency", 0.0) * NS_PER_S)
        system = uri.integer("system", 0) or None
        device.navigation = Navigation(uri.seconds("max_age", 1.0), latency_ns, system)
    if uri.scheme == "tfmini":
        model = uri.choice("model", ("tfmini", "plus"), "plus")
        unit = uri.choice("unit", ("cm", "mm"), "cm")
        return lambda: DecodedLink(open_port(uri.path, baud), TfminiDecoder(model, unit))  # type: ignore[arg-type]
    if uri.scheme == "lightware":
        packets = uri.choice("protocol", ("auto", "packets"), "auto") == "packets"
        hello = streaming_requests() if packets else b""
        return lambda: DecodedLink(open_port(uri.path, baud), LightwareDecoder(), hello)
    if uri.scheme == "nmea":
        return lambda: DecodedLink(open_port(uri.path, baud), NmeaDecoder())
    if uri.scheme == "mavlink":
        device.triggers = Triggers()
        device.sensor = uri.integer("sensor", 0) if "sensor" in uri.options else None
        return lambda: DecodedLink(open_port(uri.path, baud), MavlinkDecoder())
    period_s = uri.seconds("period", 1.0)

    def open_boson() -> BosonLink:
        link = BosonLink(open_port(uri.path, baud), period_s)
        device._boson = link.control
        return link

    return open_boson
