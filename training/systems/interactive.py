"""Alternating interactive training (SegMiF section 3.4) as a Lightning module.

Fusion steps train the fusion network on w_f L_f + w_s L_s while encoder and head rest; segmentation steps
train encoder and head on the pictures that the resting fusion network makes. One Lightning epoch is one
part of the schedule.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from rigsight.edge.frames import UInt8
from rigsight.training.config import InteractiveRecipe, Rate, TrainConfig
from rigsight.training.data.materials import Materials
from rigsight.training.data.stream import Stream
from rigsight.training.losses.dynamic import LossRates, dynamic_factor
from rigsight.training.losses.fusion import FusionLoss
from rigsight.training.losses.segmentation import class_weights, cross_entropy, soft_dice
from rigsight.training.models.colour import luma
from rigsight.training.models.segmif import SegMiF
from rigsight.training.progress import Progress
from rigsight.training.scoring import score
from rigsight.training.systems.base import Outcome, System, parameter_groups, set_rate
from rigsight.training.systems.parts import Part, parts
from rigsight.training.systems.preview import strip
from rigsight.training.systems.rates import rate


class InteractiveTraining(System):
    """Holds the network, its moving average, and both optimisers."""

    network: SegMiF
    weights: Tensor | None

    def __init__(self, config: TrainConfig, network: SegMiF, materials: Materials, fresh: bool) -> None:
        """``fresh``: the network has learnt nothing, so its classifier starts from the classes' shares."""
        super().__init__(config, network)
        assert isinstance(config.recipe, InteractiveRecipe)
        self.automatic_optimization = False
        self.recipe, self.materials = config.recipe, materials
        self.parts = parts(self.recipe)
        self.epochs = len(self.parts)
        self.classes, self.data, self.metric = materials.classes, materials.description, "mIoU"
        weights: Tensor | None = None
        if materials.shares is not None:
            shares = torch.from_numpy(materials.shares)
            weights = class_weights(shares, self.recipe.segmentation.class_weight_power)
            if fresh:
                network.head.start_from_shares(shares * weights)
                if self.average is not None:
                    self.average.module.load_state_dict(network.state_dict())
        self.register_buffer("weights", weights, persistent=False)
        fusion = self.recipe.fusion
        self.fusion_loss = FusionLoss(fusion.eta_gradient, fusion.structure, fusion.intensity, fusion.maximum)
        self.rates = LossRates(2, fusion.rate_window)

    @property
    def part(self) -> Part:
        """Where the schedule is."""
        return self.parts[min(self.current_epoch, len(self.parts) - 1)]

    def place(self) -> dict[str, Any]:
        """See :class:`System`."""
        part = self.part
        step = part.first + part.steps
        return {"epoch": self.current_epoch + 1, "round": part.round, "phase": part.phase, "step": step}

    def judged_epoch(self) -> bool:
        """After every part of a segmentation phase."""
        return self.part.phase == "segmentation"

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """The batches of the current part."""
        config = self.config
        stream = Stream(
            self.materials.train,
            config.augmentation,
            self.network.inputs,
            config.schedule.batch,
            config.seed,
            self.current_epoch,
            self.part.steps,
            self.share,
        )
        return DataLoader(stream, batch_size=None, num_workers=config.schedule.loaders)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """AdamW for the fusion network, and for encoder and head; no decay on norms and biases."""
        decay = self.recipe.weight_decay
        seg = self.recipe.segmentation
        fusion = parameter_groups(self.network.fusion, self.recipe.fusion.lr, decay)
        segmentation = parameter_groups(self.network.encoder, seg.lr, decay)
        segmentation += parameter_groups(self.network.head, seg.lr * seg.head_lr_factor, decay)
        return [torch.optim.AdamW(fusion), torch.optim.AdamW(segmentation)]

    def on_train_epoch_start(self) -> None:
        """Seed dropout by the part, and let rest what does not learn in it."""
        torch.manual_seed(self.config.seed * 100_003 + self.current_epoch)
        fusing = self.part.phase == "fusion"
        self.network.fusion.train(fusing).requires_grad_(fusing)
        for module in (self.network.encoder, self.network.head):
            module.train(not fusing).requires_grad_(not fusing)

    def training_step(self, batch: dict[str, Tensor], index: int) -> None:
        """One step of the phase. Raises TRN-004 when the loss is not finite."""
        part = self.part
        fusing = part.phase == "fusion"
        if fusing:
            # Always float32: SSIM subtracts means of squares, and oneDNN's bfloat16 weight gradient of a
            # dilated convolution with 20 or 24 input channels is NaN (torch 2.15).
            with torch.autocast(self.device.type, enabled=False):
                loss = self._fusion_step(batch, part.round)
        else:
            loss = self._segmentation_step(batch)
        self.checked(loss, batch, f"{part.phase} step {part.first + index}")
        optimizers: Any = self.optimizers(use_pl_optimizer=True)
        optimizer = optimizers[0 if fusing else 1]
        self._set_rate(optimizer, part, part.first + index)
        optimizer.zero_grad(set_to_none=True)
        self.manual_backward(loss)
        learning = [p for group in optimizer.param_groups for p in group["params"]]
        if self.config.schedule.clip_norm:
            nn.utils.clip_grad_norm_(learning, self.config.schedule.clip_norm)
        optimizer.step()
        self.take_average()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know."""
        checkpoint["loss_rates"] = self.rates.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back."""
        self.rates.restore(checkpoint["loss_rates"])

    def validate(self) -> dict[str, float]:
        """See :class:`System`."""
        judged = self.materials.validation
        return {each.name: score(self.best, each, ("both",))["both"].value for each in judged}

    def finish(self, progress: Progress) -> Outcome:
        """Scores of the test sets, and of the per-pixel classifier beside them."""
        scores, baseline = {}, {}
        for judged in self.materials.tests(progress):
            found = score(self.best, judged)
            scores[judged.name] = {choice: round(value.value, 4) for choice, value in found.items()}
            expected = self.materials.baseline(judged)
            if expected is not None:
                baseline[judged.name] = round(expected, 4)
        return Outcome(scores, baseline)

    def preview(self) -> UInt8 | None:
        """A few validation pictures with truth and mask."""
        return strip(self.best, self.materials.validation, self.classes)

    def _fusion_step(self, batch: dict[str, Tensor], number: int) -> Tensor:
        rgb, thermal, tables = batch["rgb"], batch["thermal"], batch["tables"]
        fused, average = self.network.fuse_with_average(rgb, thermal, tables)
        fusion = self.fusion_loss(fused, luma(rgb), thermal, average)
        settings = self.recipe.fusion
        # In the first round the segmentation network has learnt nothing that could guide the fusion.
        if number == 1 or not self.recipe.segmentation.steps:
            return fusion
        picture = self.network.colour(fused.clamp(0.0, 1.0), rgb)
        segmentation = self._segmentation_loss(self.network.segment(picture, rgb, thermal), batch["labels"])
        self.rates.add([float(fusion.detach()), float(segmentation.detach())])
        shares = [settings.share / number, settings.segmentation_share]
        factors = dynamic_factor(self.rates.rates(), shares, settings.temperature)
        return factors[0] * fusion + factors[1] * segmentation

    def _segmentation_step(self, batch: dict[str, Tensor]) -> Tensor:
        rgb, thermal = batch["rgb"], batch["thermal"]
        with torch.no_grad():
            fused = self.network.fuse(rgb, thermal, batch["tables"]).clamp(0.0, 1.0)
            picture = self.network.colour(fused, rgb)
        return self._segmentation_loss(self.network.segment(picture, rgb, thermal), batch["labels"])

    def _segmentation_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        loss = cross_entropy(logits, labels, self.weights)
        share = self.recipe.segmentation.dice
        return loss + share * soft_dice(logits, labels) if share else loss

    def _set_rate(self, optimizer: Any, part: Part, step: int) -> None:
        phase = self.recipe.fusion if part.phase == "fusion" else self.recipe.segmentation
        linear = Rate(kind="poly", power=self.recipe.poly_power)
        total = phase.steps * self.recipe.rounds
        set_rate(optimizer, rate(step, total, self.config.schedule.warmup_steps, linear))
