"""Temperatures, clocks, throttling and power of the board, from the kernel's files; most of it on any Linux.

Where they lie: thermal zones and cooling devices (kernel, Documentation/driver-api/thermal/sysfs-api.rst),
cpufreq and devfreq (kernel, Documentation/ABI), over-current events and power mode (NVIDIA, Jetson Linux
Developer Guide, Platform Power and Performance).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rigsight.edge.power import SENSORS, module_watts

ROOT = Path("/")
_GPUS = ("gpu", "ga10b", "gv11b", "gp10b")
# Fans cool without costing anything; the others cool by slowing down.
_HARMLESS = ("fan", "pwm")


@dataclass(frozen=True)
class BoardState:
    """What the board says of itself now; empty or None where it does not.

    ``temperatures_c`` by zone; ``clocks`` share of the highest clock, by ``cpu`` and ``gpu``; ``throttled``
    names what slows down; ``overcurrents`` counts events since the start; ``watts`` of the whole module;
    ``power_mode`` is the number of nvpmodel's mode.
    """

    temperatures_c: dict[str, float] = field(default_factory=dict)
    clocks: dict[str, float] = field(default_factory=dict)
    throttled: tuple[str, ...] = ()
    overcurrents: int = 0
    watts: float | None = None
    power_mode: int | None = None

    @property
    def hottest_c(self) -> float | None:
        """The highest temperature."""
        return max(self.temperatures_c.values(), default=None)

    def as_json(self) -> dict[str, Any]:
        """Plain values, rounded."""
        return {
            "temperatures_c": {name: round(value, 1) for name, value in self.temperatures_c.items()},
            "clocks": {name: round(value, 3) for name, value in self.clocks.items()},
            "throttled": list(self.throttled),
            "overcurrents": self.overcurrents,
            "watts": None if self.watts is None else round(self.watts, 2),
            "power_mode": self.power_mode,
        }


def read_board(root: Path = ROOT) -> BoardState:
    """Look now; a few milliseconds. Nothing is raised."""
    return BoardState(
        temperatures_c=_temperatures(root),
        clocks=_clocks(root),
        throttled=_throttled(root),
        overcurrents=sum(_numbers(root.glob("sys/class/hwmon/hwmon*/oc*_event_cnt"))),
        watts=module_watts(root / SENSORS.relative_to("/")),
        power_mode=_power_mode(root),
    )


def _temperatures(root: Path) -> dict[str, float]:
    """Zone -> degrees Celsius; zones that are off report nothing or nonsense."""
    found: dict[str, float] = {}
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        name, value = _text(zone / "type"), _number(zone / "temp")
        if name and value is not None and -60_000 < value < 200_000:
            found[name] = value / 1000
    return found


def _throttled(root: Path) -> tuple[str, ...]:
    found = []
    for device in sorted(root.glob("sys/class/thermal/cooling_device*")):
        name, state = _text(device / "type"), _number(device / "cur_state")
        if name and state and not any(word in name.lower() for word in _HARMLESS):
            found.append(name)
    return tuple(found)


def _clocks(root: Path) -> dict[str, float]:
    shares: dict[str, list[float]] = {}
    for policy in root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq"):
        _add(shares, "cpu", policy / "scaling_cur_freq", policy / "cpuinfo_max_freq")
    for device in root.glob("sys/class/devfreq/*"):
        if any(word in device.name.lower() for word in _GPUS):
            _add(shares, "gpu", device / "cur_freq", device / "max_freq")
    return {name: sum(values) / len(values) for name, values in sorted(shares.items())}


def _add(shares: dict[str, list[float]], name: str, now: Path, most: Path) -> None:
    value, highest = _number(now), _number(most)
    if value is not None and highest:
        shares.setdefault(name, []).append(value / highest)


def _power_mode(root: Path) -> int | None:
    """Of the line ``pmode:0002``."""
    text = _text(root / "var/lib/nvpmodel/status") or ""
    digits = text.partition("pmode:")[2].strip()[:4]
    return int(digits) if digits.isdigit() else None


def _numbers(paths: Any) -> list[int]:
    return [value for value in map(_number, paths) if value is not None]


def _number(path: Path) -> int | None:
    try:
        return int(_text(path) or "")
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return None
