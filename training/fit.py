"""A whole training: data, epochs, checkpoints, resume, and the final scores on held-out data."""

from __future__ import annotations

import json
import logging
import shlex
import signal
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import nn

from rigsight import __version__
from rigsight.base.files import make_folder, write_text
from rigsight.training import codes
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance, load_checkpoint, save_checkpoint
from rigsight.training.config import TrainConfig
from rigsight.training.failures import memory_in_words
from rigsight.training.keeper import STATE, Keeper
from rigsight.training.models import build
from rigsight.training.progress import Progress
from rigsight.training.systems.base import Outcome, Scores, System
from rigsight.training.systems.build import build_system

MODEL, SCORES = "model.safetensors", "scores.json"
PRECISIONS: dict[str, Any] = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}


@dataclass(frozen=True)
class TrainResult:
    """What a run left behind. ``scores`` and ``baseline`` as in CheckpointMeta, empty without labels."""

    checkpoint: Path
    steps: int
    seconds: float
    scores: Scores
    baseline: dict[str, float]
    metric: str = "mIoU"


def train(config: TrainConfig, command: Sequence[str] = (), resume: bool = False) -> TrainResult:
    """Run (or go on with) the training of ``config``; leaves ``model.safetensors`` in ``config.out``.

    Raises:
        RigsightError: TRN-003 when there is nothing to resume, TRN-004 when the loss is no longer finite,
            TRN-006 when memory runs out, and what models, losses, data and files raise.
        KeyboardInterrupt: stopped by the user; ``state.ckpt`` holds the last whole epoch.
    """
    out = make_folder(config.out)
    state = out / STATE
    if resume and not state.is_file():
        raise codes.NOTHING_TO_RESUME("there is no interrupted run", where=state)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    network = _network(config)
    with Progress() as progress, memory_in_words(config):
        system = build_system(config, network, progress)
        if not resume:
            write_text(out / "config.yaml", config.to_yaml())

        def save(outcome: Outcome) -> None:
            save_checkpoint(out / MODEL, system.best, _meta(config, system, command, outcome, keeper.seconds))

        keeper = Keeper(out, progress, save)
        trainer = _trainer(config, system, keeper)
        _fit(trainer, system, state if resume else None)
        outcome = Outcome({}, {})
        if trainer.is_global_zero:
            outcome = system.finish(progress)
            save(outcome)
            told = {"metric": system.metric, "scores": outcome.scores, "baseline": outcome.baseline}
            write_text(out / SCORES, json.dumps(told, indent=1))
    steps = system.steps_done
    return TrainResult(out / MODEL, steps, keeper.seconds, outcome.scores, outcome.baseline, system.metric)


def _trainer(config: TrainConfig, system: System, keeper: Keeper) -> Trainer:
    schedule = config.schedule
    several = schedule.devices * schedule.nodes > 1
    # Interactive training lets parts of the network rest, which plain DDP does not expect.
    parallel = "ddp_find_unused_parameters_true" if config.recipe.kind == "interactive" else "ddp"
    interactive = config.recipe.kind == "interactive"
    # Its tips and remarks on devices, workers, loggers and checkpoints say nothing to our user.
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Trainer(
            accelerator="auto",
            devices=schedule.devices,
            num_nodes=schedule.nodes,
            strategy=parallel if several else "auto",
            precision=PRECISIONS[schedule.precision],
            accumulate_grad_batches=1 if interactive else schedule.accumulate,
            gradient_clip_val=None if interactive or not schedule.clip_norm else schedule.clip_norm,
            max_epochs=system.epochs,
            reload_dataloaders_every_n_epochs=1,
            callbacks=[keeper],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )


def _fit(trainer: Trainer, system: System, state: Path | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trainer.fit(system, ckpt_path=state, weights_only=True)
        except SystemExit as error:  # Lightning turns Ctrl-C into an exit, and ignores the next one
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from error
        except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as error:
            if state is None or trainer.global_step > 0 or isinstance(error, torch.OutOfMemoryError):
                raise
            raise codes.NOTHING_TO_RESUME(
                "the saved state does not fit this configuration", where=state
            ) from error


def _network(config: TrainConfig) -> nn.Module:
    """A fresh network, or the one to start from."""
    start = config.model.start_from
    if start is None:
        network = build(config.model.name, **config.model.options)
    else:
        network, meta = load_checkpoint(start)
        if meta.model != config.model.name:
            raise codes.CHECKPOINT_WEIGHTS(
                f"it holds a {meta.model}, the configuration wants {config.model.name}", where=start
            )
    return network.to(memory_format=torch.channels_last)


def _meta(
    config: TrainConfig, system: System, command: Sequence[str], outcome: Outcome, seconds: float
) -> CheckpointMeta:
    network: Any = system.network
    return CheckpointMeta(
        model=config.model.name,
        options=network.options.model_dump(),
        task=network.task,
        classes=system.classes,
        preprocessing=config.preprocessing,
        width=config.width,
        height=config.height,
        metric=system.metric,
        scores=outcome.scores,
        baseline=outcome.baseline,
        threshold=outcome.threshold,
        training=TrainingProvenance(
            command=shlex.join(command),
            tool_version=__version__,
            config=config.model_dump(mode="json"),
            data=system.data,
            steps=system.steps_done,
            seconds=round(seconds, 1),
            pretrained=getattr(network, "pretrained", ()),
        ),
    )
