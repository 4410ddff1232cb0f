"""What is made of events: distances, positions, attitudes and triggers by time."""

from __future__ import annotations

from math import radians
from time import monotonic_ns
from typing import Any

import pytest

from rigsight.edge.devices.navigation import Navigation
from rigsight.edge.devices.rangefinder import RangeFinder, RangeLimits
from rigsight.edge.devices.triggers import KEPT_TRIGGERS, Triggers
from rigsight.edge.protocols import mavlink_messages as m
from rigsight.edge.protocols.mavlink import Received
from rigsight.edge.protocols.nmea import NmeaDecoder, sentence
from rigsight.edge.protocols.ranges import Distance

S = 1_000_000_000
MS = 1_000_000


def test_the_latest_distance_and_its_age() -> None:
    finder = RangeFinder(max_age_s=60.0)
    assert finder.latest().reason == "no distance was heard before"
    now = monotonic_ns()
    finder.add(now - 2 * S, Distance(3.0, 500))
    finder.add(now - S, Distance(4.0, 500))
    found = finder.latest()
    assert found.value == Distance(4.0, 500)
    assert found.staleness_s is not None
    assert found.staleness_s >= 1.0
    assert finder.at(now - S - 1).value == Distance(3.0, 500)


@pytest.mark.parametrize(
    ("distance", "problem"),
    [
        (Distance(0.2, 500), "0.20 m is outside 0.3 to 12 m"),
        (Distance(12.5, 500), "12.50 m is outside 0.3 to 12 m"),
        (Distance(5.0, 99), "the strength 99 is below 100"),
        (Distance(None, 20, problem="the signal is too weak"), "the signal is too weak"),
        (Distance(None), "the device sees nothing"),
        (Distance(float("nan")), "nan m is outside 0.3 to 12 m"),
        (Distance(5.0), None),
        (Distance(0.3, 100), None),
    ],
)
def test_what_is_plausible(distance: Distance, problem: str | None) -> None:
    finder = RangeFinder(RangeLimits(0.3, 12, 100), max_age_s=0.5)
    finder.add(S, Distance(5.0, 500))
    finder.add(2 * S, distance)
    found = finder.at(2 * S)
    assert found.reason == problem
    assert found.value == (distance if problem is None else None)
    assert finder.last == distance


def test_one_bad_measurement_does_not_hide_a_fresh_good_one() -> None:
    finder = RangeFinder(max_age_s=0.5)
    finder.add(S, Distance(5.0))
    finder.add(S + 10 * MS, Distance(None))
    assert finder.at(S + 20 * MS).value == Distance(5.0)
    assert finder.at(S + 20 * MS).staleness_s == pytest.approx(0.02)
    assert finder.at(2 * S).reason == "the device sees nothing"


def nmea(navigation: Navigation, arrival_ns: int, *bodies: str, decoder: NmeaDecoder) -> None:
    for body in bodies:
        for event in decoder.feed(sentence(body)):
            navigation.add_nmea(arrival_ns, event)


def gga(second: float, east_deg: float = 11.5, quality: int = 4) -> str:
    minutes = (east_deg % 1) * 60
    return (
        f"GNGGA,1200{second:05.2f},4807.0000,N,{int(east_deg):03d}{minutes:09.6f},E,{quality},12,0.8,"
        f"{500 + second},M,46.9,M,,"
    )


