"""The devices of one run: what they say of the instant of a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rigsight.edge.devices import codes
from rigsight.edge.devices.boson import BosonStatus
from rigsight.edge.devices.navigation import Position
from rigsight.edge.devices.open import Device, open_device
from rigsight.edge.devices.reader import Stamped
from rigsight.edge.devices.state import Change
from rigsight.edge.devices.track import Lookup
from rigsight.edge.devices.utc import Utc, system_utc
from rigsight.edge.protocols.boson import FfcState
from rigsight.edge.protocols.ranges import Distance

if TYPE_CHECKING:
    from rigsight.edge.devices.rotation import Angles

NS_PER_S = 1_000_000_000
# A Boson's shutter stays closed for 0.3 to 1 s, and its state is asked for once in its device's period.
SHUTTER_HOLDS_NS = NS_PER_S


@dataclass(frozen=True, slots=True)
class Readings:
    """What was known at one instant; None for what no device measures.

    ``attitude`` is the vehicle's; ``gimbal`` is the camera's own, roll, pitch, yaw in radians against
    north-east-down, where a drone says it. ``fpa_temperature_c`` is that of the thermal sensor, degrees
    Celsius. ``utc`` is a receiver's where one tells it, else the system clock's; of files it is the camera's.
    """

    distance: Lookup[Distance] | None = None
    position: Lookup[Position] | None = None
    attitude: Lookup[Angles] | None = None
    fpa_temperature_c: float | None = None
    utc: Utc | None = None
    gimbal: Lookup[Angles] | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values; what is unknown says why."""
        found: dict[str, Any] = {}
        for name in ("distance", "position", "attitude", "gimbal"):
            lookup = getattr(self, name)
            if lookup is None:
                continue
            if lookup.value is None:
                found[name] = {"unknown": lookup.reason}
                continue
            if isinstance(lookup.value, tuple):
                fields = dict(zip(("roll_rad", "pitch_rad", "yaw_rad"), lookup.value, strict=True))
            else:
                fields = {key: getattr(lookup.value, key) for key in type(lookup.value).__slots__}
            known = {key: value for key, value in fields.items() if value not in (None, "")}
            found[name] = {**known, "how": lookup.how, "staleness_s": lookup.staleness_s}
        if self.utc is not None:
            found["utc"] = {name: getattr(self.utc, name) for name in Utc.__slots__}
        if self.fpa_temperature_c is not None:
            found["fpa_temperature_c"] = self.fpa_temperature_c
        return found


class Instruments:
    """Range finder, navigation and the thermal camera's control port, by what they are good for.

    Of several devices of a kind the first one in the profile counts. A device that is not there is waited
    for; a run does not depend on it.
    """

    def __init__(self, devices: Mapping[str, str]) -> None:
        """``devices``: name -> URI. Raises RigsightError DEV-001."""
        self.devices: dict[str, Device] = {name: open_device(uri) for name, uri in devices.items()}
        self._fpa_temperature_c: float | None = None
        self._shutter_until_ns = 0
        for device in self.devices.values():
            device.listen(self._hear)

    def start(self) -> None:
        """Open the devices and keep trying where one is not there."""
        for device in self.devices.values():
            device.start(wait_for_device=True)

    def stop(self) -> None:
        """Close them all."""
        for device in self.devices.values():
            device.stop()

    def watch(self, listener: Callable[[str, Change], None]) -> None:
        """Have ``listener`` told of every change of a device's state: name, change."""
        for name, device in self.devices.items():
            device.reader.watch(lambda change, name=name: listener(name, change))  # type: ignore[misc]

    def at(self, time_ns: int) -> Readings:
        """What is known of an instant of the rig's clock."""
        ranging = next((d.rangefinder for d in self.devices.values() if d.rangefinder is not None), None)
        where = next((d.navigation for d in self.devices.values() if d.navigation is not None), None)
        return Readings(
            distance=None if ranging is None else ranging.at(time_ns),
            position=None if where is None else where.position_at(time_ns),
            attitude=None if where is None else where.attitude_at(time_ns),
            fpa_temperature_c=self._fpa_temperature_c,
            utc=(None if where is None else where.utc_at(time_ns)) or system_utc(time_ns),
        )

    def shutter_closed(self, time_ns: int) -> bool:
        """Whether the thermal camera said lately that its shutter is closed."""
        return time_ns < self._shutter_until_ns

    def run_ffc(self) -> None:
        """Have the thermal camera correct itself now; for a robot that is idle.

        Raises:
            RigsightError: DEV-006 where no such camera is connected, DEV-… where it does not do it.
        """
        for device in self.devices.values():
            if device.uri.startswith("boson:"):
                device.boson.run_ffc()
                return
        raise codes.LOST(
            "no device of this run can close a shutter", fix="Name a boson: device in the profile."
        )

    def report(self) -> dict[str, dict[str, Any]]:
        """Name -> URI and state; plain values."""
        return {
            name: {"uri": device.uri, "state": device.state.value} for name, device in self.devices.items()
        }

    def _hear(self, stamped: Stamped[Any]) -> None:
        event = stamped.event
        if isinstance(event, BosonStatus):
            self._fpa_temperature_c = event.fpa_temperature_c
            if event.ffc_state is FfcState.IN_PROGRESS:
                self._shutter_until_ns = stamped.arrival_ns + SHUTTER_HOLDS_NS
            else:
                self._shutter_until_ns = 0
