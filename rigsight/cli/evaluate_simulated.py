"""``rigsight evaluate`` without data: mIoU on held-out places of the simulated rig."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rigsight.edge.demo.results import Scores
    from rigsight.edge.simulation.splits import Split

# Time steps of each held-out place: far enough apart to show other things.
SETS_PER_SEED, STRIDE = 8, 17
COLUMNS = {"both": "both", "rgb_only": "RGB only", "thermal_only": "thermal only"}


def run(model: Path, split: str, scene: list[str] | None, seeds: int, as_json: bool) -> int:
    """Print mIoU by scene, with both pictures, RGB only and thermal only; returns the exit code.

    Absent classes count nowhere; the per-pixel baseline is the one fitted when the checkpoint was trained.
    A bundle is scored as it runs on the robot (ONNX Runtime, no torch), and has no baseline.
    """
    if model.suffix != ".safetensors":
        scores = score_bundle(model, split, scene, seeds)
        if as_json:
            print(json.dumps(scores, indent=2))
        else:
            means = {name: {key: row["miou"] for key, row in rows.items()} for name, rows in scores.items()}
            print_scores(means, {})
        return 0

    from rigsight.training.config import SCENES
    from rigsight.training.evaluation.simulated import evaluate_checkpoint

    reports, baseline = evaluate_checkpoint(model, split, scene or SCENES, seeds)
    if as_json:
        print(json.dumps({name: report.as_json() for name, report in reports.items()}, indent=2))
        return 0
    print_scores({name: report.miou() for name, report in reports.items()}, baseline)
    return 0


def score_bundle(
    path: Path, split: str, scenes: list[str] | None, seeds: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """Scene -> modalities -> ``miou`` and ``classes`` (None where a class is absent).

    Raises:
        RigsightError: BND-… for the bundle, TRN-301 for an unknown scene, TRN-303 for a split that is not
            held out.
    """
    from rich.console import Console

    from rigsight.edge.bundle.start import open_named
    from rigsight.edge.engines.select import open_engine
    from rigsight.edge.evaluation import evaluate_bundle
    from rigsight.edge.simulation.splits import SCENES
    from rigsight.training import codes

    unknown = sorted(set(scenes or ()) - set(SCENES))
    if unknown:
        raise codes.UNKNOWN_SCENE(f"there is no scene '{unknown[0]}'")
    if split not in ("test", "val"):
        raise codes.UNKNOWN_SPLIT(f"there is no split '{split}'")
    held_out: Split = "test" if split == "test" else "val"
    bundle = open_named(path)
    engine = open_engine(bundle)
    indices = range(0, SETS_PER_SEED * STRIDE, STRIDE)
    result: dict[str, dict[str, dict[str, Any]]] = {}
    with Console(stderr=True).status("starting") as status:
        for scene in (name for name in SCENES if not scenes or name in scenes):
            status.update(f"{scene}: {seeds * SETS_PER_SEED} sets")
            rows = evaluate_bundle(bundle, engine, scene, range(seeds), indices, held_out)
            result[scene] = {key: _plain(row) for key, row in rows.items()}
    return result


def _plain(scores: Scores) -> dict[str, Any]:
    classes = {name: None if isnan(value) else value for name, value in scores.classes.items()}
    return {"miou": scores.mean, "classes": classes}


def print_scores(
    scores: Mapping[str, Mapping[Any, float]], baseline: Mapping[str, float], metric: str = "mIoU"
) -> None:
    """A table of ``metric`` by scene or split; nothing when there are no scores."""
    if not scores:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title=f"{metric} on held-out pictures")
    keys = [key for key in COLUMNS if any(key in values for values in scores.values())]
    headings = ["", *("score" if keys == ["both"] else COLUMNS[key] for key in keys)]
    for heading in [*headings, *(["per-pixel baseline"] if baseline else [])]:
        table.add_column(heading, justify="right" if heading else "left")
    for scene, values in scores.items():
        cells = [f"{values[key]:.3f}" if key in values else "–" for key in keys]
        if baseline:
            cells.append(f"{baseline[scene]:.3f}" if scene in baseline else "–")
        table.add_row(scene, *cells)
    Console().print(table)
