"""Every case of bad input ends as it should: no wrong rig accepted, no traceback, no hang."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import bad_files
import bad_pictures
import bad_views
import bad_words
import pytest
from case import CASES, Case, Honest, Refused, Unusable, Works
from good_set import GoodSet

from rigsight.calibration.accuracy import alignment_error
from rigsight.calibration.rig import Rig
from rigsight.cli.main import main

MODULES = (bad_files, bad_pictures, bad_views, bad_words)  # importing them enters their cases
DISTANCE_M = 10.0


def run(case: Case, good: GoodSet, root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    words = case.build(good, root)
    if "--out" not in words:
        words += ["--out", str(root / "rig.yaml")]
    code = main([*words, "--json"])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, good: GoodSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = CASES[name]
    code, out, err = run(case, good, tmp_path, capsys)
    if code:
        assert out == "" or err.startswith("CAL-007")
        assert re.fullmatch(r"[A-Z]+-\d{3}: [^\n]+\. [^\n]+\n", err), err
        assert not (tmp_path / "rig.yaml").exists()
    outcome = case.outcome
    if isinstance(outcome, Refused):
        assert code, f"accepted: {out}"
        assert err.startswith(outcome.code), err
        assert re.search(outcome.says, err), err
    elif isinstance(outcome, Honest) and code:
        assert err.startswith("CAL-"), err
    elif isinstance(outcome, Unusable) and code:
        assert err.startswith(outcome.codes), err
        assert re.search(outcome.says, err), err
    else:
        assert code == 0, err
        summary = json.loads(out)
        pair = summary["baseline_m"] is not None
        error_px = true_error_px(tmp_path / "rig.yaml", good) if pair else 0.0
        if isinstance(outcome, Unusable):
            assert summary["verdict"].startswith("not usable"), (summary["verdict"], error_px)
            assert re.search(outcome.says, summary["verdict"])
            return
        if isinstance(outcome, Honest):
            assert error_px <= max(summary["alignment_error_px"]["10"]["band"][1], 0.1), summary["verdict"]
            return
        assert isinstance(outcome, Works)
        rejected = summary["views_rejected"]
        assert rejected.keys() == outcome.rejected.keys(), rejected
        for view, says in outcome.rejected.items():
            assert re.search(says, rejected[view]), rejected[view]
        assert not summary["verdict"].startswith("not usable"), (summary["verdict"], error_px)
        assert error_px <= outcome.error_px
        assert tuple(summary["views_reordered"]) == outcome.reordered


def true_error_px(path: Path, good: GoodSet) -> float:
    truth = path.with_name("truth.yaml")
    true = Rig.load(truth) if truth.exists() else good.sim.rig
    return alignment_error(Rig.load(path), true, "thermal", DISTANCE_M).rms_px


@pytest.mark.parametrize("name", ["truncated_png", "board_with_a_typo"])
def test_as_a_program(name: str, good: GoodSet, tmp_path: Path) -> None:
    words = CASES[name].build(good, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "rigsight", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"CAL-01\d: [^\n]+\n", done.stderr)


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 40
