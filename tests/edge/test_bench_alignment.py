"""The alignment suite of the calibration bench: what does not depend on the machine keeps its goals."""

from __future__ import annotations

import pytest

from rigsight.edge.benchmarks.calibration import alignment


def test_accuracy_keeps_its_goals() -> None:
    figures = [*alignment._accuracy(), *alignment._hidden(3)]
    missed = {figure.name: figure.value for figure in figures if figure.met is False}
    assert not missed
    plane = next(figure for figure in figures if "best plane" in figure.name)
    assert plane.value == pytest.approx(25, abs=0.5)  # f b (1/0.15 - 1/0.6) / 2, in pixels


def test_times_are_measured_for_every_mode() -> None:
    names = [figure.name for figure in alignment._times(3)]
    for part in ("exact map, min", "blend map, p99", "depth picture", "u16, naive / fused", "fidelity"):
        assert any(part in name for name in names), part
