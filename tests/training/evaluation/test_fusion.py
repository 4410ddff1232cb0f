"""Fusion of pairs on disk: quality beside the inputs, persons that only infrared has, bad boxes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.training.evaluation.fusion import compare, read_boxes

TINY = Path(__file__).parents[2] / "edge" / "data" / "tiny_bundle"


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """A warm person left whom nobody sees, a lit and warm one right whom everybody sees; 120 x 90."""
    rgb, thermal = np.full((90, 120, 3), 20, np.uint8), np.full((90, 120), 30, np.uint8)
    thermal[30:60, 20:32] = 230
    thermal[30:60, 70:82] = 230
    rgb[30:60, 70:82] = 180
    for folder, picture in (("vi", rgb), ("ir", thermal)):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "001N.png"), picture)
    left = f"0 {26 / 120} {45 / 90} {12 / 120} {30 / 90}\n"
    right = f"0 {76 / 120} {45 / 90} {12 / 120} {30 / 90}\n"
    for kind, text in (("infrared", left + right), ("visible", right + "2 0.5 0.9 0.1 0.1\n")):
        (tmp_path / "labels" / kind).mkdir(parents=True)
        (tmp_path / "labels" / kind / "001N.txt").write_text(text)
    return tmp_path


def test_persons_that_only_infrared_has_show_in_the_fused_picture(night: Path, levels: Any) -> None:
    pairs = [(night / "vi" / "001N.png", night / "ir" / "001N.png")]
    report = compare(levels(), pairs, night / "labels")
    assert report.hidden is not None
    assert report.plain is not None
    assert report.nobody is not None
    assert (report.hidden.persons, report.plain.persons) == (1, 1)
    assert report.hidden.shown == {"visible": 0, "thermal": 1, "average": 1, "fused": 1}
    assert report.hidden.levels["fused"] == pytest.approx(200, abs=1)  # Levels keeps the brighter of the two
    assert report.hidden.levels["average"] == pytest.approx(100, abs=1)
    assert report.plain.shown["visible"] == 1
    assert report.nobody.persons == 1
    assert set(report.nobody.shown.values()) == {0}
    assert report.quality["fused"]["scd"] != report.quality["average"]["scd"]


def test_the_command_prints_both(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "fusion", "--rgb", str(night / "vi"), "--thermal", str(night / "ir")]
    words += ["--model", str(TINY), "--boxes", str(night / "labels")]
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["pairs"], report["width"], report["height"]) == (1, 80, 60)
    assert report["hidden"]["persons"] == 1
    assert main(words) == 0
    assert "1 persons boxed only in infrared" in capsys.readouterr().out
    assert main([*words, "--only", "*D"]) == 2
    assert "DAT-101" in capsys.readouterr().err


def test_models_that_do_not_fuse_and_boxes_that_are_none(night: Path, red: Any) -> None:
    pairs = [(night / "vi" / "001N.png", night / "ir" / "001N.png")]
    with pytest.raises(RigsightError, match="TRN-306.*fuse"):
        compare(red(), pairs)
    bad = night / "labels" / "visible" / "bad.txt"
    for text in ("0 0.5 0.5 0.1", "0 a b c d", "person"):
        bad.write_text(text)
        with pytest.raises(RigsightError, match="TRN-308.*line 1"):
            read_boxes(bad, (120, 90))
    assert read_boxes(night / "labels" / "visible" / "nobody.txt", (120, 90)) == []
    with pytest.raises(RigsightError, match="TRN-308.*folder"):
        read_boxes(night / "labels" / "elsewhere" / "001N.txt", (120, 90))
