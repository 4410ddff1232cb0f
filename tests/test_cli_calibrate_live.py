"""``rigsight calibrate --live``: what goes wrong says so in one line; a whole session is a slow test."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.calibration.accuracy import alignment_error_px
from rigsight.calibration.boards import Board
from rigsight.calibration.rig import Rig
from rigsight.cli.main import main
from rigsight.edge.simulation.rig import SimulatedRig


@pytest.fixture
def board(tmp_path: Path) -> Path:
    Board(kind="chessboard", columns=8, rows=5, square_m=0.05).save(tmp_path / "board.yaml")
    return tmp_path / "board.yaml"


def run(*words: object) -> int:
    return main(["calibrate", *map(str, words)])


def test_the_port_is_taken(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert run("--live", "sim:street", "--board", board, "--port", port) == 1
    assert capsys.readouterr().err.startswith("WEB-001")


def test_one_camera_is_not_enough(board: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.full((48, 64, 3), 90, np.uint8))
    assert run("--live", f"images:{tmp_path}", "--board", board, "--no-web") == 2
    assert capsys.readouterr().err.startswith("CAL-050")


def test_a_folder_with_other_files_is_left_alone(
    board: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    assert run("--live", "sim:street", "--board", board, "--no-web", "--keep", tmp_path) == 2
    assert capsys.readouterr().err.startswith("CAL-053")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board.yaml", "diary.txt"]


def test_a_scene_that_does_not_exist(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--live", "sim:pears", "--board", board, "--no-web") == 2
    assert capsys.readouterr().err.startswith("SRC-001")


def test_live_takes_no_folders(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rgb", "thermal", "--live", "sim:street", "--board", board) == 2
    assert capsys.readouterr().err.startswith("CLI-001")


def test_pictures_that_end_too_early(board: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for camera, kind in (("rgb", np.uint8), ("thermal", np.uint16)):
        (tmp_path / camera).mkdir()
        shape = (48, 64, 3) if camera == "rgb" else (48, 64)
        for stem in ("1", "2"):
            cv2.imwrite(str(tmp_path / camera / f"{stem}.png"), np.full(shape, 90, kind))
    source = f"pairs:{tmp_path / 'rgb'},{tmp_path / 'thermal'}"
    assert run("--live", source, "--board", board, "--no-web") == 2
    assert "CAL-051: 0 views were taken" in capsys.readouterr().err


@pytest.mark.slow
def test_a_whole_session_with_the_simulated_operator(
    board: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep, out = tmp_path / "views", tmp_path / "rig.yaml"
    words = ("--live", "sim:street?seed=7", "--board", board, "--keep", keep, "--out", out)
    assert run(*words, "--no-web", "--json") == 0
    live = json.loads(capsys.readouterr().out)
    assert 8 <= len(live["views_used"]) <= 15
    true = SimulatedRig("street", seed=7).rig
    assert alignment_error_px(Rig.load(out), true, "thermal", 10.0) <= 0.3
    again = tmp_path / "again.yaml"
    assert run(keep / "rgb", keep / "thermal", "--board", board, "--out", again, "--json") == 0
    kept = json.loads(capsys.readouterr().out)
    assert kept["stereo_rms_px"] == pytest.approx(live["stereo_rms_px"], rel=1e-6)
    first, second = Rig.load(out), Rig.load(again)
    for name, camera in first.cameras.items():
        np.testing.assert_allclose(camera.K, second.cameras[name].K, rtol=1e-9)
        np.testing.assert_allclose(camera.D, second.cameras[name].D, rtol=1e-6)
