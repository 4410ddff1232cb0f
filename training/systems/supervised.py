"""Training with one optimiser in epochs over labelled data, whatever the labels are."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch

from rigsight.training.config.recipes import InstancesRecipe, MasksRecipe
from rigsight.training.systems.base import System, make_optimizer, set_rate
from rigsight.training.systems.rates import rate


class Supervised(System):
    """One epoch shows every picture once; the rate falls from step to step as the recipe says."""

    recipe: MasksRecipe | InstancesRecipe

    @property
    @abstractmethod
    def samples(self) -> int:
        """Training pictures."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches that one process sees in an epoch."""
        return -(-self.samples // (self.config.schedule.batch * self.share.world))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """As the recipe says."""
        return make_optimizer(self.recipe.optimizer, [(self.network, 1.0)])

    def on_train_epoch_start(self) -> None:
        """Seed dropout and sampling by the epoch, so that a resumed run does the same."""
        torch.manual_seed(self.config.seed * 100_003 + self.current_epoch)
        self.network.train()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """At this step's rate; the average follows."""
        optimizer: Any = self.optimizers()
        each = -(-self.steps_per_epoch // self.config.schedule.accumulate)
        warmup = self.config.schedule.warmup_steps
        set_rate(optimizer, rate(self.global_step, each * self.recipe.epochs, warmup, self.recipe.rate, each))
        super().optimizer_step(*args, **kwargs)
        self.take_average()
