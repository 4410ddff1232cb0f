"""``rigsight calibrate`` and ``rigsight align`` as users call them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.calibration.rig import Rig
from rigsight.cli.main import main


@pytest.fixture
def board(tmp_path: Path) -> str:
    path = tmp_path / "board.yaml"
    path.write_text("kind: chessboard\ncolumns: 9\nrows: 6\nsquare_m: 0.025\n")
    return str(path)


def test_two_cameras(data: Path, board: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data / "calib_chessboard_stereo"
    left, right = f"{folder}/left*.jpg", f"{folder}/right*.jpg"
    out = str(tmp_path / "rig.yaml")
    words = ["calibrate", left, right, "--board", board, "--out", out, "--names", "left,right"]
    words += ["--spectra", "rgb,rgb", "--distance", "2"]
    assert main([*words, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["stereo_rms_px"] <= 0.20
    assert summary["epipolar_px"] <= 0.11
    assert summary["baseline_m"] == pytest.approx(0.0832, abs=0.0005)
    assert len(summary["views_used"]) == 14
    assert summary["views_rejected"] == {}
    assert summary["parallax_px"]["2"] < 0.01
    expected = 533.4 * summary["baseline_m"] * (1 - 1 / 2)
    assert summary["parallax_px"]["1"] == pytest.approx(expected, rel=0.01)
    rig = Rig.load(out)
    assert rig.provenance.images_sha256.keys() >= {"left01.jpg", "right14.jpg"}

    assert main(words) == 0
    assert "baseline 83." in capsys.readouterr().out

    view = tmp_path / "pair.png"
    pair = [str(folder / "left01.jpg"), str(folder / "right01.jpg")]
    assert main(["align", *pair, "--rig", out, "--distance", "2", "--out", str(view)]) == 0
    assert cv2.imread(str(view)).shape == (480, 3 * 640, 3)
    aligned = cv2.imread(str(tmp_path / "pair-thermal.png"), cv2.IMREAD_UNCHANGED)
    assert aligned.shape == (480, 640)


def test_one_camera(data: Path, board: str, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = f"{data}/calib_chessboard_stereo/left*.jpg"
    assert main(["calibrate", "--single", pictures, "--board", board, "--names", "left", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["rms_px"]["left"] < 0.2
    assert summary["baseline_m"] is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["A", "B", "--board", "missing.yaml"], "CAL-010"),
        (["none", "B", "--board", "BOARD"], "CAL-012"),
        (["A", "A", "--board", "BOARD"], "CAL-013"),
        (["A", "C", "--board", "BOARD"], "CAL-013"),
        (["A", "B", "--board", "BOARD"], "CAL-015"),
        (["D", "A", "--board", "BOARD"], "CAL-011"),
        (["A", "--board", "BOARD"], "CLI-001"),
        (["A", "B"], "CLI-001"),
        (["A", "B", "--single", "A", "--board", "BOARD"], "CLI-001"),
        (["A", "B", "--board", "BOARD", "--distance", "-1"], "CLI-001"),
        (["A", "B", "--board", "BOARD", "--names", "one"], "CLI-001"),
        (["A", "B", "--board", "BOARD", "--spectra", "rgb,infrared"], "CLI-001"),
        (["A", "B", "--board", "BOARD", "--models", "pinhole"], "CLI-001"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    tmp_path: Path, board: str, capsys: pytest.CaptureFixture[str], words: list[str], code: str
) -> None:
    grey = np.full((48, 64), 90, np.uint8)
    for folder, names in {"A": "12", "B": "12", "C": "34", "D": "12"}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            cv2.imwrite(str(tmp_path / folder / f"{name}.png"), grey)
    (tmp_path / "D" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    out = tmp_path / "rig.yaml"
    known = {"A", "B", "C", "D", "none", "missing.yaml"}
    words = [board if w == "BOARD" else str(tmp_path / w) if w in known else w for w in words]
    assert main(["calibrate", *words, "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(code)
    assert captured.err.count("\n") == 1
    assert not out.exists()


def test_align_names_swapped_and_resized_pictures(
    make_rig: Callable[..., Rig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_rig().save(tmp_path / "rig.yaml")
    sizes = {"rgb.png": (480, 640, 3), "thermal.png": (512, 640), "small.png": (256, 320)}
    for name, size in sizes.items():
        cv2.imwrite(str(tmp_path / name), np.zeros(size, np.uint16 if name == "thermal.png" else np.uint8))
    out = tmp_path / "view.png"

    def align(first: str, second: str) -> tuple[int, str]:
        pair = [str(tmp_path / first), str(tmp_path / second)]
        code = main(["align", *pair, "--rig", str(tmp_path / "rig.yaml"), "--out", str(out)])
        return code, capsys.readouterr().err

    code, message = align("thermal.png", "rgb.png")
    assert (code, message[:7]) == (2, "CAL-005")
    assert "swapped" in message
    code, message = align("rgb.png", "small.png")
    assert (code, message[:7]) == (2, "CAL-005")
    assert "320x256" in message
    assert not out.exists()

    assert align("rgb.png", "thermal.png")[0] == 0
    aligned = cv2.imread(str(tmp_path / "view-thermal.png"), cv2.IMREAD_UNCHANGED)
    assert aligned.dtype == np.uint16
    assert aligned.shape == (480, 640)
