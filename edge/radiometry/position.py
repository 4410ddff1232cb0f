"""Where and when a picture was taken, and where the camera looked: EXIF, XMP of drones, FLIR's GPS record."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from rigsight.edge.devices.navigation import Position
from rigsight.edge.devices.rotation import Angles
from rigsight.edge.radiometry.exif import Exif, Value
from rigsight.edge.radiometry.fields import Fields
from rigsight.edge.radiometry.flir_segments import Record
from rigsight.edge.radiometry.jpeg import APP1, segments

NS_PER_S, NS_PER_US = 1_000_000_000, 1000
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_NUMBER = r"\s*([+-]?\d{1,9}(?:\.\d{0,12})?)\s*"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def position_of(exif: Exif, gps: Record | None, xmp: str) -> Position | None:
    """WGS 84: EXIF's, else that of FLIR's GPS record; height above take-off from a drone's XMP."""
    above_home = drone_value(xmp, "RelativeAltitude")
    place = _of_exif(exif) or _of_flir(gps)
    if place is None:
        return None
    latitude, longitude, altitude, source = place
    return Position(latitude, longitude, altitude, above_home, source)


def gimbal_of(xmp: str) -> Angles | None:
    """Roll, pitch, yaw of the camera in radians against north-east-down, as a drone's gimbal says.

    A pitch of -pi/2 looks straight down.
    """
    return _angles(xmp, ("GimbalRollDegree", "GimbalPitchDegree", "GimbalYawDegree"))


def flight_attitude_of(xmp: str) -> Angles | None:
    """Roll, pitch, yaw of the drone itself in radians, forward-right-down against north-east-down."""
    return _angles(xmp, ("FlightRollDegree", "FlightPitchDegree", "FlightYawDegree"))


def xmp_of(data: bytes) -> str:
    """The XMP packet of a JPEG, empty where there is none."""
    for marker, payload in segments(data):
        if marker == APP1 and bytes(payload[: len(_XMP)]) == _XMP:
            return bytes(payload[len(_XMP) :]).decode("utf-8", "replace")
    return ""


def drone_value(xmp: str, name: str) -> float | None:
    """A number of DJI's XMP, written as attribute or as element.

    >>> drone_value('<a drone-dji:RelativeAltitude="+1.50">', "RelativeAltitude")
    1.5
    """
    for form in (rf'drone-dji:{name}="{_NUMBER}"', rf"<drone-dji:{name}>{_NUMBER}</drone-dji:{name}>"):
        found = re.search(form, xmp)
        if found is not None:
            return float(found[1])
    return None


def utc_ns_of(exif: Exif) -> int | None:
    """When the picture was taken, ns since 1970: by the satellites, else by a clock of known zone."""
    day, clock = _text(exif.gps.get(0x1D)), _numbers(exif.gps.get(0x07), 3)
    if clock is not None and (moment := _moment(f"{day} 00:00:00")) is not None:
        hours, minutes, seconds = clock
        whole = moment + timedelta(seconds=min(hours * 3600 + minutes * 60 + seconds, 1e6))
        return _ns(whole)
    zone = re.fullmatch(r"([+-])(\d\d):(\d\d)", _text(exif.exif.get(0x9011)))
    local = _moment(_text(exif.exif.get(0x9003)))
    if zone is None or local is None:
        return None
    ahead = timedelta(hours=int(zone[2]), minutes=int(zone[3])) * (-1 if zone[1] == "-" else 1)
    part = re.fullmatch(r"\d{1,9}", _text(exif.exif.get(0x9291)))
    try:
        return _ns(local - ahead) + (int(part[0].ljust(9, "0")) if part else 0)
    except OverflowError:  # the first or last day that the calendar knows
        return None


@dataclass(frozen=True, slots=True)
class _Axis:
    numbers: Value | None
    side: Value | None
    negative: str
    limit: float

    def degrees(self) -> float | None:
        parts = _numbers(self.numbers, 3)
        if parts is None or min(parts) < 0:
            return None
        value = parts[0] + parts[1] / 60 + parts[2] / 3600
        return None if value > self.limit else -value if _text(self.side) == self.negative else value


def _of_exif(exif: Exif) -> tuple[float, float, float | None, str] | None:
    latitude = _Axis(exif.gps.get(2), exif.gps.get(1), "S", 90).degrees()
    longitude = _Axis(exif.gps.get(4), exif.gps.get(3), "W", 180).degrees()
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None
    height, below = _numbers(exif.gps.get(6), 1), exif.gps.get(5)
    below_sea = below in ((1.0,), b"\x01")
    return latitude, longitude, None if height is None else -height[0] if below_sea else height[0], "exif"


def _of_flir(record: Record | None) -> tuple[float, float, float | None, str] | None:
    """FLIR's record: a valid mark, N/S and E/W, two doubles, a float that is -1 where unknown."""
    if record is None or len(record.data) < 0x24:
        return None
    fields = Fields(record.data, big=int.from_bytes(record.data[:4], "little") >= 1 << 16)
    latitude, longitude, height = (
        fields.number(kind, place) for kind, place in (("d", 0x10), ("d", 0x18), ("f", 0x20))
    )
    if fields.integer("I", 0) != 1 or latitude is None or longitude is None:
        return None
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None
    latitude = -abs(latitude) if fields.text(0x08, 2) == "S" else latitude
    longitude = -abs(longitude) if fields.text(0x0A, 2) == "W" else longitude
    return latitude, longitude, None if height is None or height == -1 else height, "flir"


def _angles(xmp: str, names: Sequence[str]) -> Angles | None:
    roll, pitch, yaw = (drone_value(xmp, name) for name in names)
    if roll is None or pitch is None or yaw is None:
        return None
    return math.radians(roll), math.radians(pitch), math.radians(yaw)


def _numbers(value: Value | None, count: int) -> tuple[float, ...] | None:
    if not isinstance(value, tuple) or len(value) != count or not all(map(math.isfinite, value)):
        return None
    return value


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""


def _moment(text: str) -> datetime | None:
    """``2018:05:16 10:22:57`` as if it were UTC."""
    try:
        return datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * NS_PER_US
