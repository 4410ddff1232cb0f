"""The bench compares like with like; its figures are not judged here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rigsight.calibration.align import Aligner
from rigsight.cli.main import main
from rigsight.edge.benchmarks.naive import NaiveChain
from rigsight.edge.benchmarks.scene import bench_rig, bench_sets
from rigsight.edge.postprocess import class_mask

TINY = Path(__file__).parent / "data" / "tiny_bundle"


@pytest.mark.parametrize("role", ["rgb", "thermal"])
def test_both_ways_align_to_the_same_picture(role: str) -> None:
    rig, (frames,) = bench_rig(), bench_sets(1)
    picture = frames.frames[role].data
    if role == "thermal":
        picture = (picture >> 6).astype(np.uint8)
    aligner, naive = Aligner(rig, role), NaiveChain(rig)
    seen = naive.align(role, np.full(picture.shape[:2], 255, np.uint8)) == 255  # undistort crops its borders
    inside = seen & (aligner.valid > 0)
    difference = np.abs(aligner(picture).astype(int) - naive.align(role, picture))[inside]
    assert inside.mean() > 0.8
    assert difference.mean() < 3, "they differ by interpolating once or twice"


def test_both_masks_are_the_same() -> None:
    logits = np.random.default_rng(1).standard_normal((1, 9, 60, 80)).astype(np.float32)
    assert (NaiveChain.mask(logits) == class_mask(logits)).all()


def test_the_table_has_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "pipeline", "--bundle", str(TINY), "--frames", "10", "--rounds", "3", "--memory", "40"]
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["stages"]) == 6
    for row in report["stages"]:
        assert row["ms"] > 0
        assert row["ratio"] == pytest.approx(row["naive_ms"] / row["ms"], rel=0.02)
    assert report["rates"]["ratio"] > 0
    assert report["memory"]["sets"] == 40
    assert report["memory"]["end_mib"] > 10


def test_a_missing_bundle_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "pipeline", "--bundle", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("BND-001: ")
