"""Planck's law against its own closed form, worked values and what a camera showed on its screen."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rigsight.edge.radiometry.planck import Air, Conditions, PlanckConstants, PlanckToKelvin, to_kelvin

# Constants of a FLIR SC660, the defaults of the R package Thermimage (Tattersall, 2021).
CAMERA = PlanckConstants(21106.77, 1501.0, 1.0, -7340.0, 0.012545258)


def test_the_plain_law_is_its_own_inverse() -> None:
    black = to_kelvin(CAMERA, Conditions())
    assert (black.gain, black.offset) == (1.0, 0.0)
    for kelvin in (240.0, 273.15, 300.0, 500.0):
        assert float(black(np.float64(CAMERA.signal(kelvin)))) == pytest.approx(kelvin, rel=1e-6)
    # By hand: S = 21106.77 / (0.012545258 (exp(1501/300) - 1)) + 7340.
    by_hand = 21106.77 / (0.012545258 * (math.exp(1501 / 300) - 1)) + 7340
    assert CAMERA.signal(300.0) == pytest.approx(by_hand)


@pytest.mark.parametrize("emissivity", [0.3, 0.7, 0.95, 1.0])
@pytest.mark.parametrize("distance", [0.0, 1.0, 20.0, 200.0])
@pytest.mark.parametrize("window", [0.7, 1.0])
def test_radiation_that_is_summed_comes_apart_again(
    emissivity: float, distance: float, window: float
) -> None:
    """The four radiations of the module's first formula, added up here, for objects of known temperature."""
    scene = Conditions(emissivity, distance, 288.0, 303.0, 0.6, 296.0, window)
    air = Air().transmission(distance, 303.0, 0.6)
    objects = np.array([250.0, 285.0, 310.0, 420.0])
    seen = [
        emissivity * air * window * CAMERA.signal(kelvin)
        + (1 - emissivity) * air * window * CAMERA.signal(288.0)
        + (1 - air) * window * CAMERA.signal(303.0)
        + (1 - window) * CAMERA.signal(296.0)
        for kelvin in objects
    ]
    convert = to_kelvin(CAMERA, scene)
    assert convert(np.array(seen)) == pytest.approx(objects, abs=1e-3)
    assert [convert.counts(kelvin) for kelvin in objects] == pytest.approx(seen)


def test_in_a_room_of_one_temperature_nothing_else_matters() -> None:
    """Where object, air, window and surroundings are equally warm, all settings give that temperature."""
    for emissivity, distance, window in ((0.2, 0.0, 1.0), (0.9, 50.0, 0.8), (1.0, 300.0, 0.5)):
        scene = Conditions(emissivity, distance, 295.0, 295.0, 0.5, 295.0, window)
        assert float(to_kelvin(CAMERA, scene)(np.float64(CAMERA.signal(295.0)))) == pytest.approx(295.0)


def test_air_lets_less_through_with_distance_and_water() -> None:
    air = Air()
    assert air.transmission(0.0, 300.0, 1.0) == 1.0
    shares = [air.transmission(d, 293.15, 0.5) for d in (1, 10, 100, 1000)]
    assert shares == sorted(shares, reverse=True)
    assert air.transmission(100.0, 303.15, 0.9) < air.transmission(100.0, 303.15, 0.1)
    # By hand at 20 degrees and 50 %: 8.65 g/m3 of water; 1 m.
    water = 0.5 * math.exp(1.5587 + 0.06939 * 20 - 0.00027816 * 400 + 6.8455e-7 * 8000)
    assert water == pytest.approx(8.6, abs=0.1)
    first = 1.9 * math.exp(-(0.006569 - 0.002276 * math.sqrt(water)))
    second = -0.9 * math.exp(-(0.01262 - 0.00667 * math.sqrt(water)))
    assert air.transmission(1.0, 293.15, 0.5) == pytest.approx(first + second)


def test_what_radiates_nothing_has_no_temperature() -> None:
    black = to_kelvin(CAMERA, Conditions())
    made = black(np.array([0, 7340, 7341, 65535], np.uint16))
    assert made.dtype == np.float32
    assert np.isnan(made[:2]).all()
    assert np.isfinite(made[2:]).all()


def test_plain_values_there_and_back() -> None:
    made = to_kelvin(CAMERA, Conditions(emissivity=0.9, distance_m=3.0))
    assert made.as_json()["kind"] == "planck"
    assert PlanckToKelvin.of_json(made.as_json()) == made


def test_the_screen_of_an_ax8(sample: Callable[[str], Path]) -> None:
    """It shows max 25.5, min 24.3, average 25.1, scale 22.9 to 27.0 degrees Celsius; EXIF has 298 to 299 K.

    The scale's ends are the record's median and half its range of counts.
    """
    from rigsight.edge.radiometry.photo import read_photo

    photo = read_photo(sample("FLIR_AX8.jpg"))
    celsius = photo.to_kelvin(photo.counts) - 273.15
    shown = {"max": (celsius.max(), 25.5), "min": (celsius.min(), 24.3), "mean": (celsius.mean(), 25.1)}
    for name, (ours, screen) in shown.items():
        print(f"AX8 {name}: {ours:.2f}, its screen {screen:.1f}")
        assert ours == pytest.approx(screen, abs=0.1)
    assert [celsius.min() + 273.15, celsius.max() + 273.15] == pytest.approx([298, 299], abs=0.51)
    for counts, screen in ((16804 - 304, 22.9), (16804 + 304, 27.0)):
        ours = float(photo.to_kelvin(np.float64(counts))) - 273.15
        print(f"AX8 scale: {ours:.3f}, its screen {screen:.1f}")
        assert round(ours, 1) == screen


def test_the_middle_of_a_zenmuse_xt(sample: Callable[[str], Path]) -> None:
    """The drone wrote 26 degrees Celsius for the middle, at emissivity 0.7, 20 m, air of 32 degrees."""
    from rigsight.edge.radiometry.photo import read_photo

    photo = read_photo(sample("DJI_XTR.jpg"))
    middle = photo.to_kelvin(photo.counts[254:258, 318:322]).mean() - 273.15
    plain = to_kelvin(photo.camera.constants, Conditions())(photo.counts[254:258, 318:322]).mean() - 273.15
    print(f"XT: {middle:.2f}, the drone's own 26; without emissivity and air {plain:.2f}")
    assert round(float(middle)) == 26
