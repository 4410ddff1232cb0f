"""NMEA 0183 of any talker: GGA (fix), RMC (course, speed, date) and ZDA (date).

GGA has no date: it takes that of the last RMC or ZDA, or the day before or after, whichever brings its time
of day nearest to the last full time. While no date has been heard, or without a fix, it has no full time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import TypeAlias

from rigsight.edge.protocols.crc import xor8
from rigsight.edge.protocols.scan import BAD, WAIT, FrameScanner

LONGEST_BYTES = 256  # the standard says 82; receivers with more digits exceed it
KNOT_M_PER_S = 1852 / 3600
NS_PER_S = 1_000_000_000
DAY_NS = 86_400 * NS_PER_S
_EPOCH = date(1970, 1, 1)
_SENTENCE = re.compile(rb"\$([A-Z][A-Z0-9])([A-Z]{3}),([\x20-\x7e]*)\*([0-9A-Fa-f]{2})\r?\n")
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d)([0-5]\d|60)(?:\.(\d{0,9}))?")
_ANGLE = re.compile(r"(\d{2,3})(\d{2}(?:\.\d{1,12})?)")
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:\.\d{0,9})?")


class FixQuality(IntEnum):
    """The quality field of GGA."""

    INVALID = 0
    GNSS = 1
    DIFFERENTIAL = 2
    PPS = 3
    RTK_FIXED = 4
    RTK_FLOAT = 5
    DEAD_RECKONING = 6
    MANUAL = 7
    SIMULATED = 8


@dataclass(frozen=True, slots=True)
class Gga:
    """A fix. Angles in degrees (WGS 84, south and west negative), heights in metres.

    ``altitude_m`` is above mean sea level, ``geoid_separation_m`` is mean sea level above the ellipsoid.
    ``utc_ns`` counts from 1970, None before a date was heard. Fields that the receiver leaves empty are None.
    """

    talker: str
    utc_ns: int | None
    latitude_deg: float | None
    longitude_deg: float | None
    quality: FixQuality
    satellites: int | None
    hdop: float | None
    altitude_m: float | None
    geoid_separation_m: float | None
    correction_age_s: float | None
    station: str | None


@dataclass(frozen=True, slots=True)
class Rmc:
    """Recommended minimum: position and motion over ground. ``course_deg`` is clockwise from true north."""

    talker: str
    utc_ns: int | None
    valid: bool
    latitude_deg: float | None
    longitude_deg: float | None
    speed_m_per_s: float | None
    course_deg: float | None


@dataclass(frozen=True, slots=True)
class Zda:
    """Date and time. ``utc_ns`` counts from 1970."""

    talker: str
    utc_ns: int


NmeaEvent: TypeAlias = Gga | Rmc | Zda


class NmeaDecoder(FrameScanner[NmeaEvent]):
    """Decodes sentences with a checksum; other sentences and those without one are passed over.

    Attributes:
        malformed: sentences with a right checksum and impossible fields; they make no event.
    """

    starts = re.compile(rb"\$")
    longest_bytes = LONGEST_BYTES

    def __init__(self) -> None:
        super().__init__()
        self.malformed = 0
        self._full_time_ns: int | None = None

    def _take(self, buffer: bytearray, at: int) -> tuple[int, list[NmeaEvent]]:
        end = buffer.find(b"\n", at, at + LONGEST_BYTES)
        if buffer.find(b"$", at + 1, end if end >= 0 else len(buffer)) >= 0:
            return BAD, []
        if end < 0:
            return WAIT, []
        found = _SENTENCE.fullmatch(buffer, at, end + 1)
        if found is None or xor8(bytes(buffer[at + 1 : found.start(4) - 1])) != int(found[4], 16):
            return BAD, []
        talker, kind = found[1].decode(), found[2].decode()
        parse = {"GGA": self._gga, "RMC": self._rmc, "ZDA": self._zda}.get(kind)
        if parse is None:
            return end + 1 - at, []
        try:
            event = parse(talker, found[3].decode().split(","))
        except ValueError:
            self.malformed += 1
            return end + 1 - at, []
        return end + 1 - at, [event]

    def _gga(self, talker: str, fields: Sequence[str]) -> NmeaEvent:
        if len(fields) < 13:
            raise ValueError("too few fields")
        quality = FixQuality(_int(fields[5] or "0"))
        latitude, longitude = _position(fields[1:5])
        return Gga(
            talker,
            self._joined(fields[0]) if quality else None,
            latitude,
            longitude,
            quality,
            _whole(fields[6]),
            _number(fields[7]),
            _number(fields[8]),
            _number(fields[10]),
            _number(fields[12]),
            (fields[13] if len(fields) > 13 else "") or None,
        )

    def _rmc(self, talker: str, fields: Sequence[str]) -> NmeaEvent:
        if len(fields) < 9 or fields[1] not in ("A", "V"):
            raise ValueError("not an RMC")
        valid = fields[1] == "A"
        latitude, longitude = _position(fields[2:6])
        utc_ns = None
        if valid and fields[0]:  # before its first fix a receiver's date and time mean nothing
            day = _short_date(fields[8]) if fields[8] else None
            utc_ns = self._joined(fields[0]) if day is None else self._dated(fields[0], day)
        speed_kn, course = _number(fields[6]), _number(fields[7])
        if course is not None and not 0 <= course <= 360:
            raise ValueError("impossible course")
        speed = None if speed_kn is None else speed_kn * KNOT_M_PER_S
        return Rmc(talker, utc_ns, valid, latitude, longitude, speed, course)

    def _zda(self, talker: str, fields: Sequence[str]) -> NmeaEvent:
        if len(fields) < 4:
            raise ValueError("too few fields")
        day = date(_int(fields[3]), _int(fields[2]), _int(fields[1]))
        return Zda(talker, self._dated(fields[0], day))

    def _dated(self, clock: str, day: date) -> int:
        if day.year < 1980:
            raise ValueError("a date before GNSS")
        self._full_time_ns = (day - _EPOCH).days * DAY_NS + _time_of_day_ns(clock)
        return self._full_time_ns

    def _joined(self, clock: str) -> int | None:
        """A time of day on the day that brings it nearest to the last full time."""
        if not clock:
            return None
        time_ns = _time_of_day_ns(clock)
        last = self._full_time_ns
        if last is None:
            return None
        self._full_time_ns = last + (time_ns - last + DAY_NS // 2) % DAY_NS - DAY_NS // 2
        return self._full_time_ns


def sentence(body: str) -> bytes:
    """The body with mark, checksum and line end.

    >>> sentence("GPZDA,201530.00,04,07,2002,00,00")
    b'$GPZDA,201530.00,04,07,2002,00,00*60\\r\\n'
    """
    return f"${body}*{xor8(body.encode()):02X}\r\n".encode()


def _short_date(text: str) -> date:
    """``ddmmyy``, from 1980 to 2079."""
    if not re.fullmatch(r"\d{6}", text):
        raise ValueError("impossible date")
    day, month, year = (int(text[i : i + 2]) for i in (0, 2, 4))
    return date(1900 + year if year >= 80 else 2000 + year, month, day)


def _time_of_day_ns(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("impossible time")
    seconds = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    return seconds * NS_PER_S + int((found[4] or "").ljust(9, "0"))


def _position(fields: Sequence[str]) -> tuple[float | None, float | None]:
    """Latitude and longitude in degrees of ``ddmm.mm,N,dddmm.mm,E``; None where the receiver has none."""
    if not any(fields):
        return None, None
    return _angle(fields[0], fields[1], "NS", 90), _angle(fields[2], fields[3], "EW", 180)


def _angle(text: str, side: str, sides: str, most: int) -> float:
    found = _ANGLE.fullmatch(text)
    if found is None or side not in sides or not side:
        raise ValueError("impossible angle")
    minutes = float(found[2])
    degrees = int(found[1]) + minutes / 60
    if minutes >= 60 or degrees > most:
        raise ValueError("impossible angle")
    return -degrees if side == sides[1] else degrees


def _number(text: str) -> float | None:
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    return float(text)


def _whole(text: str) -> int | None:
    return _int(text) if text else None


def _int(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text):
        raise ValueError("not a whole number")
    return int(text)
