"""``rigsight check-rig`` on the simulated street: verdicts, exit codes, the baseline's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rigsight.calibration.rig import Rig
from rigsight.cli.main import main
from rigsight.edge.benchmarks.calibration.drift import turned
from rigsight.edge.simulation.rig import SimulatedRig

SOURCE = "sim:street?seed=1&pairs=50&width=192&height=144"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """rig.yaml with the true geometry; turned.yaml as if the thermal camera had been knocked since."""
    folder = tmp_path_factory.mktemp("rig")
    true = SimulatedRig("street", 1, "test", 192, 144).rig
    true.save(folder / "rig.yaml")
    turned(true, 0.0, 1.5).save(folder / "turned.yaml")
    true.model_copy(
        update={"cameras": {"rgb": true.cameras["rgb"]}, "transforms": {}}
    ).save(folder / "one.yaml")  # fmt: skip
    return folder


def test_a_true_rig_is_fine_and_its_file_untouched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rig = folder / "rig.yaml"
    before = rig.read_bytes()
    assert main(["check-rig", str(rig), "--source", SOURCE, "--baseline"]) == 0
    kept = folder / "rig.drift.yaml"
    assert kept.is_file()
    capsys.readouterr()
    assert main(["check-rig", str(rig), "--source", SOURCE, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["verdict"] == "fine"
    assert facts["baseline"] is True
    assert facts["pairs"] == 50
    assert abs(facts["across_px"]) < 0.3
    assert abs(facts["along_px"]) < 0.3
    assert rig.read_bytes() == before


def test_a_knocked_camera_is_an_alarm(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rig = folder / "turned.yaml"
    before = Rig.load(rig)
    assert main(["check-rig", str(rig), "--source", SOURCE, "--json"]) == 3
    shown = capsys.readouterr()
    facts = json.loads(shown.out)
    assert facts["verdict"] == "drifted"
    assert facts["baseline"] is False
    assert abs(facts["across_px"]) == pytest.approx(1.5, abs=0.35)
    assert shown.err.startswith("CAL-044: thermal lies 1.")
    assert len(shown.err.strip().splitlines()) == 1
    assert Rig.load(rig) == before


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("{rig}/rig.yaml --source sim:street?seed=1&pairs=5&width=192&height=144", 4, "CAL-045: 5 pairs"),
        ("{rig}/rig.yaml", 2, "CLI-001"),
        ("{rig}/rig.yaml --rgb images:x", 2, "CLI-001"),
        ("{rig}/rig.yaml --source sim:street --tolerance 0", 2, "CLI-001"),
        ("{rig}/none.yaml --source sim:street", 2, "CAL-001"),
        ("{rig}/one.yaml --source sim:street", 2, "CAL-043: it has no thermal camera"),
        ("{rig}/rig.yaml --source sim:street?pairs=1", 2, "CAL-005"),
        ("{rig}/rig.yaml --source sim:street --baseline-file {rig}/one.yaml", 2, "CAL-042"),
        ("{rig}/rig.yaml --rgb {rig}/no --thermal {rig}/no", 2, "SRC-"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, line: str, code: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.format(rig=folder) for word in line.split()]
    assert main(["check-rig", *words]) == code
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith(expected)
