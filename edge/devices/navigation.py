"""Where the rig was and how it lay at any instant, from NMEA or MAVLink."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees, hypot, isfinite

from rigsight.edge.devices.clock import ClockOffset
from rigsight.edge.devices.rotation import Angles, between
from rigsight.edge.devices.track import Lookup, Track, Unknown
from rigsight.edge.devices.utc import Utc
from rigsight.edge.protocols.mavlink import Received
from rigsight.edge.protocols.mavlink_messages import Attitude, GlobalPosition, GpsRaw, SystemTime
from rigsight.edge.protocols.nmea import FixQuality, Gga, NmeaEvent, Rmc

NS_PER_MS, NS_PER_US, NS_PER_S = 1_000_000, 1000, 1_000_000_000
BETTER_FOR_NS = 5 * NS_PER_S
LEAST_GPS_FIX = 2


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84 degrees and metres; ``altitude_m`` is above mean sea level, ``geoid_separation_m`` that level
    above the ellipsoid where the receiver says it, ``fix`` the receiver's word."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None
    above_home_m: float | None = None
    fix: str = ""
    geoid_separation_m: float | None = None


@dataclass(frozen=True, slots=True)
class Motion:
    """Over ground: ``course_deg`` clockwise from true north, None when standing."""

    speed_m_per_s: float | None
    course_deg: float | None


class Navigation:
    """Bounded histories of position, attitude and motion that are looked up by the rig's time.

    Gaps of more than 2.5 s between positions or 0.5 s between attitudes are not interpolated across; one
    sample stands for at most ``max_age_s``. Of several MAVLink senders on a link the first that says where it
    is counts, unless ``system`` names one. ``latency_ns``, what the device itself needs, is subtracted from
    every arrival.
    """

    def __init__(self, max_age_s: float = 1.0, latency_ns: int = 0, system: int | None = None) -> None:
        self.position: Track[Position] = Track(_between_positions, 2.5, max_age_s, "position")
        self.attitude: Track[Angles] = Track(between, 0.5, min(max_age_s, 0.5), "attitude")
        self.motion: Track[Motion] = Track(None, 0.0, max_age_s, "motion")
        self._latency_ns, self._system = latency_ns, system
        self._sender: tuple[int, int] | None = None
        self._boot, self._utc = ClockOffset(), ClockOffset()
        self._better_ns: int | None = None  # when the better of two sources of positions was last heard

    def position_at(self, time_ns: int) -> Lookup[Position]:
        """The position at an instant of the rig's clock."""
        return self.position.at(time_ns)

    def attitude_at(self, time_ns: int) -> Lookup[Angles]:
        """Roll, pitch, yaw in radians (forward-right-down against north-east-down) at an instant."""
        return self.attitude.at(time_ns)

    def epoch_ns(self, time_ns: int) -> int | None:
        """UTC in nanoseconds since 1970 of an instant of the rig's clock, None before a device told it."""
        offset = self._utc.offset_ns
        return None if offset is None else time_ns - offset

    def utc_at(self, time_ns: int) -> Utc | None:
        """UTC of an instant of the rig's clock with its uncertainty, None before a device told it."""
        value, uncertainty = self.epoch_ns(time_ns), self._utc.uncertainty_ns
        return None if value is None or uncertainty is None else Utc(value, uncertainty, "gnss")

    def add_nmea(self, arrival_ns: int, event: NmeaEvent) -> None:
        """Take a sentence that was read at ``arrival_ns``."""
        arrival_ns -= self._latency_ns
        time_ns = arrival_ns if event.utc_ns is None else self._utc.rig_ns(event.utc_ns, arrival_ns)
        if isinstance(event, Gga):
            self._better_ns = arrival_ns
            position: Position | Unknown = Unknown("the receiver has no fix")
            if event.quality and event.latitude_deg is not None and event.longitude_deg is not None:
                fix = FixQuality(event.quality).name.lower()
                position = Position(
                    event.latitude_deg,
                    event.longitude_deg,
                    event.altitude_m,
                    fix=fix,
                    geoid_separation_m=event.geoid_separation_m,
                )
            self.position.add(time_ns, position)
        elif isinstance(event, Rmc):
            if not self._has_better(arrival_ns):
                position = Unknown("the receiver has no fix")
                if event.valid and event.latitude_deg is not None and event.longitude_deg is not None:
                    position = Position(event.latitude_deg, event.longitude_deg, None, fix="rmc")
                self.position.add(time_ns, position)
            motion = Motion(event.speed_m_per_s, event.course_deg)
            self.motion.add(time_ns, motion if event.valid else Unknown("the receiver has no fix"))

    def add_mavlink(self, arrival_ns: int, received: Received) -> None:
        """Take a message that was read at ``arrival_ns``."""
        message = received.message
        if not isinstance(message, (Attitude, GlobalPosition, GpsRaw, SystemTime)):
            return
        sender = received.system, received.component
        if self._sender is None and self._system in (None, received.system):
            self._sender = sender
        if sender != self._sender:
            return
        arrival_ns -= self._latency_ns
        if isinstance(message, GpsRaw):
            if not self._has_better(arrival_ns):
                self.position.add(arrival_ns, _gps_position(message))
            return
        time_ns = self._boot.rig_ns(message.boot_ms * NS_PER_MS, arrival_ns)
        if isinstance(message, Attitude):
            angles = message.roll_rad, message.pitch_rad, message.yaw_rad
            finite = all(map(isfinite, angles))
            self.attitude.add(time_ns, angles if finite else Unknown("the autopilot has no attitude"))
        elif isinstance(message, GlobalPosition):
            self._better_ns = arrival_ns
            self.position.add(time_ns, _autopilot_position(message))
            north, east, _ = message.velocity_m_per_s
            self.motion.add(time_ns, _motion(north, east))
        elif message.utc_us is not None:
            self._utc.rig_ns(message.utc_us * NS_PER_US, arrival_ns)

    def _has_better(self, arrival_ns: int) -> bool:
        return self._better_ns is not None and arrival_ns - self._better_ns < BETTER_FOR_NS