def test_a_position_between_two_fixes() -> None:
    navigation, decoder = Navigation(), NmeaDecoder()
    nmea(navigation, 100 * S, gga(0, 11.5), decoder=decoder)
    nmea(navigation, 101 * S, gga(1, 11.6), decoder=decoder)
    found = navigation.position_at(100 * S + S // 4)
    assert found.how == "interpolated"
    assert found.value is not None
    assert found.value.longitude_deg == pytest.approx(11.525)
    assert found.value.altitude_m == pytest.approx(500.25)
    assert found.value.fix == "rtk_fixed"
    held = navigation.position_at(101 * S + S // 2)
    assert (held.how, held.staleness_s) == ("held", 0.5)
    assert navigation.position_at(103 * S).how == "unknown"
    assert navigation.attitude_at(100 * S).reason == "no attitude was heard before"


def test_with_a_date_the_receivers_time_takes_the_jitter_out() -> None:
    navigation, decoder = Navigation(latency_ns=50 * MS), NmeaDecoder()
    rmc = "GNRMC,120000.00,A,4807.0,N,01130.0,E,10.0,90.0,010126,,,R"
    for second, delay_ms in ((0, 60), (1, 80), (2, 200)):
        nmea(navigation, (100 + second) * S + delay_ms * MS, *([rmc] if not second else []),
             gga(second, 11.5 + second / 10), decoder=decoder)  # fmt: skip
    found = navigation.position_at(102 * S + 10 * MS)  # 60 ms less a latency of 50 ms
    assert (found.how, found.staleness_s) == ("held", 0.0)
    assert found.value is not None
    assert found.value.longitude_deg == pytest.approx(11.7)
    assert navigation.epoch_ns(100 * S + 10 * MS) == 1767268800 * S
    motion = navigation.motion.at(100 * S + 20 * MS).value
    assert motion is not None
    assert (motion.speed_m_per_s, motion.course_deg) == (pytest.approx(5.14444), 90.0)


def test_a_lost_fix_is_said_and_not_bridged() -> None:
    navigation, decoder = Navigation(), NmeaDecoder()
    nmea(navigation, 100 * S, gga(0), decoder=decoder)
    nmea(navigation, 101 * S, gga(1, quality=0), decoder=decoder)
    nmea(navigation, 102 * S, gga(2), decoder=decoder)
    assert navigation.position_at(100 * S + 900 * MS).reason == "the receiver has no fix"
    assert navigation.position_at(100 * S + 100 * MS).how == "held"


def test_a_receiver_without_gga() -> None:
    navigation, decoder = Navigation(), NmeaDecoder()
    nmea(navigation, 100 * S, "GPRMC,120000.00,A,4807.0,N,01130.0,E,,,010126,,,A", decoder=decoder)
    found = navigation.position_at(100 * S)
    assert found.value is not None
    assert (found.value.altitude_m, found.value.fix) == (None, "rmc")
    nmea(navigation, 101 * S, "GPRMC,120001.00,V,,,,,,,010126,,,N", decoder=decoder)
    assert navigation.position_at(101 * S).reason == "the receiver has no fix"


def test_across_the_date_line() -> None:
    navigation = Navigation()
    for second, longitude in ((0, 179.9), (1, -179.9)):
        place = m.GlobalPosition(second * 1000, 10.0, longitude, 50.0, 5.0, (0.0, 0.0, 0.0), None)
        navigation.add_mavlink(100 * S + second * S, Received(1, 1, 0, place))
    found = navigation.position_at(100 * S + S // 4)
    assert found.value is not None
    assert found.value.longitude_deg == pytest.approx(179.95)
    assert abs(navigation.position_at(100 * S + S // 2).value.longitude_deg) == pytest.approx(180)  # type: ignore[union-attr]


def test_westwards_is_the_short_way_too() -> None:
    navigation = Navigation()
    for second, longitude in ((0, 8.6), (1, 8.5)):
        place = m.GlobalPosition(second * 1000, 10.0, longitude, 50.0, 5.0, (0.0, 0.0, 0.0), None)
        navigation.add_mavlink(100 * S + second * S, Received(1, 1, 0, place))
    found = navigation.position_at(100 * S + S // 4)
    assert found.value is not None
    assert found.value.longitude_deg == pytest.approx(8.575)


def attitude(boot_ms: int, yaw_deg: float, roll_deg: float = 0.0) -> m.Attitude:
    return m.Attitude(boot_ms, radians(roll_deg), 0.0, radians(yaw_deg), 0.0, 0.0, 0.0)


def test_attitudes_through_north_and_through_jitter() -> None:
    navigation = Navigation()
    for number, (yaw, delay_ms) in enumerate(((170, 5), (178, 25), (-174, 9))):
        arrival = 100 * S + number * 100 * MS + delay_ms * MS
        navigation.add_mavlink(arrival, Received(1, 1, 0, attitude(5000 + 100 * number, yaw)))
    # The second came 20 ms late; its boot time tells where it belongs, from the first one's delay on.
    found = navigation.attitude_at(100 * S + 155 * MS)
    assert found.how == "interpolated"
    assert found.value is not None
    assert found.value[2] == pytest.approx(radians(-178), abs=1e-6) or found.value[2] == pytest.approx(
        radians(182), abs=1e-6
    )


def test_attitudes_that_are_no_numbers() -> None:
    navigation = Navigation()
    navigation.add_mavlink(100 * S, Received(1, 1, 0, attitude(5000, float("nan"))))
    assert navigation.attitude_at(100 * S).reason == "the autopilot has no attitude"


def place(boot_ms: int = 0, latitude: float = 10.0, longitude: float = 20.0) -> m.GlobalPosition:
    return m.GlobalPosition(boot_ms, latitude, longitude, 50.0, 5.0, (3.0, 4.0, 0.0), None)


def gps(fix_type: int) -> m.GpsRaw:
    return m.GpsRaw(0, fix_type, 11.0, 21.0, 60.0, None, None, None, None, None, None, None)


def test_the_first_sender_counts_unless_one_is_named() -> None:
    for system, expected in ((None, 10.0), (7, 12.0), (9, None)):
        navigation = Navigation(system=system)
        navigation.add_mavlink(99 * S, Received(5, 190, 0, m.Heartbeat(0, 6, 8, 0, 0)))
        navigation.add_mavlink(100 * S, Received(1, 1, 0, place()))
        navigation.add_mavlink(100 * S + 1, Received(1, 154, 0, place(latitude=55.0)))
        navigation.add_mavlink(100 * S + 2, Received(7, 1, 0, place(latitude=12.0)))
        value = navigation.position_at(100 * S + 2).value
        assert (value.latitude_deg if value else None) == expected


def test_the_autopilots_estimate_before_the_receivers() -> None:
    navigation = Navigation()
    navigation.add_mavlink(90 * S, Received(1, 1, 0, gps(1)))
    assert navigation.position_at(90 * S).reason == "the receiver has no fix"
    navigation.add_mavlink(91 * S, Received(1, 1, 0, gps(2)))
    flat: Any = navigation.position_at(91 * S).value
    assert (flat.latitude_deg, flat.altitude_m, flat.fix) == (11.0, None, "gps 2")
    navigation.add_mavlink(100 * S, Received(1, 1, 0, place()))
    navigation.add_mavlink(101 * S, Received(1, 1, 0, gps(3)))
    assert navigation.position_at(101 * S).value.fix == "autopilot"  # type: ignore[union-attr]
    motion: Any = navigation.motion.at(100 * S).value
    assert (motion.speed_m_per_s, motion.course_deg) == (5.0, pytest.approx(53.130102))
    navigation.add_mavlink(106 * S, Received(1, 1, 0, gps(3)))
    assert navigation.position_at(106 * S).value.fix == "gps 3"  # type: ignore[union-attr]


def test_an_autopilot_that_does_not_know_where_it_is() -> None:
    navigation = Navigation()
    navigation.add_mavlink(100 * S, Received(1, 1, 0, place(latitude=0.0, longitude=0.0)))
    assert navigation.position_at(100 * S).reason == "the autopilot has no position yet"


def test_an_autopilot_that_starts_anew_is_followed() -> None:
    navigation = Navigation()
    navigation.add_mavlink(100 * S, Received(1, 1, 0, place(boot_ms=900_000)))
    navigation.add_mavlink(130 * S, Received(1, 1, 0, place(boot_ms=4_000, latitude=12.0)))
    assert navigation.position_at(130 * S).value.latitude_deg == 12.0  # type: ignore[union-attr]


def test_the_time_of_day_from_an_autopilot() -> None:
    navigation = Navigation()
    assert navigation.epoch_ns(100 * S) is None
    navigation.add_mavlink(100 * S, Received(1, 1, 0, m.SystemTime(None, 5000)))
    assert navigation.epoch_ns(100 * S) is None
    navigation.add_mavlink(101 * S, Received(1, 1, 0, m.SystemTime(1_762_000_000_000_000, 6000)))
    assert navigation.epoch_ns(102 * S) == 1_762_000_001 * S


def test_triggers_by_number_and_by_time() -> None:
    triggers = Triggers()
    for number in (1, 2, 5, 6):
        triggers.add(100 * S + number * 500 * MS + number * MS, m.CameraTrigger(number * 500_000, number))
    assert triggers.missed == 2
    first = triggers.by_sequence(1)
    assert first is not None
    assert first.time_ns == 100 * S + 501 * MS
    assert triggers.by_sequence(3) is None
    near = triggers.nearest(100 * S + 2510 * MS, 20 * MS)
    assert near is not None
    assert near.sequence == 5
    assert near.time_ns == 100 * S + 2501 * MS  # by the autopilot's clock, not by its arrival
    assert triggers.nearest(100 * S + 1700 * MS, 20 * MS) is None
    triggers.add(200 * S, m.CameraTrigger(3_000, 0))  # the autopilot has started anew
    assert triggers.missed == 2
    for number in range(1, 3000):
        triggers.add(200 * S + number, m.CameraTrigger(3_000 + number, number))
    assert triggers.by_sequence(1) is None
    assert triggers.by_sequence(2999 - KEPT_TRIGGERS + 1) is not None
