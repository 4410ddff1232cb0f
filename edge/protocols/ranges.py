"""What every range finder says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Distance:
    """One measurement.

    Attributes:
        distance_m: metres, None where the device saw nothing it trusts.
        strength: of the returned light in the device's own unit (TFmini: 0 to 65535, others: percent).
        temperature_c: of the device in degrees Celsius, where it says so.
        problem: why there is no distance; None where there is one.
    """

    distance_m: float | None
    strength: int | None = None
    temperature_c: float | None = None
    problem: str | None = None