def _autopilot_position(message: GlobalPosition) -> Position | Unknown:
    latitude, longitude = message.latitude_deg, message.longitude_deg
    if latitude == 0 and longitude == 0:  # what autopilots send before they know
        return Unknown("the autopilot has no position yet")
    return Position(latitude, longitude, message.altitude_m, message.above_home_m, "autopilot")


def _gps_position(message: GpsRaw) -> Position | Unknown:
    if message.fix_type < LEAST_GPS_FIX:
        return Unknown("the receiver has no fix")
    altitude = message.altitude_m if message.fix_type > LEAST_GPS_FIX else None
    return Position(message.latitude_deg, message.longitude_deg, altitude, fix=f"gps {message.fix_type}")


def _motion(north: float, east: float) -> Motion:
    speed = hypot(north, east)
    return Motion(speed, degrees(atan2(east, north)) % 360 if speed > 0 else None)


def _between_positions(a: Position, b: Position, share: float) -> Position:
    """Linear in latitude and longitude, the short way round at 180 degrees."""
    east = (b.longitude_deg - a.longitude_deg + 180) % 360 - 180
    longitude = (a.longitude_deg + share * east + 180) % 360 - 180
    return Position(
        a.latitude_deg + share * (b.latitude_deg - a.latitude_deg),
        longitude,
        _mixed(a.altitude_m, b.altitude_m, share),
        _mixed(a.above_home_m, b.above_home_m, share),
        a.fix if share < 0.5 else b.fix,
        _mixed(a.geoid_separation_m, b.geoid_separation_m, share),
    )


def _mixed(a: float | None, b: float | None, share: float) -> float | None:
    return None if a is None or b is None else a + share * (b - a)
