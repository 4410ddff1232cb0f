"""Labelled pictures that an export puts into its bundle: right places, right classes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.labelled import read_case
from rigsight.edge.bundle.reader import open_bundle, read_bundle
from rigsight.edge.bundle.storage import SPEC_FILE, MemoryStorage
from rigsight.edge.engines.select import open_engine
from rigsight.edge.evaluation import evaluate_bundle
from rigsight.edge.predictor import Predictor
from rigsight.edge.verdict.meter import Meter
from rigsight.export.labelled import STRIDE, check_labelled, labelled_files, on_grid
from rigsight.export.writer import listed


def test_simulated_pictures_score_what_the_simulator_says() -> None:
    bundle = open_bundle("bundles/sim_pipe")
    files = labelled_files(bundle, "sim", "val", 2, ["pipe"])
    assert sorted(files) == [
        f"eval/{n:02d}.{kind}"
        for n in range(2)
        for kind in ("rgb.png", "rig.yaml", "thermal.png", "truth.png")
    ]
    spec = bundle.spec.model_copy(update={"files": bundle.spec.files | listed(files)})
    whole = {name: bundle.read(name) for name in bundle.spec.files} | files
    with_eval = read_bundle(MemoryStorage({SPEC_FILE: spec.to_yaml().encode(), **whole}))
    meter, predictor = Meter(with_eval), Predictor(with_eval, open_engine(with_eval, threads=1))
    for name in ("00", "01"):
        case = read_case(with_eval, name)
        meter.add(predictor(case.aligned(with_eval)).mask, case.truth)
    engine = open_engine(bundle, threads=1)
    expected = evaluate_bundle(bundle, engine, "pipe", range(2), [STRIDE], "val", modalities=("both",))
    assert meter.value == pytest.approx(expected["both"].mean, abs=0.02)


def test_labels_fill_the_grid_where_the_picture_does() -> None:
    labels = np.uint8([[0, 1], [2, 3]])
    valid = np.zeros((8, 12), np.uint8)
    valid[:, 2:10] = 255
    truth = on_grid(labels, valid)
    assert (truth[:, :2] == 255).all()
    assert (truth[:, 10:] == 255).all()
    assert (truth[:4, 2:6] == 0).all()
    assert (truth[4:, 6:10] == 3).all()


@pytest.mark.parametrize(
    ("count", "data", "task", "words"),
    [
        (3, None, "binary", "no --data"),
        (51, "sim", "semantic", "51 were asked for"),
        (3, "x", "instance", "instances"),
    ],
)
def test_what_cannot_be_had_is_said_first(count: int, data: str | None, task: str, words: str) -> None:
    with pytest.raises(RigsightError, match=words) as caught:
        check_labelled(count, data, task)  # type: ignore[arg-type]
    assert caught.value.code == "EXP-106"


def test_the_command_refuses_before_it_exports(
    nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(nano), "--out", str(tmp_path / "b"), "--eval-pictures", "5"]) == 2
    assert capsys.readouterr().err.startswith("EXP-106: ")
    assert not (tmp_path / "b").exists()
