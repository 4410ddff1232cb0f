"""Time offset of two cameras: known offsets are found, what does not determine one is refused."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.clip_motion import change
from rigsight.calibration.time_offset import Motion, estimate_offset

NS = 1e9


def wave(t: np.ndarray, seed: int = 0) -> np.ndarray:
    """Irregular motion in x, y and depth, float64 [N,3]."""
    rng = np.random.default_rng(seed)
    hz, phase, size = rng.uniform(0.25, 1.6, (3, 6)), rng.uniform(0, 7, (3, 6)), rng.uniform(20, 40, (3, 6))
    return (size * np.sin(2 * np.pi * hz * t[:, None, None] + phase)).sum(axis=2)


def camera(
    rate_hz: float, offset_s: float, view: np.ndarray, seconds: float = 15, noise: float = 0.3, seed: int = 0
) -> Motion:
    """What a camera that sees the wave through a 2x3 map measures, on a clock that is ``offset_s`` ahead."""
    rng = np.random.default_rng([seed, round(rate_hz)])
    t = rng.uniform(0, 1 / rate_hz) + np.arange(int(seconds * rate_hz)) / rate_hz
    stamps = np.round((t + offset_s + rng.normal(0, 1e-3, len(t))) * NS).astype(np.int64)
    values = wave(t) @ view.T
    return Motion(stamps, values + rng.normal(0, noise, values.shape), tracked=True)


FIRST = np.array([[1.0, 0, 0.1], [0, 1, 0.05]])
SECOND = np.array([[0.6, 0.1, 0.2], [-0.1, 0.55, 0.0]])  # other scale, turned, another place


@pytest.mark.parametrize("rate_hz", [60.0, 30.0, 9.0])
@pytest.mark.parametrize("offset_s", [-0.1234, 0.0, 0.3])
def test_a_known_offset_is_found_through_another_projection(rate_hz: float, offset_s: float) -> None:
    found = estimate_offset(camera(30, 0, FIRST), camera(rate_hz, offset_s, SECOND))
    assert found.offset_s == pytest.approx(offset_s, abs=0.8e-3)
    assert abs(found.offset_s - offset_s) < 4 * found.sigma_s
    assert 0 < found.sigma_s < 1e-3
    assert found.explained > 0.9


def test_swapping_the_cameras_swaps_the_sign() -> None:
    one, two = camera(30, 0, FIRST), camera(9, 0.05, SECOND)
    there, back = estimate_offset(one, two), estimate_offset(two, one)
    assert there.offset_s == pytest.approx(-back.offset_s, abs=1e-6)


def test_the_standard_error_is_true() -> None:
    ratios = []
    for seed in range(25):
        found = estimate_offset(
            camera(30, 0, FIRST, noise=8, seed=seed), camera(9, 0.1, SECOND, noise=6, seed=seed)
        )
        ratios.append((found.offset_s - 0.1) / found.sigma_s)
    assert 0.5 < np.sqrt(np.mean(np.square(ratios))) < 1.6


def test_false_detections_do_not_pull() -> None:
    one, two = camera(30, 0, FIRST), camera(9, 0.1, SECOND)
    values = two.values.copy()
    values[::17] += 90
    found = estimate_offset(one, Motion(two.stamps_ns, values, tracked=True))
    assert found.offset_s == pytest.approx(0.1, abs=4e-3)


def test_pictures_in_which_the_board_was_lost_leave_gaps() -> None:
    one, two = camera(30, 0, FIRST), camera(30, 0.1, SECOND)
    kept = np.ones(len(one.stamps_ns), dtype=bool)
    kept[100:160] = kept[300:330] = False
    gappy = Motion(one.stamps_ns[kept], one.values[kept], tracked=True)
    assert estimate_offset(gappy, two).offset_s == pytest.approx(0.1, abs=1e-3)


def test_unrelated_motion_a_still_board_and_a_rhythm_are_refused() -> None:
    one = camera(30, 0, FIRST)
    rng = np.random.default_rng(5)
    t = np.arange(450) / 30
    stamps = (t * NS).astype(np.int64)
    unrelated = Motion(stamps, wave(t, seed=9)[:, :2], tracked=True)
    still = [Motion(stamps, 50 + rng.normal(0, 0.1, (450, 2)), tracked=True) for _ in range(2)]
    circle = np.stack([np.sin(12 * t), np.cos(12 * t)], axis=1) * 50
    rhythm = [Motion(stamps, circle + rng.normal(0, 0.5, circle.shape), tracked=True) for _ in range(2)]
    for pair, words in (
        ((one, unrelated), "explains|repeats"), (tuple(still), "explains"), (tuple(rhythm), "repeats")
    ):  # fmt: skip
        with pytest.raises(RigsightError, match=words) as caught:
            estimate_offset(*pair)
        assert caught.value.code == "CAL-040"


def test_bad_stamps_and_short_clips_are_refused() -> None:
    good = camera(30, 0, FIRST)
    backwards = Motion(good.stamps_ns[::-1].copy(), good.values, tracked=True)
    few = Motion(good.stamps_ns[:10], good.values[:10], tracked=True)
    elsewhere = Motion(good.stamps_ns + round(100 * NS), good.values, tracked=True)
    broken = Motion(good.stamps_ns, np.full_like(good.values, np.nan), tracked=True)
    for bad in (backwards, few, elsewhere, broken):
        with pytest.raises(RigsightError) as caught:
            estimate_offset(good, bad)
        assert caught.value.code == "CAL-041"


def test_change_is_stamped_halfway_and_lies_where_the_motion_is() -> None:
    pictures = np.full((40, 30, 40), 50.0)
    for k in range(20, 24):  # a bright patch that steps to the right, right of the middle
        pictures[k, 10:15, 22 + 3 * (k - 20) : 25 + 3 * (k - 20)] = 200
    stamps = np.arange(40, dtype=np.int64) * 33_000_000
    motion = change(stamps, pictures, lag_s=0.066)
    assert len(motion.stamps_ns) == 38
    assert motion.stamps_ns[0] == 33_000_000
    strongest = int(np.argmax(motion.values[:, 0]))
    assert 18 <= strongest <= 23
    assert motion.values[strongest, 1] > 0
    assert motion.values[0, 0] == pytest.approx(0, abs=0.1)
