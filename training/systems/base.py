"""What every way of training has: a network, the average of its weights, and a watch on the loss."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from rigsight.edge.bundle.spec import ClassEntry, Modalities
from rigsight.edge.frames import UInt8
from rigsight.training import codes
from rigsight.training.config import Optimizer, TrainConfig
from rigsight.training.data.stream import Share
from rigsight.training.failures import save_batch
from rigsight.training.progress import Progress

Scores = dict[str, dict[Modalities, float]]


@dataclass(frozen=True)
class Outcome:
    """What a finished training says of its network; fields as in CheckpointMeta."""

    scores: Scores
    baseline: dict[str, float]
    threshold: float | None = None


class System(LightningModule):
    """A way of training. ``epochs`` and what follows are what :mod:`rigsight.training.fit` asks for."""

    epochs: int
    classes: tuple[ClassEntry, ...]
    metric: str
    data: str

    def __init__(self, config: TrainConfig, network: nn.Module) -> None:
        """``classes``, ``metric`` and ``data`` (its description and licence) are the subclass's to set."""
        super().__init__()
        self.config, self.network = config, network
        decay = config.schedule.ema_decay
        self.average: AveragedModel | None = None
        if decay:
            self.average = AveragedModel(network, multi_avg_fn=_moving_average(decay), use_buffers=True)
            self.average.requires_grad_(False)
        self.last_loss = math.nan

    @property
    def best(self) -> nn.Module:
        """The network to keep: the average of the weights, where there is one."""
        averaged: Any = self.network if self.average is None else self.average.module
        return averaged  # type: ignore[no-any-return]

    @property
    def share(self) -> Share:
        """This process's part of every step."""
        trainer = self._trainer
        return Share() if trainer is None else Share(trainer.global_rank, trainer.world_size)

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Scores of :attr:`best` on the validation sets, by their names; empty without any."""

    @abstractmethod
    def finish(self, progress: Progress) -> Outcome:
        """The last scores, on sets that nothing before has looked at where there are any."""

    def preview(self) -> UInt8 | None:
        """Sample predictions as one picture uint8 [H,W,3], or None."""
        return None

    def place(self) -> dict[str, Any]:
        """Where the training is, for its log: at least ``epoch`` and ``step``."""
        return {"epoch": self.current_epoch + 1, "step": self.global_step}

    @property
    def steps_done(self) -> int:
        """Changes of the weights so far."""
        return int(self.global_step)

    def judged_epoch(self) -> bool:
        """Whether the epoch that ends is followed by a validation."""
        done = self.current_epoch + 1
        return done % self.config.schedule.validate_every == 0 or done == self.epochs

    def checked(self, loss: Tensor, batch: Mapping[str, Any], where: str) -> Tensor:
        """The loss as it is. Raises TRN-004 when it is not finite; the batch is saved then."""
        self.last_loss = float(loss.detach())
        if not math.isfinite(self.last_loss):
            saved = save_batch(Path(self.config.out), batch, self.share.rank)
            raise codes.LOSS_NOT_FINITE(f"{where}: loss {self.last_loss}; the batch is in {saved}")
        return loss

    def take_average(self) -> None:
        """After every change of the weights."""
        if self.average is not None:
            self.average.update_parameters(self.network)


def make_optimizer(settings: Optimizer, modules: Sequence[tuple[nn.Module, float]]) -> torch.optim.Optimizer:
    """An optimiser of the modules' learning parameters, each with a factor of the rate.

    Weights with more than one dimension decay, norms and biases do not. Groups keep their ``highest`` rate.
    """
    groups: list[dict[str, Any]] = []
    for module, factor in modules:
        groups += parameter_groups(module, settings.lr * factor, settings.weight_decay)
    if settings.name == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum)
    adam = torch.optim.Adam if settings.name == "adam" else torch.optim.AdamW
    return adam(groups, lr=settings.lr)


def parameter_groups(module: nn.Module, lr: float, decay: float) -> list[dict[str, Any]]:
    """Parameters that decay and parameters that do not, as an optimiser takes them."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    thick = [p for p in parameters if p.ndim > 1]
    thin = [p for p in parameters if p.ndim <= 1]
    groups = [
        {"params": thick, "lr": lr, "highest": lr, "weight_decay": decay},
        {"params": thin, "lr": lr, "highest": lr, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def set_rate(optimizer: torch.optim.Optimizer, share: float) -> None:
    """Every group's rate as a share of its highest."""
    for group in optimizer.param_groups:
        group["lr"] = group["highest"] * share


def _moving_average(decay: float) -> Any:
    """Moving average whose horizon grows with the steps done, so that the start is soon forgotten."""

    @torch.no_grad()
    def update(averages: Any, current: Any, done: Tensor) -> None:
        steps = float(done)
        keep = min(decay, (1 + steps) / (10 + steps))
        # Called once for every type of tensor; counters of batches are integers.
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, current, 1 - keep)
        else:
            torch._foreach_copy_(averages, current)

    return update
