"""How well a clip of a waved board gives the time offset of two cameras: simulated signals, known offset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.base.errors import RigsightError
from rigsight.calibration.time_offset import NS_PER_S, Motion, TimeOffset, estimate_offset
from rigsight.edge.benchmarks.calibration.table import Figure
from rigsight.edge.frames import Float64

CLIP_S = 20.0
RGB_HZ = 30.0
RATES_HZ = (60.0, 30.0, 9.0)
JITTER_S = 1e-3
LARGEST_OFFSET_S = 0.2
# Picture pixels of the centre of the board while it is waved, one standard deviation.
REACH_PX = 60.0


@dataclass(frozen=True)
class Wave:
    """A hand's motion: x, y and depth as sums of sines between 0.25 and 1.8 Hz."""

    frequencies: Float64
    phases: Float64
    amplitudes: Float64

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Wave:
        """A random one."""
        frequencies = rng.uniform(0.25, 1.8, (3, 7))
        amplitudes = rng.uniform(0.5, 1.0, (3, 7)) / np.maximum(frequencies, 0.5)
        amplitudes /= np.sqrt((amplitudes**2).sum(axis=1, keepdims=True) / 2)
        return cls(frequencies, rng.uniform(0, 2 * np.pi, (3, 7)), amplitudes)

    def __call__(self, t: Float64) -> Float64:
        """x, y and depth, float64 [N,3], each of standard deviation 1."""
        angle = 2 * np.pi * self.frequencies * t[:, None, None] + self.phases
        moved: Float64 = (self.amplitudes * np.sin(angle)).sum(axis=2)
        return moved


def stamps(rng: np.random.Generator, rate_hz: float, jitter_s: float) -> tuple[Float64, NDArray[np.int64]]:
    """True times of the exposures, and what the camera's clock says of them (before its offset)."""
    true = rng.uniform(0, 1 / rate_hz) + np.arange(int(CLIP_S * rate_hz)) / rate_hz
    return true, np.round((true + rng.normal(0, jitter_s, len(true))) * NS_PER_S).astype(np.int64)


def tracks(rng: np.random.Generator, rate_hz: float, noise: float, offset_s: float) -> tuple[Motion, Motion]:
    """The board's centre and size in two cameras that see it from different places and scales, in pixels."""
    wave = Wave.draw(rng)
    turn = rng.normal(0, 0.05)
    found = []
    for rate, scale, shift_s, parallax in ((RGB_HZ, 1.0, 0.0, 0.0), (rate_hz, 0.6, offset_s, 0.1)):
        true, clock = stamps(rng, rate, JITTER_S)
        moved = wave(true)
        depth = 1 + 0.15 * moved[:, 2] / 2
        x = (REACH_PX * moved[:, 0] / depth + parallax * 300 / depth) * scale
        y = REACH_PX * moved[:, 1] / depth * scale
        x, y = x - turn * y * (scale < 1), y + turn * x * (scale < 1)
        values = np.stack([x, y, 80 * scale / depth], axis=1)
        values += noise * REACH_PX * scale * rng.normal(size=values.shape) * (1, 1, 0.3)
        found.append(Motion(clock + round(shift_s * NS_PER_S), values, tracked=True))
    return found[0], found[1]


def changes(rng: np.random.Generator, rate_hz: float, noise: float, offset_s: float) -> tuple[Motion, Motion]:
    """The strength of the pictures' change alone, over the slower camera's period."""
    wave = Wave.draw(rng)
    lag_s = max(1 / RGB_HZ, 1 / rate_hz)
    found = []
    for rate, shift_s in ((RGB_HZ, 0.0), (rate_hz, offset_s)):
        true, clock = stamps(rng, rate, JITTER_S)
        lag = max(1, round(lag_s * rate))
        moved = wave(true)[:, :2]
        strength = np.linalg.norm(moved[lag:] - moved[:-lag], axis=1)[:, None]
        strength = strength + noise * strength.std() * rng.normal(size=strength.shape)
        middle = clock[:-lag] + (clock[lag:] - clock[:-lag]) // 2
        found.append(Motion(middle + round(shift_s * NS_PER_S), strength, tracked=False))
    return found[0], found[1]


