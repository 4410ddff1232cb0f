"""Positions, distances and temperatures; what is unknown is NaN, never an old value."""

from __future__ import annotations

from math import inf, nan

from rigsight.edge.devices.navigation import Position
from rigsight.edge.devices.rangefinder import RangeLimits
from rigsight.edge.devices.track import Lookup
from rigsight.edge.messages.types.sensor_msgs import NavSatFix, NavSatStatus, Range, Temperature
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.protocols.ranges import Distance

_SBAS, _GBAS = NavSatStatus.STATUS_SBAS_FIX, NavSatStatus.STATUS_GBAS_FIX
_NONE = NavSatStatus.STATUS_NO_FIX
# The receiver's word (NMEA's quality, MAVLink's GPS_FIX_TYPE) -> status; any other word is a plain fix.
_STATUS = {
    "differential": _SBAS,
    "rtk_fixed": _GBAS,
    "rtk_float": _GBAS,
    "dead_reckoning": _NONE,
    "manual": _NONE,
    "simulated": _NONE,
    "gps 4": _SBAS,
    "gps 5": _GBAS,
    "gps 6": _GBAS,
}


def nav_sat_fix(
    position: Lookup[Position] | None, header: Header, geoid_separation_m: float | None = None
) -> NavSatFix:
    """Where the rig was. Unknown: no fix, and NaN for latitude, longitude and altitude.

    Args:
        position: of the picture's instant, as ``Readings.position``.
        header: the picture's stamp; ``frame_id`` is the antenna's.
        geoid_separation_m: mean sea level above the WGS 84 ellipsoid there, where the receiver does not say
            it itself (GGA does). Receivers and autopilots give heights above the sea, NavSatFix wants them
            above the ellipsoid: without it altitude is NaN.

    Returns:
        The covariance is unknown and zero. A position by dead reckoning, by hand or simulated has
        coordinates and STATUS_NO_FIX: no satellite says it.
    """
    found = None if position is None else position.value
    if found is None:
        return NavSatFix(header, NavSatStatus(_NONE), nan, nan, nan)
    altitude, own = nan, found.geoid_separation_m
    separation = geoid_separation_m if own is None else own
    if found.altitude_m is not None and separation is not None:
        altitude = found.altitude_m + separation
    status = NavSatStatus(_STATUS.get(found.fix, NavSatStatus.STATUS_FIX))
    return NavSatFix(header, status, found.latitude_deg, found.longitude_deg, altitude)


def range_of(
    distance: Lookup[Distance] | None,
    header: Header,
    field_of_view_rad: float,
    limits: RangeLimits | None = None,
) -> Range:
    """The measured distance in metres along x of ``header.frame_id``, NaN where there is none (REP-117).

    Args:
        distance: of the picture's instant, as ``Readings.distance``.
        header: its frame is the one that :func:`rigsight.edge.messages.cameras.static_transforms` gives.
        field_of_view_rad: of the beam, by the device's data sheet.
        limits: what is plausible; without them 0 m to infinity.
    """
    found = None if distance is None else distance.value
    metres = nan if found is None or found.distance_m is None else found.distance_m
    least, most = (0.0, inf) if limits is None else (limits.min_m, limits.max_m)
    return Range(header, Range.INFRARED, field_of_view_rad, least, most, metres)


def temperature_of(celsius: float | None, header: Header) -> Temperature:
    """The thermal sensor's own temperature (``Readings.fpa_temperature_c``), NaN where it is not known."""
    return Temperature(header, nan if celsius is None else celsius)
