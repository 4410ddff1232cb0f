"""``rigsight train``: a network from a configuration."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog="Example: rigsight train training/configs/demo.yaml recipe.rounds=2 out=out/train/short")
def train(
    config: Annotated[Path, typer.Argument(help="Configuration; training/configs/ holds some.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, dotted keys.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Train the network of CONFIG; the weights come to <out>/model.safetensors.

    Every part is saved to <out>/state.ckpt, where --resume goes on; ends with scores on held-out data.
    """
    from rigsight.training.config import load_config

    settings = load_config(config, overrides or ())
    from rigsight.training.fit import train as run  # slow to import: torch, lightning

    command = ["rigsight", "train", str(config), *(overrides or ())]
    result = run(settings, command, resume)
    if as_json:
        summary = {
            "checkpoint": str(result.checkpoint),
            "steps": result.steps,
            "seconds": round(result.seconds, 1),
            "metric": result.metric,
            "scores": result.scores,
            "baseline": result.baseline,
        }
        print(json.dumps(summary, indent=2))
        return 0
    print(f"{result.steps} steps in {result.seconds / 60:.1f} min", file=sys.stderr)
    from rigsight.cli.evaluate_simulated import print_scores

    print_scores(result.scores, result.baseline, result.metric)
    print(f"weights: {result.checkpoint}")
    return 0
