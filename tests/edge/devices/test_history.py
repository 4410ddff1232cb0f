"""Clocks, attitudes between attitudes, and histories that are asked by time."""

from __future__ import annotations

import threading
from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigsight.edge.devices.clock import ClockOffset
from rigsight.edge.devices.rotation import angles_of, between, quaternion_of
from rigsight.edge.devices.track import KEPT_SAMPLES, Track, Unknown

S = 1_000_000_000
MS = 1_000_000


def test_jitter_of_the_transport_is_taken_out() -> None:
    """50 Hz, delays of 5 ms and more: after a second the stamps are those of the device, 5 ms late."""
    rng = np.random.default_rng(1)
    clock, errors = ClockOffset(), []
    for number in range(500):
        device_ns = number * 20 * MS
        arrival_ns = device_ns + 123 * S + 5 * MS + int(rng.exponential(8 * MS))
        errors.append(clock.rig_ns(device_ns, arrival_ns) - device_ns - 123 * S)
    assert max(errors[50:]) < 6 * MS
    assert min(errors) >= 5 * MS


def test_a_clock_that_starts_anew() -> None:
    clock = ClockOffset()
    assert clock.offset_ns is None
    clock.rig_ns(1000 * S, 1000 * S)
    assert clock.rig_ns(2 * S, 1010 * S) == 1010 * S
    assert clock.offset_ns == 1008 * S


def test_a_clock_that_runs_slow_is_followed() -> None:
    """100 ppm over an hour are 360 ms; the window is 30 s, so at most 3 ms of it remain."""
    clock = ClockOffset()
    for second in range(3600):
        device_ns = second * S - second * S // 10_000
        error = clock.rig_ns(device_ns, second * S) - second * S
        assert -4 * MS < error <= 0


def test_a_burst_after_a_stall_keeps_its_times() -> None:
    clock = ClockOffset()
    clock.rig_ns(0, 0)
    assert [clock.rig_ns(t * 100 * MS, 3 * S) for t in range(1, 30)] == [t * 100 * MS for t in range(1, 30)]


@given(st.tuples(*[st.floats(-3.1, 3.1), st.floats(-1.5, 1.5), st.floats(-3.1, 3.1)]))
def test_angles_survive_the_quaternion(angles: tuple[float, float, float]) -> None:
    assert angles_of(quaternion_of(*angles)) == pytest.approx(angles, abs=1e-6)


def test_quaternions_turn_as_scipy_does() -> None:
    rotation = pytest.importorskip("scipy.spatial.transform")
    rng = np.random.default_rng(2)
    for _ in range(50):
        a, b = ((rng.uniform(-1, 1, 3) * (3, 1.5, 3)).tolist() for _ in range(2))
        pair = rotation.Rotation.from_euler("ZYX", [a[::-1], b[::-1]])
        expected = rotation.Slerp([0, 1], pair)([0.3]).as_matrix()[0]
        mixed = between(tuple(a), tuple(b), 0.3)
        made = rotation.Rotation.from_euler("ZYX", mixed[::-1]).as_matrix()
        np.testing.assert_allclose(made, expected, atol=2e-4)


def test_the_short_way_round() -> None:
    yaw = between((0.0, 0.0, pi - 0.1), (0.0, 0.0, -pi + 0.1), 0.5)[2]
    assert abs(yaw) == pytest.approx(pi)


def track(mixing: bool = True) -> Track[float]:
    return Track((lambda a, b, s: a + s * (b - a)) if mixing else None, 1.0, 0.5, "height")


def test_between_two_samples() -> None:
    heights = track()
    heights.add(0, 10.0)
    heights.add(1 * S, 20.0)
    found = heights.at(S // 4)
    assert (found.value, found.how, found.staleness_s) == (12.5, "interpolated", 0.25)
    assert heights.at(0).value == 10.0
    assert heights.at(S).value == 20.0


def test_beyond_the_samples_nothing_is_extrapolated() -> None:
    heights = track()
    assert heights.at(0).reason == "no height was heard before"
    heights.add(10 * S, 10.0)
    heights.add(11 * S, 20.0)
    late = heights.at(11 * S + 400 * MS)
    assert (late.value, late.how, late.staleness_s) == (20.0, "held", pytest.approx(0.4))
    assert heights.at(9 * S + 600 * MS).value == 10.0
    too_late = heights.at(12 * S)
    assert (too_late.value, too_late.how, too_late.staleness_s) == (None, "unknown", 1.0)
    assert too_late.reason == "the nearest height is 1.00 s away"


def test_a_gap_is_not_interpolated_across() -> None:
    heights = track()
    heights.add(0, 10.0)
    heights.add(2 * S, 20.0)
    assert heights.at(400 * MS).value == 10.0
    assert heights.at(1 * S).how == "unknown"
    assert heights.at(1700 * MS).value == 20.0


def test_unknown_samples_are_not_interpolated_across_either() -> None:
    heights = track()
    heights.add(0, 10.0)
    heights.add(200 * MS, Unknown("no fix"))
    heights.add(400 * MS, 20.0)
    assert heights.at(50 * MS).how == "held"
    assert heights.at(210 * MS).reason == "no fix"
    assert heights.at(399 * MS).value == 20.0


def test_without_mixing_only_the_past_counts() -> None:
    heights = track(mixing=False)
    heights.add(1 * S, 10.0)
    heights.add(1 * S + 100 * MS, 20.0)
    assert heights.at(S - 1).reason == "no height was heard before"
    found = heights.at(1 * S + 99 * MS)
    assert (found.value, found.how, found.staleness_s) == (10.0, "held", 0.099)


def test_late_samples_are_counted_and_left_out() -> None:
    heights = track()
    for time_ns in (5, 3, 5, 6):
        heights.add(time_ns, 1.0)
    assert (len(heights), heights.out_of_order) == (2, 2)


def test_memory_is_bounded_while_two_threads_use_it() -> None:
    heights = track()
    done = threading.Event()
    wrong: list[object] = []

    def ask() -> None:
        while not done.is_set():
            found = heights.at(2**62)
            if found.how != "unknown":
                wrong.append(found)

    asker = threading.Thread(target=ask)
    asker.start()
    for time_ns in range(1, 50_000):
        heights.add(time_ns, float(time_ns))
    done.set()
    asker.join()
    assert wrong == []
    assert len(heights) < 2 * KEPT_SAMPLES
    assert heights.at(49_999).value == 49_999
