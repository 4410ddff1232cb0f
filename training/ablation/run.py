"""Trains what an ablation lacks, and says what the seeds that are there tell."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rigsight.base.files import write_text
from rigsight.training import codes
from rigsight.training.ablation.compare import Row, compare
from rigsight.training.ablation.spec import Ablation, load_ablation, run_config
from rigsight.training.config import TrainConfig

REPORT = "ablation.json"
STATE, CONFIG, SCORES = "state.ckpt", "config.yaml", "scores.json"  # of a training, see training/fit.py


@dataclass(frozen=True)
class Run:
    """One finished training; ``value`` is the ablation's metric, x 100 where it is shown so."""

    variant: str
    seed: int
    value: float
    scores: dict[str, Any]
    folder: str


@dataclass(frozen=True)
class Report:
    """All finished runs, and a row for every variant."""

    spec: Ablation
    runs: tuple[Run, ...]
    rows: tuple[Row, ...]

    @property
    def missing(self) -> int:
        """Runs that are not there yet."""
        return len(self.spec.variants) * len(self.spec.seeds) - len(self.runs)

    def as_json(self, facts: Mapping[str, str]) -> dict[str, Any]:
        """Everything as plain values; ``facts`` about the machine."""
        return {
            "ablation": self.spec.model_dump(mode="json"),
            "machine": dict(facts),
            "missing": self.missing,
            "rows": [dataclasses.asdict(row) for row in self.rows],
            "runs": [dataclasses.asdict(run) for run in self.runs],
        }


def run_ablation(
    path: str | Path,
    out: Path,
    overrides: tuple[str, ...] = (),
    *,
    train: Collection[int] | None = None,
    facts: Mapping[str, str] | None = None,
    say: Callable[[str], None] = print,
) -> Report:
    """Train every variant with every seed into ``out``, and compare; ``out/ablation.json`` after every run.

    All variants of a seed come before the next seed, so that a stopped ablation has comparable halves.
    Finished runs are taken as they are, an interrupted one goes on. Processes that train other seeds may
    share ``out``.

    Args:
        path: the ablation's file.
        out: folder of the runs.
        overrides: key=value for all variants, after the file's own.
        train: seeds to train, None = all; the comparison takes every run that is there.
        facts: about the machine, for the report.
        say: takes a line for every run.

    Raises:
        RigsightError: TRN-401 for the file, TRN-402 for a run of another configuration in ``out``, TRN-403
            for a metric that the scores do not have, and what trainings raise.
    """
    spec = load_ablation(path)
    wanted = {
        (seed, name): run_config(spec, path, name, seed, out, overrides)
        for seed in spec.seeds
        for name in spec.variants
    }
    for config in wanted.values():
        _check_folder(config)
    report = _report(spec, wanted)
    for (seed, name), config in wanted.items():
        if (Path(config.out) / SCORES).is_file() or (train is not None and seed not in train):
            continue
        say(f"{spec.title}: {name}, seed {seed}; {report.missing} runs to go")
        _train(config, path)
        report = _report(spec, wanted)
        _write(report, out, facts)
    _write(report, out, facts)
    return report


def _write(report: Report, out: Path, facts: Mapping[str, str] | None) -> None:
    if report.runs:
        write_text(out / REPORT, json.dumps(report.as_json(facts or {}), indent=1))


def _report(spec: Ablation, wanted: Mapping[tuple[int, str], TrainConfig]) -> Report:
    """Of all runs that are finished, whoever trained them."""
    runs = [
        _finished(spec, name, seed, config)
        for (seed, name), config in wanted.items()
        if (Path(config.out) / SCORES).is_file()
    ]
    values: dict[str, dict[int, float]] = {name: {} for name in spec.variants}
    for run in runs:
        values[run.variant][run.seed] = run.value
    rows = compare(values, spec.goal, spec.better == "higher")
    return Report(spec, tuple(runs), tuple(rows))


def _check_folder(config: TrainConfig) -> None:
    """A run that is there must be of this configuration."""
    kept = Path(config.out) / CONFIG
    try:
        text = kept.read_text()
    except OSError:
        return
    if text != config.to_yaml():
        raise codes.ABLATION_CHANGED("this run was trained with another configuration", where=config.out)


def _train(config: TrainConfig, path: str | Path) -> None:
    from rigsight.training.fit import train  # slow to import: torch, lightning

    resume = (Path(config.out) / STATE).is_file()
    train(config, ["rigsight", "bench", "ablation", str(path)], resume)


def _finished(spec: Ablation, variant: str, seed: int, config: TrainConfig) -> Run:
    path = Path(config.out) / SCORES
    scores = json.loads(path.read_text())["scores"]
    place: Any = scores
    for key in spec.metric.split("."):
        place = place.get(key) if isinstance(place, dict) else None
    if not isinstance(place, (int, float)):
        known = ", ".join(f"{name}.{key}" for name, entry in scores.items() for key in entry) or "none"
        raise codes.ABLATION_METRIC(
            f"the scores have no '{spec.metric}'", where=path, fix=f"Set metric to one of: {known}."
        )
    return Run(variant, seed, spec.factor * float(place), scores, config.out)
