"""The suites by name. Each module has ``figures(quick)``, deterministic up to timings."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from rigsight.edge.benchmarks.calibration.table import Figure

# name -> what it measures, as the help prints it
SUITES = {
    "detection": "thermal boards found, wrong ones accepted, centre errors",
    "accuracy": "alignment at 10 m after so many views; time of the solve",
    "uncertainty": "share of simulated rigs whose true error lies in the predicted 95 % band",
    "guidance": "views that guided and random capture need for the same error",
    "alignment": "alignment modes against ray truth, and their times",
    "time_offset": "time offset from a clip of a waved board",
    "exchange": "rigs through other tools' files and back",
    "drift": "power and false alarms of check-rig",
}


def suite(name: str) -> Callable[[bool], list[Figure]]:
    """The function that measures a suite."""
    found: Callable[[bool], list[Figure]] = import_module(
        f"rigsight.edge.benchmarks.calibration.{name}"
    ).figures
    return found
