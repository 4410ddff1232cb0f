"""The MAVLink messages that a rig listens to, in SI units and degrees.

Layouts, lengths and CRC_EXTRA are those of MAVLink's common dialect (github.com/mavlink/c_library_v2 at
7e16bc08): fields lie by falling size, extensions follow as defined. Values that the dialect reserves for
"unknown" are None here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """HEARTBEAT: a system is there. Numbers are MAV_TYPE, MAV_AUTOPILOT, MAV_MODE_FLAG, MAV_STATE."""

    custom_mode: int
    type: int
    autopilot: int
    base_mode: int
    system_status: int


@dataclass(frozen=True, slots=True)
class SystemTime:
    """SYSTEM_TIME: ``utc_us`` microseconds since 1970, None while the autopilot has no time."""

    utc_us: int | None
    boot_ms: int


@dataclass(frozen=True, slots=True)
class GpsRaw:
    """GPS_RAW_INT: what the receiver says.

    ``fix_type``: 2 = 2D, 3 = 3D, 4 = differential, 5 = RTK float, 6 = RTK fixed. ``time_us`` counts from
    boot or from 1970, as the autopilot likes. ``altitude_m`` is above mean sea level.
    """

    time_us: int
    fix_type: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    hdop: float | None
    vdop: float | None
    speed_m_per_s: float | None
    course_deg: float | None
    satellites: int | None
    horizontal_accuracy_m: float | None
    vertical_accuracy_m: float | None


@dataclass(frozen=True, slots=True)
class Attitude:
    """ATTITUDE: roll, pitch, yaw of the vehicle in radians (forward-right-down against north-east-down)."""

    boot_ms: int
    roll_rad: float
    pitch_rad: float
    yaw_rad: float
    roll_rate_rad_per_s: float
    pitch_rate_rad_per_s: float
    yaw_rate_rad_per_s: float


@dataclass(frozen=True, slots=True)
class GlobalPosition:
    """GLOBAL_POSITION_INT: the autopilot's estimate. Velocity is north, east, down; heading of the nose."""

    boot_ms: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    above_home_m: float
    velocity_m_per_s: tuple[float, float, float]
    heading_deg: float | None


@dataclass(frozen=True, slots=True)
class TimeSync:
    """TIMESYNC: ``tc1_ns`` is 0 in a request, the answerer's clock in an answer; ``ts1_ns`` the asker's."""

    tc1_ns: int
    ts1_ns: int


@dataclass(frozen=True, slots=True)
class CameraTrigger:
    """CAMERA_TRIGGER: the autopilot has pulled the trigger. ``time_us`` since boot or 1970, as it likes."""

    time_us: int
    sequence: int


@dataclass(frozen=True, slots=True)
class DistanceSensor:
    """DISTANCE_SENSOR: ``orientation`` is MAV_SENSOR_ORIENTATION (0 forward, 25 down), quality in percent."""

    boot_ms: int
    min_m: float
    max_m: float
    current_m: float
    type: int
    id: int
    orientation: int
    variance_m2: float | None
    quality_percent: int | None


@dataclass(frozen=True, slots=True)
class CameraImageCaptured:
    """CAMERA_IMAGE_CAPTURED: a picture was taken there. ``quaternion`` is w, x, y, z; ``index`` from 0."""

    utc_us: int | None
    boot_ms: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    above_ground_m: float
    quaternion: tuple[float, float, float, float]
    index: int
    camera_id: int
    success: bool
    file_url: str


Message: TypeAlias = (
    Heartbeat
    | SystemTime
    | GpsRaw
    | Attitude
    | GlobalPosition
    | TimeSync
    | CameraTrigger
    | DistanceSensor
    | CameraImageCaptured
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a message lies in a payload of ``base_bytes``, with extensions ``fields.size`` bytes."""

    base_bytes: int
    crc_extra: int
    fields: struct.Struct
    make: Callable[..., Message]


def _gps_raw(time_us: int, lat: int, lon: int, alt: int, *rest: int) -> GpsRaw:
    eph, epv, vel, cog, fix_type, satellites, _, h_acc, v_acc, *_ = rest
    return GpsRaw(
        time_us,
        fix_type,
        lat * 1e-7,
        lon * 1e-7,
        alt * 1e-3,
        _unless(eph, 0xFFFF, 0.01),
        _unless(epv, 0xFFFF, 0.01),
        _unless(vel, 0xFFFF, 0.01),
        _unless(cog, 0xFFFF, 0.01),
        None if satellites == 0xFF else satellites,
        _unless(h_acc, 0, 1e-3),
        _unless(v_acc, 0, 1e-3),
    )


def _global_position(
    boot_ms: int, lat: int, lon: int, alt: int, above: int, vx: int, vy: int, vz: int, heading: int
) -> GlobalPosition:
    velocity = (vx * 0.01, vy * 0.01, vz * 0.01)
    place = lat * 1e-7, lon * 1e-7, alt * 1e-3, above * 1e-3
    return GlobalPosition(boot_ms, *place, velocity, _unless(heading, 0xFFFF, 0.01))


def _distance_sensor(boot_ms: int, low: int, high: int, current: int, *rest: Any) -> DistanceSensor:
    kind, identity, orientation, covariance, *_, quality = rest
    return DistanceSensor(
        boot_ms,
        low * 0.01,
        high * 0.01,
        current * 0.01,
        kind,
        identity,
        orientation,
        _unless(covariance, 0xFF, 1e-4),
        quality or None,
    )


def _image_captured(utc_us: int, boot_ms: int, *rest: Any) -> CameraImageCaptured:
    lat, lon, alt, above, w, x, y, z, index, camera, result, url = rest
    return CameraImageCaptured(
        utc_us or None,
        boot_ms,
        lat * 1e-7,
        lon * 1e-7,
        alt * 1e-3,
        above * 1e-3,
        (w, x, y, z),
        index,
        camera,
        result == 1,
        url.split(b"\0", 1)[0].decode("utf-8", "replace"),
    )


def _unless(value: int, unknown: int, unit: float) -> float | None:
    return None if value == unknown else value * unit


LAYOUTS: dict[int, Layout] = {
    0: Layout(9, 50, struct.Struct("<I5B"), lambda mode, *rest: Heartbeat(mode, *rest[:4])),
    2: Layout(12, 137, struct.Struct("<QI"), lambda utc, boot: SystemTime(utc or None, boot)),
    24: Layout(30, 24, struct.Struct("<Q3i4H2BiIIIIH"), _gps_raw),
    30: Layout(28, 39, struct.Struct("<I6f"), Attitude),
    33: Layout(28, 104, struct.Struct("<I4i3hH"), _global_position),
    111: Layout(16, 34, struct.Struct("<qq"), TimeSync),  # extensions: whom it is for
    112: Layout(12, 174, struct.Struct("<QI"), CameraTrigger),
    132: Layout(14, 85, struct.Struct("<I3H4B6fB"), _distance_sensor),
    263: Layout(255, 133, struct.Struct("<QI4i4fiBb205s"), _image_captured),
}
