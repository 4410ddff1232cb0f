"""Ablations: what a few seeds can tell, errors of the file, and a tiny real one that stops and goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rigsight.base.errors import RigsightError
from rigsight.cli.bench import app
from rigsight.training.ablation.compare import compare, judge, standard_error
from rigsight.training.ablation.run import run_ablation
from rigsight.training.ablation.spec import load_ablation, run_config

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
SPEC = """\
version: 1
title: tiny
claim: it runs
base: {base}
common: [width=32, height=32, data.seeds=1, data.sets_per_seed=2, data.validation_seeds=1, data.test_seeds=1,
         data.workers=0, "data.cache={folder}/cache", recipe.epochs=1, schedule.batch=2, threads=1]
variants:
  MFNet: [model.name=mfnet]
  with residual: [model.options.residual=true]
seeds: [3, 5]
metric: facade.both
"""


def write_spec(folder: Path, text: str = SPEC) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(text.format(base=CONFIGS / "ssa_ecnet.yaml", folder=folder))
    return path


def test_rows_are_means_deviations_and_paired_differences() -> None:
    first = {1: 80.0, 2: 82.0, 3: 84.0}
    other = {1: 81.0, 2: 83.5, 3: 85.5, 4: 0.0}
    rows = compare({"plain": first, "more": other})
    assert (rows[0].mean, rows[0].deviation, rows[0].difference, rows[0].verdict) == (82.0, 2.0, None, None)
    # The fourth seed has no partner: it counts in the mean, not in the difference.
    assert (rows[1].seeds, rows[1].mean) == (4, pytest.approx(62.5))
    assert rows[1].difference == pytest.approx(4 / 3)
    assert rows[1].error == pytest.approx(math.sqrt(1 / 12) / math.sqrt(3))
    assert rows[1].verdict == "holds"


def test_a_variant_without_runs_has_no_figures() -> None:
    rows = compare({"plain": {1: 80.0}, "more": {}})
    assert rows[0].deviation is None
    assert (rows[1].seeds, rows[1].mean, rows[1].difference) == (0, None, None)
    assert rows[1].verdict == "cannot tell"


@pytest.mark.parametrize(
    ("differences", "goal", "verdict"),
    [
        ([2.0], 0.0, "cannot tell"),  # one seed
        # mean 2, standard error 1 / sqrt(3) = 0.577, Student's t of 2 degrees of freedom 2.920: 0.314 to 3.69
        ([1.0, 2.0, 3.0], 0.0, "holds"),
        ([1.0, 2.0, 3.0], 2.0, "holds"),
        ([1.0, 2.0, 3.0], 2.1, "cannot tell"),
        ([1.0, 2.0, 3.0], 3.7, "does not hold"),
        ([0.2, 2.0, 3.8], 0.0, "cannot tell"),
        ([-1.0, -2.0, -3.0], 0.0, "does not hold"),
        ([0.0, 0.0, 0.0], 0.0, "does not hold"),
    ],
)
def test_verdicts(differences: list[float], goal: float, verdict: str) -> None:
    assert judge(differences, goal) == verdict


def test_lower_can_be_better() -> None:
    values = {"plain": {1: 5.0, 2: 6.0}, "less": {1: 4.0, 2: 4.99}}
    row = compare(values, higher_is_better=False)[1]
    assert row.difference == pytest.approx(-1.005)
    assert row.verdict == "holds"
    assert compare(values)[1].verdict == "does not hold"
    assert standard_error([1.0]) is None


def test_a_run_has_base_common_variant_and_overrides_in_this_order(tmp_path: Path) -> None:
    path = write_spec(tmp_path)
    spec = load_ablation(path)
    config = run_config(spec, path, "with residual", 5, tmp_path / "out", ("width=48", "recipe.epochs=2"))
    assert (config.width, config.height, config.seed) == (48, 32, 5)
    assert config.model.options == {"classes": 2, "residual": True}
    assert Path(config.out) == tmp_path / "out" / "with_residual" / "seed5"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("seeds:", "seed:", "TRN-401.*did you mean 'seeds'"),
        ("seeds: [3, 5]", "seeds: [3, 3]", "TRN-401.*seeds must differ"),
        ("with residual:", "'MFNet:':", "TRN-401.*same name"),
        ("model.name=mfnet", "model.nam=mfnet", "TRN-002"),
        ("base: {base}", "base: none.yaml", "TRN-001"),
    ],
)
def test_bad_files_are_one_line(tmp_path: Path, old: str, new: str, code: str) -> None:
    path = write_spec(tmp_path, SPEC.replace(old, new))
    with pytest.raises(RigsightError, match=code):
        run_ablation(path, tmp_path / "out", train=())


def test_a_tiny_ablation_is_stopped_and_goes_on(tmp_path: Path) -> None:
    path, out = write_spec(tmp_path), tmp_path / "out"
    said: list[str] = []

    def stop_at_the_third(line: str) -> None:
        said.append(line)
        if len(said) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_ablation(path, out, say=stop_at_the_third)
    half = json.loads((out / "ablation.json").read_text())
    assert [(run["variant"], run["seed"]) for run in half["runs"]] == [("MFNet", 3), ("with residual", 3)]
    assert half["missing"] == 2
    weights = out / "MFNet" / "seed3" / "model.safetensors"
    written = weights.stat().st_mtime_ns

    result = CliRunner().invoke(app, ["ablation", str(path), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert weights.stat().st_mtime_ns == written
    assert report["missing"] == 0
    assert [row["seeds"] for row in report["rows"]] == [2, 2]
    values = {(run["variant"], run["seed"]): run["value"] for run in report["runs"]}
    means = [(values[name, 3] + values[name, 5]) / 2 for name in ("MFNet", "with residual")]
    assert [row["mean"] for row in report["rows"]] == pytest.approx(means)
    assert report["rows"][1]["difference"] == pytest.approx(means[1] - means[0])
    assert all(0 < value < 100 for value in values.values())

    shown = CliRunner().invoke(app, ["ablation", str(path), "--out", str(out), "--report"])
    assert "with residual" in shown.stdout
    with pytest.raises(RigsightError, match="TRN-402.*another configuration"):
        run_ablation(path, out, ("schedule.batch=1",))
    path.write_text(path.read_text().replace("facade.both", "facade.all"))
    with pytest.raises(RigsightError, match="TRN-403.*facade.both"):
        run_ablation(path, out, train=())


@pytest.mark.parametrize("path", sorted((CONFIGS / "ablations").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_ablations_give_valid_configurations(path: Path) -> None:
    spec = load_ablation(path)
    for variant in spec.variants:
        run_config(spec, path, variant, spec.seeds[0], Path("out"))
