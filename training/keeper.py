"""What a training leaves behind while it runs: its state, its log, sample pictures, the weights so far."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from lightning.pytorch import Callback, LightningModule, Trainer

from rigsight.base.files import atomic_path, cannot_write, make_folder
from rigsight.training.progress import Progress
from rigsight.training.systems.base import Outcome, System

STATE, LOG, SAMPLES, TENSORBOARD = "state.ckpt", "log.csv", "samples", "tensorboard"
COLUMNS = ("epoch", "phase", "step", "seconds", "loss", "rate", "metric", "scores")


class Keeper(Callback):
    """After every epoch: save the state, score the validation sets, write the log, on one process."""

    def __init__(self, out: Path, progress: Progress, save_weights: Callable[[Outcome], None]) -> None:
        """``save_weights`` is called after every validation: a stopped run leaves a network to use."""
        self.out, self.progress, self.save_weights = out, progress, save_weights
        self.seconds = 0.0
        self._since = time.monotonic()
        self._losses: list[float] = []
        self._board: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The clock starts."""
        self._since = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Report the step."""
        assert isinstance(pl_module, System)
        self._losses.append(pl_module.last_loss)
        if trainer.is_global_zero:
            steps = int(trainer.num_training_batches)
            name = f"epoch {trainer.current_epoch + 1}/{pl_module.epochs}"
            self.progress(name, batch_idx + 1, steps, f"loss {pl_module.last_loss:.3f}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """An epoch is done."""
        assert isinstance(pl_module, System)
        self.seconds += time.monotonic() - self._since
        scores: dict[str, float] = {}
        if trainer.is_global_zero:
            if pl_module.judged_epoch():
                scores = pl_module.validate()
                self._show(pl_module, scores)
            self._log(trainer, pl_module, scores)
            with atomic_path(self.out / STATE) as temporary:
                trainer.save_checkpoint(temporary)
            if scores:
                self.save_weights(Outcome({name: {"both": round(v, 4)} for name, v in scores.items()}, {}))
        else:
            trainer.save_checkpoint(self.out / STATE)  # every process takes part, the first one writes
        self._losses.clear()
        self._since = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Goes into the checkpoint."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Comes from the checkpoint."""
        self.seconds = float(state_dict["seconds"])

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """The log's last lines reach the disk."""
        if self._board is not None:
            self._board.close()

    def _show(self, system: System, scores: dict[str, float]) -> None:
        shown = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
        place = " ".join(f"{key} {value}" for key, value in system.place().items())
        if shown:
            self.progress.say(f"{place}: {system.metric} {shown}")

    def _log(self, trainer: Trainer, system: System, scores: dict[str, float]) -> None:
        place = system.place()
        loss = sum(self._losses) / max(len(self._losses), 1)
        rate = max(group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups)
        row = {
            "epoch": place["epoch"],
            "phase": place.get("phase", ""),
            "step": place["step"],
            "seconds": round(self.seconds, 1),
            "loss": f"{loss:.6g}",
            "rate": f"{rate:.6g}",
            "metric": system.metric,
            "scores": json.dumps({name: round(value, 4) for name, value in scores.items()}),
        }
        path = self.out / LOG
        try:
            new = not path.exists()
            with path.open("a", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                if new:
                    writer.writeheader()
                writer.writerow(row)
        except OSError as error:
            raise cannot_write(error, path) from error
        self._plot(system, place["step"], loss, rate, scores)

    def _plot(self, system: System, step: int, loss: float, rate: float, scores: dict[str, float]) -> None:
        """The same for TensorBoard, with sample predictions as pictures."""
        from torch.utils.tensorboard import SummaryWriter

        if self._board is None:
            self._board = SummaryWriter(str(self.out / TENSORBOARD), purge_step=step)
        self._board.add_scalar("loss", loss, step)
        self._board.add_scalar("rate", rate, step)
        for name, value in scores.items():
            self._board.add_scalar(f"{system.metric}/{name}", value, step)
        picture = system.preview() if scores else None
        if picture is not None:
            self._board.add_image("samples", picture, step, dataformats="HWC")
            folder = make_folder(self.out / SAMPLES)
            name = f"epoch_{system.current_epoch + 1:04d}.jpg"
            with atomic_path(folder / name) as temporary:
                temporary.write_bytes(cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes())
