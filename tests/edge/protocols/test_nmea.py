"""Published sentences, dates that GGA does not have, and what is refused."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from rigsight.edge.protocols.nmea import FixQuality, Gga, NmeaDecoder, Rmc, Zda, sentence

GGA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
RMC = b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
ZDA = b"$GPZDA,201530.00,04,07,2002,00,00*60\r\n"


def ns(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=timezone.utc).timestamp()) * 1_000_000_000  # type: ignore[arg-type, misc]


def gga(clock: str, place: str = "4807.038,N,01131.000,E", quality: int = 4, talker: str = "GN") -> bytes:
    return sentence(f"{talker}GGA,{clock},{place},{quality},12,0.8,545.4,M,46.9,M,1.5,0123")


def rmc(clock: str, day: str, status: str = "A") -> bytes:
    return sentence(f"GNRMC,{clock},{status},4807.038,N,01131.000,E,1.0,84.4,{day},,,R")


def test_published_sentences() -> None:
    decoder = NmeaDecoder()
    first, rmc_, again, zda = decoder.feed(GGA + RMC + GGA + ZDA)
    assert first == Gga(
        "GP", None, pytest.approx(48.1173), pytest.approx(11.516667), FixQuality.GNSS,
        8, 0.9, 545.4, 46.9, None, None,
    )  # fmt: skip
    assert isinstance(rmc_, Rmc)
    assert rmc_.utc_ns == ns(1994, 3, 23, 12, 35, 19)
    assert rmc_.valid
    assert rmc_.speed_m_per_s == pytest.approx(22.4 * 1852 / 3600)
    assert rmc_.course_deg == 84.4
    assert isinstance(again, Gga)
    assert again.utc_ns == rmc_.utc_ns
    assert zda == Zda("GP", ns(2002, 7, 4, 20, 15, 30))


@pytest.mark.parametrize("talker", ["GP", "GN", "GL", "GA", "GB", "GQ", "II"])
def test_any_talker(talker: str) -> None:
    [fix] = NmeaDecoder().feed(gga("120000.00", talker=talker))
    assert (fix.talker, fix.quality) == (talker, FixQuality.RTK_FIXED)  # type: ignore[union-attr]


def test_south_and_west_are_negative() -> None:
    [fix] = NmeaDecoder().feed(gga("120000.00", "3345.5000,S,07030.2500,W"))
    assert isinstance(fix, Gga)
    assert (fix.latitude_deg, fix.longitude_deg) == (pytest.approx(-33.758333), pytest.approx(-70.504167))
    assert (fix.correction_age_s, fix.station) == (1.5, "0123")


def test_parts_of_a_second_are_exact() -> None:
    decoder = NmeaDecoder()
    [fix] = decoder.feed(rmc("120000.123456789", "010126"))
    assert fix.utc_ns == ns(2026, 1, 1, 12) + 123_456_789


def test_midnight_between_the_date_and_the_fix() -> None:
    decoder = NmeaDecoder()
    decoder.feed(rmc("235959.90", "311226"))
    [fix] = decoder.feed(gga("000000.00"))
    assert fix.utc_ns == ns(2027, 1, 1)
    [late] = decoder.feed(gga("235959.95"))  # one that was on its way
    assert late.utc_ns == ns(2026, 12, 31, 23, 59, 59) + 950_000_000


def test_days_pass_without_another_date() -> None:
    decoder = NmeaDecoder()
    decoder.feed(rmc("120000.00", "280226"))
    stamps = [decoder.feed(gga(f"{(12 + 6 * i) % 24:02d}0000.00"))[0].utc_ns for i in range(1, 9)]
    assert stamps[-1] == ns(2026, 3, 2, 12)
    assert stamps == sorted(stamps)  # type: ignore[type-var]


def test_without_a_fix_there_is_no_time() -> None:
    decoder = NmeaDecoder()
    assert decoder.feed(rmc("120000.00", "010126", status="V"))[0].utc_ns is None
    assert decoder.feed(gga("120000.00"))[0].utc_ns is None
    decoder.feed(rmc("120000.00", "010126"))
    assert decoder.feed(gga("120001.00", quality=0))[0].utc_ns is None


def test_before_the_first_fix_fields_are_empty() -> None:
    [fix] = NmeaDecoder().feed(sentence("GNGGA,,,,,,0,00,99.99,,,,,,"))
    assert isinstance(fix, Gga)
    assert (fix.quality, fix.latitude_deg, fix.altitude_m) == (FixQuality.INVALID, None, None)
    [rmc_] = NmeaDecoder().feed(sentence("GNRMC,,V,,,,,,,,,,N"))
    assert rmc_ == Rmc("GN", None, False, None, None, None, None)


@pytest.mark.parametrize(
    "body",
    [
        "GNGGA,250000.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GNGGA,120000.00,9107.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GNGGA,120000.00,4867.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GNGGA,120000.00,4807.038,X,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GNGGA,120000.00,4807.038,N,,,1,08,0.9,545.4,M,46.9,M,,",
        "GNGGA,120000.00,4807.038,N,01131.000,E,9,08,0.9,545.4,M,46.9,M,,",
        "GNGGA,120000.00,4807.038,N,01131.000,E,1,08,inf,545.4,M,46.9,M,,",
        "GNGGA,120000.00,4807.038,N,01131.000,E,1,_8,0.9,545.4,M,46.9,M,,",
        "GNGGA,1,2",
        "GNRMC,120000.00,A,4807.038,N,01131.000,E,1.0,84.4,310226,,,R",
        "GNRMC,120000.00,A,4807.038,N,01131.000,E,1.0,361,010126,,,R",
        "GNZDA,120000.00,00,00,0000,00,00",
        "GNZDA,120000.00,06,01,1970,00,00",
        "GNZDA,120000.00,06,01,999999,00,00",
    ],
)
def test_impossible_fields_make_no_event(body: str) -> None:
    decoder = NmeaDecoder()
    events = decoder.feed(sentence(body))
    assert events == [] or (isinstance(events[0], Gga) and events[0].utc_ns is None and "250000" in body)
    assert decoder.malformed == (not events)


def test_checksums_and_other_sentences() -> None:
    decoder = NmeaDecoder()
    assert decoder.feed(GGA.replace(b"*47", b"*48")) == []
    assert decoder.feed(GGA.replace(b"*47", b"")) == []
    assert decoder.discarded_bytes == len(GGA) + len(GGA) - 3
    assert decoder.feed(sentence("GPGSV,3,1,11,03,03,111,00")) == []
    assert decoder.feed(GGA.replace(b"\r\n", b"\n")) != []
    assert decoder.feed(b"$GPGGA,1235" + GGA) != []
    assert (decoder.frames, decoder.malformed) == (3, 0)
