"""Power of a Jetson from the sensors on its board (INA3221), where there are any."""

from __future__ import annotations

from pathlib import Path

SENSORS = Path("/sys/bus/i2c/drivers/ina3221")
# What the whole module takes, by its name on Orin Nano/NX, AGX Orin, Xavier and older boards, best first.
_INPUTS = ("VDD_IN", "VIN_SYS_5V0", "SYS5V", "POM_5V_IN")
# On AGX Orin no rail is the sum: these are added.
_PARTS = ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")


def module_watts(root: Path = SENSORS) -> float | None:
    """Power now, W; None where there is no sensor. Millivolts times milliamperes of the input's rail."""
    rails = _rails(root)
    if all(name in rails for name in _PARTS):
        return sum(rails[name] for name in _PARTS)
    return next((rails[name] for name in _INPUTS if name in rails), None)


def _rails(root: Path) -> dict[str, float]:
    """Rail -> W, of every channel that can be read."""
    found = {}
    for label in sorted(root.glob("*/hwmon/hwmon*/in*_label")):
        channel = label.name.removeprefix("in").removesuffix("_label")
        try:
            name = label.read_text().strip()
            millivolts = float((label.parent / f"in{channel}_input").read_text())
            milliamperes = float((label.parent / f"curr{channel}_input").read_text())
        except (OSError, ValueError):
            continue
        found[name] = millivolts * milliamperes / 1e6
    return found
