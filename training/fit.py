"""A whole training: data, schedule, checkpoints, resume, and the final scores on held-out seeds."""

from __future__ import annotations

import json
import logging
import shlex
import signal
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from rigsight import __version__
from rigsight.base.files import atomic_path, cannot_write, make_folder, write_text
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.simulation.classes import CLASSES
from rigsight.training import codes
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance, load_checkpoint, save_checkpoint
from rigsight.training.config import PairsData, SimulatedData, TrainConfig
from rigsight.training.data.pairs import load_pairs
from rigsight.training.data.simulated import SetArrays, load_sets
from rigsight.training.data.stream import Pairs, Sets, Simulated
from rigsight.training.evaluate import MODALITIES, baseline_miou, score_scene
from rigsight.training.interactive import InteractiveTraining
from rigsight.training.losses.segmentation import class_weights
from rigsight.training.models import build
from rigsight.training.models.segmif import SegMiF
from rigsight.training.progress import Progress

STATE, MODEL, LOG, SCORES = "state.ckpt", "model.safetensors", "log.jsonl", "scores.json"


@dataclass(frozen=True)
class TrainResult:
    """What a run left behind. ``scores`` and ``baseline`` as in CheckpointMeta, empty without labels."""

    checkpoint: Path
    steps: int
    seconds: float
    scores: dict[str, dict[str, float]]
    baseline: dict[str, float]


def train(config: TrainConfig, command: Sequence[str] = (), resume: bool = False) -> TrainResult:
    """Run (or go on with) the training of ``config``; leaves ``model.safetensors`` in ``config.out``.

    Raises:
        RigsightError: TRN-003 when there is nothing to resume, and what models, data and files raise.
        KeyboardInterrupt: stopped by the user; ``state.ckpt`` holds the last whole part.
    """
    out = make_folder(config.out)
    state = out / STATE
    if resume and not state.is_file():
        raise codes.NOTHING_TO_RESUME("there is no interrupted run", where=state)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    model = _model(config)
    with Progress() as progress:
        sets, scenes, validation = _data(config, progress)
        shares = _class_shares(scenes, model.options.classes)
        weights = None
        if shares is not None:
            weights = class_weights(shares, config.segmentation.class_weight_power)
            if config.model.start_from is None:
                model.head.start_from_shares(shares * weights)
        module = InteractiveTraining(config, model, sets, weights)
        write_text(out / "config.yaml", config.to_yaml())
        keeper = Keeper(out, validation, progress)
        _fit(module, keeper, state if resume else None)
        best: Any = module.average.module
        model = best.eval()
        scores, baseline = _final_scores(config, model, scenes, progress)
    meta = CheckpointMeta(
        model=config.model.name,
        options=model.options.model_dump(),
        classes=CLASSES if config.data.kind == "simulated" else _unnamed(model.options.classes),
        preprocessing=config.preprocessing,
        width=config.width,
        height=config.height,
        training=TrainingProvenance(
            command=shlex.join(command),
            tool_version=__version__,
            config=config.model_dump(mode="json"),
            data=_describe(config),
            steps=sum(part.steps for part in module.parts),
            seconds=round(keeper.seconds, 1),
        ),
        scores=scores,
        baseline=baseline,
    )
    save_checkpoint(out / MODEL, model, meta)
    write_text(out / SCORES, json.dumps({"scores": scores, "baseline": baseline}, indent=1))
    return TrainResult(out / MODEL, meta.training.steps, keeper.seconds, scores, baseline)


