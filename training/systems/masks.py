"""Training of networks that give masks: one loss, one optimiser, perhaps a teacher."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from rigsight.edge.frames import UInt8
from rigsight.training.config import MasksRecipe, TrainConfig
from rigsight.training.data.materials import Materials
from rigsight.training.data.stream import Stream
from rigsight.training.losses.distillation import distillation
from rigsight.training.losses.registry import build_loss
from rigsight.training.progress import Progress
from rigsight.training.scoring import metric_of, score
from rigsight.training.systems.base import Outcome
from rigsight.training.systems.preview import strip
from rigsight.training.systems.supervised import Supervised


class MaskTraining(Supervised):
    """Training of a semantic or binary network."""

    recipe: MasksRecipe

    def __init__(
        self, config: TrainConfig, network: nn.Module, materials: Materials, teacher: nn.Module | None = None
    ) -> None:
        """``teacher`` rests; its soft masks are learnt beside the labels."""
        super().__init__(config, network)
        assert isinstance(config.recipe, MasksRecipe)
        self.recipe, self.materials = config.recipe, materials
        self.epochs = self.recipe.epochs
        self.classes, self.data = materials.classes, materials.description
        task: Any = network.task
        self.metric = metric_of(task)
        shares = None if materials.shares is None else torch.from_numpy(materials.shares).float()
        self.loss = build_loss(self.recipe.loss, self.recipe.loss_options, shares)
        # In a list, so that it is no part of the checkpoint.
        self._teacher = [] if teacher is None else [teacher.eval().requires_grad_(False)]
        inputs: Any = network.inputs
        self.inputs: tuple[str, ...] = inputs
        for each in self._teacher:
            wanted: Any = each.inputs
            self.inputs = tuple(dict.fromkeys((*self.inputs, *wanted)))

    @property
    def samples(self) -> int:
        """Training pictures."""
        return len(self.materials.train)

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """The batches of the current epoch."""
        config = self.config
        stream = Stream(
            self.materials.train,
            config.augmentation,
            self.inputs,
            config.schedule.batch,
            config.seed,
            self.current_epoch,
            self.steps_per_epoch,
            self.share,
        )
        return DataLoader(stream, batch_size=None, num_workers=config.schedule.loaders)

    def on_train_start(self) -> None:
        """The teacher goes where the network is."""
        for teacher in self._teacher:
            teacher.to(self.device)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """One batch. Raises TRN-004 when the loss is not finite."""
        outputs = self._run(self.network, batch)
        with torch.autocast(self.device.type, enabled=False):
            loss = self.loss(outputs, batch["labels"], self.network)
            for teacher in self._teacher:
                with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
                    taught = self._run(teacher, batch)["logits"]
                soft = distillation(outputs["logits"], taught, self.recipe.distil.temperature)
                loss = loss + self.recipe.distil.weight * soft
        return self.checked(loss, batch, f"epoch {self.current_epoch + 1}, step {index}")

    def validate(self) -> dict[str, float]:
        """See :class:`System`."""
        return {
            judged.name: score(self.best, judged, ("both",))["both"].value
            for judged in self.materials.validation
        }

    def finish(self, progress: Progress) -> Outcome:
        """The test sets, or where there are none the validation sets again; the threshold is validation's."""
        network, materials = self.best, self.materials
        threshold: float | None = None
        scores, baseline = {}, {}
        for judged in materials.validation:
            found = score(network, judged)
            threshold = found["both"].threshold
            scores[judged.name] = {choice: round(value.value, 4) for choice, value in found.items()}
        tests = materials.tests(progress)
        if tests:
            scores = {}
        for judged in tests:
            found = score(network, judged)
            scores[judged.name] = {choice: round(value.value, 4) for choice, value in found.items()}
            expected = materials.baseline(judged)
            if expected is not None:
                baseline[judged.name] = round(expected, 4)
        return Outcome(scores, baseline, threshold)

    def preview(self) -> UInt8 | None:
        """A few validation pictures with truth and mask."""
        return strip(self.best, self.materials.validation, self.classes)

    def _run(self, network: nn.Module, batch: dict[str, Tensor]) -> dict[str, Any]:
        """The network's outputs in float32, whatever it computed in."""
        inputs: Any = network.inputs
        outputs = network(*(batch[name] for name in inputs))
        return {
            name: [each.float() for each in value] if isinstance(value, (list, tuple)) else value.float()
            for name, value in outputs.items()
        }
