"""``rigsight rig show | export | import`` as users call them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rigsight.calibration.rig import Covariance, Rig
from rigsight.cli.main import main

Make = Callable[..., Rig]


@pytest.fixture
def rig_file(make_rig: Make, tmp_path: Path) -> str:
    path = tmp_path / "rig.yaml"
    make_rig().save(path)
    return str(path)


def test_show(rig_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rig", "show", rig_file]) == 0
    text = capsys.readouterr().out
    assert "100.6 mm" in text
    assert "plane at 8 m" in text
    assert "no covariance" in text
    assert main(["rig", "show", rig_file, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["cameras"]["thermal"]["baseline_m"] == pytest.approx(np.linalg.norm((-0.1, 0.004, 0.01)))
    assert data["cameras"]["thermal"]["rotation_deg"] == pytest.approx(
        np.degrees(np.linalg.norm((0.01, -0.03, 0.02))), abs=1e-6
    )
    assert data["cameras"]["rgb"]["position_m"] == [0, 0, 0]


def test_field_of_view_of_a_lens_without_distortion(make_rig: Make, tmp_path: Path) -> None:
    """2 atan(w / 2f) between the borders, which lie half a pixel outside the outermost centres."""
    from rigsight.cli.rig import field_of_view_deg

    camera = make_rig().cameras["rgb"]
    plain = camera.model_copy(update={"D": (), "K": ((320, 0, 319.5), (0, 240, 239.5), (0, 0, 1))})
    assert field_of_view_deg(plain) == pytest.approx([90, 90])


def test_show_predicts_from_the_covariance(
    make_rig: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A turn known to 1 mrad moves the picture by 1 mrad times f (1 + x²), at any distance."""
    names = tuple(f"T_thermal_rgb.{part}" for part in ("rx", "ry", "rz", "tx", "ty", "tz"))
    variances = np.diag([0.0, 1e-6, 0.0, 0.0, 0.0, 0.0])
    covariance = Covariance(parameters=names, matrix=tuple(map(tuple, variances.tolist())))
    path = tmp_path / "rig.yaml"
    make_rig().model_copy(update={"covariance": covariance}).save(path)
    assert main(["rig", "show", str(path), "--distances", "5,50", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["predicted_alignment"]["thermal"]
    assert [row["distance_m"] for row in rows] == [5, 50]
    median_of_chi = 0.6745
    for row in rows:
        assert 0.45 * median_of_chi < row["rms_px"] < 0.45 * median_of_chi * 1.25
    assert main(["rig", "show", str(path), "--distances", "5"]) == 0
    assert "predicted alignment error of thermal at 5 m: 0.3" in capsys.readouterr().out


def test_out_and_in(rig_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, again = str(tmp_path / "camera_info"), str(tmp_path / "again.yaml")
    assert main(["rig", "export", rig_file, "--format", "ros", "--out", out]) == 0
    assert "not in this format: the reference surface" in capsys.readouterr().out
    assert main(["rig", "import", out, "--out", again, "--distance", "8"]) == 0
    before, after = Rig.load(rig_file), Rig.load(again)
    assert after.cameras == before.cameras
    assert after.surface == before.surface
    assert np.abs(after.pose("thermal") - before.pose("thermal")).max() < 1e-12
    assert after.output.crop is not None
    assert after.provenance.command == "rigsight rig import"
    assert after.provenance.notes == "imported from ROS camera_info: camera_info"


def test_refusal_and_refit(rig_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rig", "export", rig_file, "--format", "kalibr", "--out", str(tmp_path / "camchain.yaml")]
    assert main(words) == 2
    line = capsys.readouterr().err
    assert line.startswith("CAL-063: Kalibr's radtan has no place for k3 = 0.01 of camera 'rgb'.")
    assert "--refit" in line
    assert main([*words, "--refit", "--json"]) == 0
    assert 0 < json.loads(capsys.readouterr().out)["refit_px"]["rgb"] < 0.2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "RIG", "--distances", "a"], "CLI-001: --distances needs positive numbers"),
        (["export", "RIG", "--format", "bundler", "--out", "x"], "CAL-064: there is no format 'bundler'"),
        (
            ["export", "RIG", "--format", "opencv", "--out", "x", "--yaml-header", "2"],
            "CLI-001: --yaml-header",
        ),
        (["export", "RIG", "--format", "opencv", "--out", "none/x.yml"], "IO-001"),
        (["import", "RIG", "--out", "x"], "CAL-064: its format is not recognised"),
        (["import", "none.yaml", "--out", "x"], "CAL-060: No such file"),
        (["import", "RIG", "--sizes", "6x", "--out", "x"], "CLI-001: --sizes needs 640x480"),
        (["import", "RIG", "--unit-m", "0", "--out", "x"], "CLI-001: --distance and --unit-m"),
    ],
)
def test_errors_are_one_line(
    words: list[str],
    says: str,
    rig_file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["rig", *(rig_file if word == "RIG" else word for word in words)]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.err.startswith(says)
    assert captured.err.count("\n") == 1
