"""``rigsight board``: files, defaults, and one line for every mistake."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.calibration.boards import Board
from rigsight.calibration.detection.detect import detect
from rigsight.cli.main import main

Capture = pytest.CaptureFixture[str]


def run(words: str, capsys: Capture) -> dict[str, object]:
    assert main(["board", *words.split(), "--json"]) == 0
    loaded: dict[str, object] = json.loads(capsys.readouterr().out)
    return loaded


def test_the_board_of_the_brochure(tmp_path: Path, capsys: Capture) -> None:
    words = "--kind charuco --columns 7 --rows 5 --square-mm 30 --marker-mm 22 --page A3"
    facts = run(f"{words} --out {tmp_path}/board.pdf", capsys)
    board = Board.load(tmp_path / "board.yaml")
    assert (board.square_m, board.marker_m, board.dictionary) == (0.03, 0.022, "DICT_5X5_100")
    assert facts["page_mm"] == [420, 297]
    assert facts["first_to_last_mm"] == [150, 90]
    assert facts["points"] == 24
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF-")


def test_without_a_kind_it_is_the_recommended_plate(tmp_path: Path, capsys: Capture) -> None:
    facts = run(f"--out {tmp_path}/plate.dxf", capsys)
    board = Board.load(tmp_path / "board.yaml")
    assert (board.kind, board.rows % 2, board.cutout) == ("asymmetric_circles", 1, True)
    assert not board.half_turn_ambiguous
    assert facts["warnings"] == []
    assert "CUT" in (tmp_path / "plate.dxf").read_text()


@pytest.mark.parametrize("kind", ["chessboard", "charuco", "aprilgrid", "circles", "asymmetric_circles"])
def test_a_named_page_is_filled_and_the_png_is_found(kind: str, tmp_path: Path, capsys: Capture) -> None:
    facts = run(f"--kind {kind} --page A4 --dpi 90 --out {tmp_path}/b.png --yaml {tmp_path}/b.yaml", capsys)
    board = Board.load(tmp_path / "b.yaml")
    width, height = facts["page_mm"]  # type: ignore[misc]
    left, top, right, bottom = board.outline_m
    assert max((right - left) * 1000 / width, (bottom - top) * 1000 / (height - 19)) > 0.9
    picture = cv2.imread(str(tmp_path / "b.png"), cv2.IMREAD_GRAYSCALE)
    found = detect(cv2.GaussianBlur(picture, (0, 0), 1.0), board, deadline_s=20.0)
    assert found is not None
    assert len(found.ids) == board.count
    # The distance of two points in the picture is that of the board, in pixels of 25.4 / 90 mm.
    first, last = found.points[0], found.points[-1]
    metres = np.linalg.norm(board.object_points()[-1] - board.object_points()[0])
    pixels_a_metre = round(90 / 0.0254)
    assert np.linalg.norm(last - first) == pytest.approx(metres * pixels_a_metre, abs=0.2)


def test_ambiguous_boards_are_named(tmp_path: Path, capsys: Capture) -> None:
    for words, hint in (
        ("--kind chessboard", "asymmetric_circles"),
        ("--kind asymmetric_circles --rows 10", "11 rows"),
    ):
        facts = run(f"{words} --out {tmp_path}/b.svg --yaml {tmp_path}/b.yaml", capsys)
        assert facts["half_turn_ambiguous"] is True
        assert hint in facts["warnings"][0]  # type: ignore[index]
    assert main(["board", "--kind", "circles", "--out", str(tmp_path / "b.svg")]) == 0
    assert Board.load(tmp_path / "board.yaml").kind == "circles"
    assert "note: a half turn" in capsys.readouterr().out


def test_a_board_yaml_is_drawn_and_left_alone(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "board.yaml"
    path.write_text("# measured\nkind: aprilgrid\ncolumns: 3\nrows: 4\ntag_m: 0.0201\nspacing: 0.3\n")
    facts = run(f"--board {path} --out {tmp_path}/again.svg", capsys)
    assert facts["yaml"] is None
    assert path.read_text().startswith("# measured")
    assert (tmp_path / "again.svg").is_file()


def test_a_measured_board_yaml_is_not_replaced(tmp_path: Path, capsys: Capture) -> None:
    words = ["board", "--kind", "chessboard", "--square-mm", "30", "--out", str(tmp_path / "b.svg")]
    assert main(words) == 0
    assert main(words) == 0, "the same board again"
    path = tmp_path / "board.yaml"
    path.write_text(path.read_text().replace("0.03", "0.0298"))
    (tmp_path / "b.svg").unlink()
    capsys.readouterr()
    assert main(words) == 2
    assert "CAL-023" in capsys.readouterr().err
    assert Board.load(path).square_m == 0.0298
    assert not (tmp_path / "b.svg").exists()


BAD = [
    ("--kind hexagons --out {tmp}/b.pdf", "CLI-001.*hexagons.*chessboard"),
    ("--kind chessboard --out {tmp}/b.bmp", "CAL-022.*pdf"),
    ("--kind chessboard --out {tmp}/none/b.pdf", "IO-001"),
    ("--kind chessboard --square-mm 60 --page A4 --out {tmp}/b.pdf", "CAL-020.*squares of at most"),
    ("--kind chessboard --page A4711 --out {tmp}/b.pdf", "CAL-021.*A4711"),
    ("--kind chessboard --page 10x10 --out {tmp}/b.pdf", "CAL-020"),
    ("--kind chessboard --pitch-mm 30 --out {tmp}/b.pdf", "CAL-010.*needs square_m"),
    ("--kind chessboard --square-mm -3 --out {tmp}/b.pdf", "CAL-010.*square_m"),
    ("--kind charuco --square-mm 30 --marker-mm 40 --out {tmp}/b.pdf", "CAL-010.*smaller than square_m"),
    ("--kind charuco --dictionary DICT_5X5 --out {tmp}/b.pdf", "CAL-010.*did you mean"),
    ("--kind circles --columns 1 --out {tmp}/b.pdf", "CAL-010.*columns"),
    ("--kind circles --pitch-mm 50000 --out {tmp}/b.pdf", "CAL-010.*metres"),
    ("--kind circles --diameter-mm 500 --page A4 --out {tmp}/b.pdf", "CAL-0[12]0"),
    ("--kind circles --pitch-mm nan --out {tmp}/b.pdf", "CAL-010"),
    ("--kind circles --dpi 0 --out {tmp}/b.png", "CLI-001.*dpi"),
    ("--board {tmp}/none.yaml --out {tmp}/b.png", "CAL-010.*none.yaml"),
    ("--board {tmp}/none.yaml --rows 4 --out {tmp}/b.png", "CLI-001.*--board"),
]


@pytest.mark.parametrize(("words", "pattern"), BAD)
def test_mistakes_are_one_line(words: str, pattern: str, tmp_path: Path, capsys: Capture) -> None:
    import re

    assert main(["board", *words.format(tmp=tmp_path).split()]) in (1, 2)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.search(pattern, shown.err), shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
