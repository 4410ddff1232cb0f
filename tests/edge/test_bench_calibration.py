"""The calibration benches, in their small versions."""

from __future__ import annotations

import json

import pytest

from rigsight.cli.main import main
from rigsight.edge.benchmarks.calibration import uncertainty
from rigsight.edge.benchmarks.calibration.suites import SUITES, suite


def test_every_suite_can_be_measured() -> None:
    assert all(callable(suite(name)) for name in SUITES)


def test_an_unknown_suite_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "calibration", "--suite", "speed"]) == 2
    assert capsys.readouterr().err.startswith("CLI-001: there is no suite 'speed'")


def test_the_predicted_band_covers_the_truth(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """24 rigs at five distances; under a true 95 % fewer than 85 % come once in thousands of runs."""
    monkeypatch.setattr(uncertainty, "QUICK_RIGS", 24)
    assert main(["bench", "calibration", "--suite", "uncertainty", "--quick", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["suites"]["uncertainty"]
    values = {figure["name"]: figure["value"] for figure in figures}
    assert values["rigs solved"] == 24
    assert values["in the 95 % band, all distances"] >= 85
    assert values["below the 95 % bound at 10 m"] >= 85
