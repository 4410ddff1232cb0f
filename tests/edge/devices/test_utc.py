"""UTC on the rig's clock: brackets that hold, an uncertainty that covers the error, a clock that is set."""

from __future__ import annotations

import time

import numpy as np
import pytest

from rigsight.edge.devices import utc
from rigsight.edge.devices.clock import ClockOffset
from rigsight.edge.devices.navigation import Navigation
from rigsight.edge.devices.utc import TAI_MINUS_UTC_NS, read_offset, rig_ns_of, system_utc
from rigsight.edge.protocols.mavlink import Received
from rigsight.edge.protocols.mavlink_messages import SystemTime

S, MS = 1_000_000_000, 1_000_000


def test_the_offset_is_bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is 1,000 s ahead, read in the middle of 8, 2 and 6 us: the tightest counts."""
    ticks = iter([0, 8000, 20_000, 22_000, 40_000, 46_000, 60_000, 68_000, 80_000, 88_000])
    read = iter([4000, 21_000, 43_000, 64_000, 84_000])
    monkeypatch.setattr(utc.time, "monotonic_ns", lambda: next(ticks))
    monkeypatch.setattr(utc.time, "clock_gettime_ns", lambda clock: next(read) + 1000 * S)
    reading = read_offset()
    assert (reading.offset_ns, reading.uncertainty_ns) == (1000 * S, 1000)


def test_stamps_of_both_scales_come_back_to_the_rigs_clock() -> None:
    now = time.monotonic_ns()
    stamp = system_utc(now).utc_ns
    assert abs(stamp - time.time_ns()) < S
    for scale, shift in (("utc", 0), ("tai", TAI_MINUS_UTC_NS)):
        found, uncertainty = rig_ns_of(stamp + shift, scale)  # type: ignore[arg-type]
        assert abs(found - now) <= MS
        assert 0 <= uncertainty < MS


@pytest.mark.parametrize("rate_hz", [5, 50])
def test_the_uncertainty_covers_the_error_of_random_delays(rate_hz: int) -> None:
    """Over many runs the mean error beyond the constant delay is the stated one within a factor of 2."""
    rng = np.random.default_rng(3)
    errors, stated = [], []
    for _ in range(40):
        clock = ClockOffset()
        for number in range(60):
            device = number * S // rate_hz
            clock.rig_ns(device, device + 7 * S + int(rng.exponential(10 * MS)))
        assert clock.offset_ns is not None
        assert clock.uncertainty_ns is not None
        errors.append(clock.offset_ns - 7 * S)
        stated.append(clock.uncertainty_ns)
    assert 0.5 < np.mean(errors) / np.mean(stated) < 2


def test_nothing_is_claimed_of_one_message() -> None:
    clock = ClockOffset()
    assert clock.uncertainty_ns is None
    clock.rig_ns(0, 5)
    assert clock.uncertainty_ns is None


def test_an_autopilot_tells_utc_with_its_uncertainty() -> None:
    navigation = Navigation()
    assert navigation.utc_at(0) is None
    epoch = 1_700_000_000 * S
    rng = np.random.default_rng(1)
    for number in range(50):
        arrival = number * S + int(rng.exponential(3 * MS))
        message = SystemTime(utc_us=(epoch + number * S) // 1000, boot_ms=number * 1000)
        navigation.add_mavlink(arrival, Received(1, 1, number, message))
    found = navigation.utc_at(10 * S)
    assert found is not None
    assert found.source == "gnss"
    assert found.uncertainty_ns is not None
    assert abs(found.utc_ns - (epoch + 10 * S)) < 3 * MS