class Keeper(Callback):
    """After every part: save the state, score the validation sets, write a line of the log."""

    def __init__(self, out: Path, validation: Sequence[SetArrays], progress: Progress) -> None:
        self.out, self.validation, self.progress = out, validation, progress
        self.seconds = 0.0
        self._since = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The clock starts."""
        self._since = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Report the step."""
        assert isinstance(pl_module, InteractiveTraining)
        part = pl_module.part
        total = sum(p.steps for p in pl_module.parts if (p.round, p.phase) == (part.round, part.phase))
        start = min(p.first for p in pl_module.parts if (p.round, p.phase) == (part.round, part.phase))
        name = f"round {part.round} {part.phase}"
        self.progress(name, part.first - start + batch_idx + 1, total, f"loss {pl_module.last_loss:.3f}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A part is done."""
        assert isinstance(pl_module, InteractiveTraining)
        part, entry = pl_module.part, {}
        self.seconds += time.monotonic() - self._since
        if part.phase == "segmentation" and self.validation:
            average: Any = pl_module.average.module
            for sets in self.validation:
                entry[sets.scene] = round(score_scene(average, sets, ("both",))["both"].miou, 4)
            shown = ", ".join(f"{scene} {value:.3f}" for scene, value in entry.items())
            self.progress.say(f"round {part.round}, step {part.first + part.steps}: validation mIoU {shown}")
        line = {
            "round": part.round,
            "phase": part.phase,
            "step": part.first + part.steps,
            "loss": pl_module.last_loss,
            "seconds": round(self.seconds, 1),
            "miou": entry,
        }
        try:
            with (self.out / LOG).open("a") as log:
                log.write(json.dumps(line) + "\n")
        except OSError as error:
            raise cannot_write(error, self.out / LOG) from error
        with atomic_path(self.out / STATE) as temporary:
            trainer.save_checkpoint(temporary)
        self._since = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Goes into the checkpoint."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Comes from the checkpoint."""
        self.seconds = float(state_dict["seconds"])


def _fit(module: InteractiveTraining, keeper: Keeper, state: Path | None) -> None:
    # Its tips and remarks on devices, workers, loggers and checkpoints say nothing to our user.
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(
            accelerator="auto",
            devices=1,
            precision="bf16-mixed" if module.config.schedule.precision == "bfloat16" else "32-true",
            max_epochs=len(module.parts),
            reload_dataloaders_every_n_epochs=1,
            callbacks=[keeper],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        try:
            trainer.fit(module, ckpt_path=state, weights_only=True)
        except SystemExit as error:  # Lightning turns Ctrl-C into an exit, and ignores the next one
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from error
        except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as error:
            if state is None or trainer.global_step > 0:
                raise
            raise codes.NOTHING_TO_RESUME(
                "the saved state does not fit this configuration", where=state
            ) from error


def _model(config: TrainConfig) -> SegMiF:
    options = dict(config.model.options)
    if config.model.start_from is None:
        model = build(config.model.name, **options)
    else:
        model, meta = load_checkpoint(config.model.start_from)
        if meta.model != config.model.name:
            raise codes.CHECKPOINT_WEIGHTS(
                f"it holds a {meta.model}, the configuration wants {config.model.name}",
                where=config.model.start_from,
            )
    assert isinstance(model, SegMiF)
    return model.to(memory_format=torch.channels_last)


def _data(config: TrainConfig, progress: Progress) -> tuple[Sets, list[SetArrays], list[SetArrays]]:
    """The stream's source, the training scenes and the validation scenes (both empty for pairs)."""
    data = config.data
    if isinstance(data, PairsData):
        size = (config.width, config.height)
        return Pairs(load_pairs(data.folders, size, data.validation_every, validation=False)), [], []
    scenes = [load_sets(config, data, scene, "train", progress) for scene in data.scenes]
    validation = [load_sets(config, data, scene, "val", progress) for scene in data.scenes]
    return Simulated(scenes), scenes, validation


def _class_shares(scenes: Sequence[SetArrays], classes: int) -> torch.Tensor | None:
    """Share of every class among the labelled pixels of the training sets, [C]; None without labels."""
    if not scenes:
        return None
    counts = np.zeros(256)
    for sets in scenes:
        for i in range(0, len(sets), 4):
            counts += np.bincount(sets.labels[i].ravel(), minlength=256) / len(sets)
    return torch.from_numpy(counts[:classes] / counts[:classes].sum())


def _final_scores(
    config: TrainConfig,
    model: SegMiF,
    scenes: Sequence[SetArrays],
    progress: Progress,
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """mIoU on the test seeds, which nothing before has looked at."""
    scores: dict[str, dict[str, float]] = {}
    baseline: dict[str, float] = {}
    if isinstance(config.data, SimulatedData):
        for scene, known in zip(config.data.scenes, scenes, strict=True):
            test = load_sets(config, config.data, scene, "test", progress)
            result = score_scene(model, test, MODALITIES)
            scores[scene] = {name: round(value.miou, 4) for name, value in result.items()}
            baseline[scene] = round(baseline_miou(known, test, model.options.classes), 4)
    return scores, baseline


def _unnamed(classes: int) -> tuple[ClassEntry, ...]:
    return tuple(ClassEntry(name=f"class {i}", color=(i, i, i)) for i in range(classes))


def _describe(config: TrainConfig) -> str:
    if isinstance(config.data, SimulatedData):
        return "simulated rig (rigsight.edge.simulation), Apache-2.0"
    folders = ", ".join(f"{Path(f.rgb).parent.name}/{Path(f.rgb).name}" for f in config.data.folders)
    return f"aligned pairs: {folders}; licence of the data set"
