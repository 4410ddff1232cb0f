"""Positions, distances and temperatures: statuses, heights, and NaN for what is unknown."""

from __future__ import annotations

from math import inf, isnan

import pytest

from rigsight.edge.devices.navigation import Position
from rigsight.edge.devices.rangefinder import RangeLimits
from rigsight.edge.devices.track import Lookup
from rigsight.edge.messages import deserialise, nav_sat_fix, range_of, serialise, temperature_of
from rigsight.edge.messages.types.sensor_msgs import NavSatFix
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.protocols.nmea import FixQuality
from rigsight.edge.protocols.ranges import Distance

UNKNOWN = "unknown"


def held(fix: str, altitude_m: float | None = 545.4) -> Lookup[Position]:
    return Lookup(Position(48.1173, 11.5166667, altitude_m, fix=fix), "held", 0.1)


@pytest.mark.parametrize(
    ("fix", "status"),
    [
        ("gnss", 0),
        ("pps", 0),
        ("rmc", 0),
        ("autopilot", 0),
        ("exif", 0),
        ("gps 3", 0),
        ("differential", 1),
        ("gps 4", 1),
        ("rtk_fixed", 2),
        ("rtk_float", 2),
        ("gps 5", 2),
        ("gps 6", 2),
        ("dead_reckoning", -1),
        ("manual", -1),
        ("simulated", -1),
    ],
)
def test_the_receivers_word_becomes_a_status(fix: str, status: int) -> None:
    found = deserialise(serialise(nav_sat_fix(held(fix), Header())), NavSatFix)
    assert found.status.status == status
    assert (found.latitude, found.longitude) == (48.1173, 11.5166667)
    assert (found.position_covariance_type, set(found.position_covariance)) == (0, {0.0})


def test_every_quality_of_nmea_has_a_status() -> None:
    for quality in FixQuality:
        if quality:
            plain = quality in (FixQuality.GNSS, FixQuality.PPS)
            assert (nav_sat_fix(held(quality.name.lower()), Header()).status.status == 0) == plain, quality


def test_height_above_the_sea_is_no_height_above_the_ellipsoid() -> None:
    assert isnan(nav_sat_fix(held("gnss"), Header()).altitude)
    assert nav_sat_fix(held("gnss"), Header(), 46.9).altitude == pytest.approx(592.3)
    assert isnan(nav_sat_fix(held("gnss", None), Header(), 46.9).altitude)


@pytest.mark.parametrize("lookup", [None, Lookup(None, UNKNOWN, 3.0, "too old")])
def test_an_unknown_position_has_no_numbers(lookup: Lookup[Position] | None) -> None:
    found = nav_sat_fix(lookup, Header())
    assert found.status.status == -1
    assert all(isnan(value) for value in (found.latitude, found.longitude, found.altitude))


def test_distances() -> None:
    found = range_of(Lookup(Distance(5.25), "held", 0.0), Header(), 0.04, RangeLimits(0.1, 12.0))
    assert (found.range, found.radiation_type, found.variance) == (5.25, 1, 0.0)
    assert (found.min_range, found.max_range) == (pytest.approx(0.1), 12.0)
    for nothing in (None, Lookup(None, UNKNOWN, None), Lookup(Distance(None), "held", 0.0)):
        made = range_of(nothing, Header(), 0.04)
        assert isnan(made.range)
        assert (made.min_range, made.max_range) == (0.0, inf)


def test_temperatures() -> None:
    assert temperature_of(31.5, Header()).temperature == 31.5
    assert isnan(temperature_of(None, Header()).temperature)
