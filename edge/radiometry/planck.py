"""From counts to kelvin for cameras that are calibrated by Planck's law.

A FLIR camera's signal of a black body is S(T) = R1 / (R2 (exp(B/T) - F)) - O, with constants from its
calibration. What it sees of an object of emissivity e, through air of transmission a and a window of
transmission w, is

    S = e a w S(object) + (1 - e) a w S(reflected) + (1 - a) w S(air) + (1 - w) S(window)

(FLIR Systems, "The measurement formula" in the manuals of its cameras, there with w = 1; Minkina and Dudzik,
Infrared Thermography, 2009, eq. 2.12). So the object's signal is a straight line in the counts, and the
temperature a logarithm of that line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rigsight.edge.frames import Float32, Float64, Image

ZERO_CELSIUS_K = 273.15


@dataclass(frozen=True, slots=True)
class PlanckConstants:
    """A camera's calibration: R1, B (kelvin), F, O (counts), R2."""

    R1: float
    B: float
    F: float
    O: float  # noqa: E741 (its name everywhere)
    R2: float

    def signal(self, kelvin: float) -> float:
        """Counts of a black body.

        >>> camera = PlanckConstants(21106.77, 1501.0, 1.0, -7340.0, 0.012545258)
        >>> round(camera.signal(300.0), 3)
        18714.923
        """
        power = math.exp(min(self.B / kelvin, 700.0))
        return self.R1 / (self.R2 * (power - self.F)) - self.O


@dataclass(frozen=True, slots=True)
class Air:
    """Five constants of the camera's model of the atmosphere (FLIR's, for 7.5 to 13 micrometres)."""

    alpha_1: float = 0.006569
    alpha_2: float = 0.012620
    beta_1: float = -0.002276
    beta_2: float = -0.006670
    X: float = 1.9

    def transmission(self, distance_m: float, air_k: float, humidity: float) -> float:
        """Share of the radiation that passes, of 0 to 1.

        With h the water in g/m3, exp(1.5587 + 6.939e-2 t - 2.7816e-4 t^2 + 6.8455e-7 t^3) times the relative
        humidity at t degrees Celsius, it is X exp(-sqrt(d) (alpha_1 + beta_1 sqrt(h))) + (1 - X)
        exp(-sqrt(d) (alpha_2 + beta_2 sqrt(h))) (FLIR, as in Minkina and Dudzik 2009, eq. 2.27 and 2.28).

        >>> Air().transmission(0.0, 293.15, 0.5)
        1.0
        >>> round(Air().transmission(100.0, 293.15, 0.5), 6)
        0.937455
        """
        t = air_k - ZERO_CELSIUS_K
        water = humidity * math.exp(min(1.5587 + 6.939e-2 * t - 2.7816e-4 * t**2 + 6.8455e-7 * t**3, 50.0))
        root, wet = math.sqrt(distance_m), math.sqrt(water)
        first = self.X * math.exp(min(-root * (self.alpha_1 + self.beta_1 * wet), 50.0))
        second = (1 - self.X) * math.exp(min(-root * (self.alpha_2 + self.beta_2 * wet), 50.0))
        return min(1.0, first + second)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What stands between an object and the camera: kelvin, metres, shares of 0 to 1."""

    emissivity: float = 1.0
    distance_m: float = 0.0
    reflected_k: float = 293.15
    air_k: float = 293.15
    humidity: float = 0.5
    window_k: float = 293.15
    window_transmission: float = 1.0

    def problem(self) -> str | None:
        """What of it cannot be, None where all can.

        >>> Conditions(emissivity=0.0).problem()
        'the emissivity is 0, not above 0 and at most 1'
        """
        shares = {"emissivity": self.emissivity, "window's transmission": self.window_transmission}
        for name, share in shares.items():
            if not 0 < share <= 1:
                return f"the {name} is {share:g}, not above 0 and at most 1"
        if not 0 <= self.humidity <= 1:
            return f"the humidity is {self.humidity:g}, not 0 to 1"
        if not 0 <= self.distance_m <= 1e5:
            return f"the distance is {self.distance_m:g} m"
        temperatures = {"reflected": self.reflected_k, "air's": self.air_k, "window's": self.window_k}
        for name, kelvin in temperatures.items():
            if not 50 <= kelvin <= 5000:
                return f"the {name} temperature is {kelvin:g} K"
        return None


@dataclass(frozen=True, slots=True)
class PlanckToKelvin:
    """kelvin = B / ln(R1 / (R2 (gain counts + offset + O)) + F): what a camera's counts mean in one scene.

    >>> black = PlanckToKelvin(21106.77, 1501.0, 1.0, -7340.0, 0.012545258)
    >>> float(black(np.uint16(18715))).__round__(2), round(black.counts(300.0))
    (300.0, 18715)
    """

    R1: float
    B: float
    F: float
    O: float  # noqa: E741
    R2: float
    gain: float = 1.0
    offset: float = 0.0

    def __call__(self, counts: Image) -> Float32:
        """Counts of any shape as kelvin, float32 of the same shape; NaN where nothing radiates so little."""
        seen: Float64 = np.asarray(counts, dtype=np.float64) * self.gain + (self.offset + self.O)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            power = np.log(np.divide(self.R1 / self.R2, seen) + self.F)
            kelvin = np.where((seen > 0) & (power > 0), self.B / power, np.nan)
        return kelvin.astype(np.float32)

    def counts(self, kelvin: float) -> float:
        """The inverse: counts of an object of that temperature in the same scene."""
        black = PlanckConstants(self.R1, self.B, self.F, self.O, self.R2)
        return (black.signal(kelvin) - self.offset) / self.gain

    def as_json(self) -> dict[str, Any]:
        """Plain values; :meth:`of_json` reads them."""
        return {"kind": "planck", **asdict(self)}

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> PlanckToKelvin:
        """From what :meth:`as_json` made."""
        return cls(**{name: float(values[name]) for name in cls.__slots__})


def to_kelvin(camera: PlanckConstants, scene: Conditions, air: Air | None = None) -> PlanckToKelvin:
    """What the counts of a camera mean in a scene; the formula is this module's."""
    e, w = scene.emissivity, scene.window_transmission
    a = (air or Air()).transmission(scene.distance_m, scene.air_k, scene.humidity)
    gain = 1 / (e * a * w)
    others = (
        (1 - e) / e * camera.signal(scene.reflected_k)
        + (1 - a) / (e * a) * camera.signal(scene.air_k)
        + (1 - w) / (e * a * w) * camera.signal(scene.window_k)
    )
    return PlanckToKelvin(camera.R1, camera.B, camera.F, camera.O, camera.R2, gain, -others)