def figures(quick: bool = False) -> list[Figure]:
    """Median and 95th percentile of the error, what the standard error is worth, and refusals."""
    trials = 12 if quick else 100
    rows: list[Figure] = []
    ratios: list[float] = []
    makers: tuple[tuple[str, Callable[..., tuple[Motion, Motion]]], ...] = (
        ("board tracked", tracks), ("picture change", changes),
    )  # fmt: skip
    for k, (label, make) in enumerate(makers):
        for noise, goal in ((0.1, 1.0), (0.4, 5.0)):
            for rate in RATES_HZ:
                errors, sigmas, refused = measure(make, rate, noise, trials, seed=100 * k)
                ratios += list(np.abs(errors) / sigmas)
                where = f"{label}, thermal {rate:.0f} Hz, noise {noise}"
                rows.append(Figure(f"{where}: median error", _ms(errors, 50), "ms", goal))
                rows.append(Figure(f"{where}: 95 % of errors below", _ms(errors, 95), "ms"))
                if refused:
                    rows.append(Figure(f"{where}: clips refused", 100 * refused / trials, "%"))
    within = 100 * float(np.mean(np.array(ratios) < 1.96))
    rows.append(Figure("errors within 1.96 standard errors", within, "%", 90.0, "higher"))
    wrong = sum(_accepted(make, trials) for make in (_periodic, _unrelated, _still))
    rows.append(Figure(f"periodic, unrelated and still clips accepted, of {3 * trials}", wrong, "", 0.0))
    return rows


def measure(
    make: Callable[..., tuple[Motion, Motion]], rate_hz: float, noise: float, trials: int, seed: int = 0
) -> tuple[Float64, Float64, int]:
    """Errors and standard errors in seconds over clips with random offsets, and how many were refused."""
    errors, sigmas, refused = [], [], 0
    for trial in range(trials):
        rng = np.random.default_rng([seed, trial, round(rate_hz), round(100 * noise)])
        offset_s = rng.uniform(-LARGEST_OFFSET_S, LARGEST_OFFSET_S)
        found = _try(*make(rng, rate_hz, noise, offset_s))
        if found is None:
            refused += 1
        else:
            errors.append(found.offset_s - offset_s)
            sigmas.append(found.sigma_s)
    return np.array(errors), np.array(sigmas), refused


def _try(reference: Motion, other: Motion) -> TimeOffset | None:
    try:
        return estimate_offset(reference, other)
    except RigsightError:
        return None


def _ms(errors: Float64, percentile: float) -> float:
    return 1e3 * float(np.percentile(np.abs(errors), percentile)) if len(errors) else float("nan")


def _accepted(make: Callable[[np.random.Generator], tuple[Motion, Motion]], trials: int) -> int:
    return sum(_try(*make(np.random.default_rng([7, k]))) is not None for k in range(trials))


def _periodic(rng: np.random.Generator) -> tuple[Motion, Motion]:
    found, hz = [], rng.uniform(1.6, 3.0)
    for rate in (RGB_HZ, 30.0):
        true, clock = stamps(rng, rate, JITTER_S)
        values = REACH_PX * np.stack([np.sin(2 * np.pi * hz * true), np.cos(2 * np.pi * hz * true)], axis=1)
        found.append(Motion(clock, values + rng.normal(0, 2, values.shape), tracked=True))
    return found[0], found[1]


def _unrelated(rng: np.random.Generator) -> tuple[Motion, Motion]:
    return tracks(rng, 30.0, 0.1, 0.0)[0], tracks(rng, 30.0, 0.1, 0.0)[1]


def _still(rng: np.random.Generator) -> tuple[Motion, Motion]:
    found = []
    for rate in (RGB_HZ, 9.0):
        _, clock = stamps(rng, rate, JITTER_S)
        found.append(Motion(clock, 200 + rng.normal(0, 0.1, (len(clock), 3)), tracked=True))
    return found[0], found[1]
