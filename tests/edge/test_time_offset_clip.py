"""From rendered clips of a waved board to the offset in rig.yaml, over the command line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.boards import Board
from rigsight.calibration.rig import Rig
from rigsight.cli.main import main
from rigsight.edge.clips import open_clip
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.edge.simulation.waved_board import Shutter, WavedBoard

OFFSET_S = 0.123
RGB, THERMAL = Shutter(exposure_s=0.004), Shutter(lag_s=0.008)
# What counts is when the light was gathered, not when the shutter opened.
EXPECTED_S = OFFSET_S + RGB.effective_s - THERMAL.effective_s


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders rgb/ and thermal/ with stamps, board.yaml and rig.yaml."""
    folder = tmp_path_factory.mktemp("clips")
    rig = SimulatedRig("street", 3, "test", 160, 120).rig
    board = Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.05)
    waved = WavedBoard(rig, board, seed=1, speed=0.8)
    for camera, rate, offset, shutter in (
        ("rgb", 14.0, 0.0, RGB), ("thermal", 9.0, OFFSET_S, THERMAL)
    ):  # fmt: skip
        (folder / camera).mkdir()
        lines = ["file,captured_ns"]
        for k, (stamp, picture) in enumerate(waved.clip(camera, rate, 3.6, shutter, offset, 5e-4)):
            cv2.imwrite(str(folder / camera / f"{k:04d}.png"), picture)
            lines.append(f"{k:04d}.png,{stamp}")
        (folder / camera / "timestamps.csv").write_text("\n".join(lines))
    board.save(folder / "board.yaml")
    rig.save(folder / "rig.yaml")
    return folder


def offset_of(clips: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    assert main(["time-offset", str(clips / "rgb"), str(clips / "thermal"), "--json", *more]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_the_offset_is_found_and_written_into_the_rig(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rig.yaml"
    rig = str(clips / "rig.yaml")
    facts = offset_of(clips, capsys, "--board", str(clips / "board.yaml"), "--rig", rig, "--out", str(out))
    assert facts["signal"] == "board"
    assert facts["offset_s"] == pytest.approx(EXPECTED_S, abs=2e-3)
    before, after = Rig.load(rig), Rig.load(out)
    assert after.time_offset_s == {"thermal": facts["offset_s"]}
    assert after.model_copy(update={"time_offset_s": {}}) == before


def test_without_a_board_the_change_of_the_pictures_is_compared(
    clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = offset_of(clips, capsys)
    assert facts["signal"] == "change of the pictures"
    assert facts["offset_s"] == pytest.approx(EXPECTED_S, abs=6e-3)


def test_the_clocks_of_the_simulated_cameras_are_apart_as_asked() -> None:
    rig = SimulatedRig("street", 3, "test", 64, 48).rig
    waved = WavedBoard(rig, Board(kind="circles", columns=4, rows=3, pitch_m=0.1))
    here = [stamp for stamp, _ in waved.clip("thermal", 9, 0.5, THERMAL)]
    there = [stamp for stamp, _ in waved.clip("thermal", 9, 0.5, THERMAL, offset_s=0.25)]
    assert np.allclose(np.subtract(there, here), 0.25e9, atol=2)
    assert THERMAL.times().mean() == pytest.approx(-0.008)
    assert RGB.times().mean() == pytest.approx(0.002)


def test_a_rate_stands_in_for_stamps_and_stamps_are_checked(tmp_path: Path) -> None:
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.full((8, 8), k, np.uint8))
    assert [stamp for stamp, _ in open_clip(tmp_path, "thermal", 10)] == [0, 100_000_000, 200_000_000]
    for text, words in (
        (None, "no timestamps.csv"),
        ("file,when\n0.png,1\n", "columns"),
        ("file,captured_ns\n0.png,soon\n", "columns"),
        ("file,captured_ns\n9.png,1\n", "names '9'"),
        ("file,captured_ns\n", "no stamps"),
    ):
        if text is not None:
            (tmp_path / "timestamps.csv").write_text(text)
        with pytest.raises(RigsightError, match=words) as caught:
            list(open_clip(tmp_path, "thermal"))
        assert caught.value.code == "CAL-041"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--max-offset", "0"], "CLI-001"),
        (["--rate", "fast"], "CLI-001"),
        (["--names", "rgb"], "CLI-001"),
        (["--out", "somewhere.yaml"], "CLI-001"),
        (["--rig", "{clips}/rig.yaml", "--names", "left,right"], "CLI-001: the rig has no camera 'left'"),
        (["--rig", "{clips}/none.yaml"], "CAL-001"),
        (["--board", "{clips}/none.yaml"], "CAL-010"),
    ],
)
def test_mistakes_are_one_line(
    clips: Path, more: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.format(clips=clips) for word in more]
    assert main(["time-offset", str(clips / "rgb"), str(clips / "thermal"), *words]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith(expected)
