"""Alternating interactive training (SegMiF section 3.4) as a Lightning module.

Fusion steps train the fusion network on w_f L_f + w_s L_s while encoder and head rest; segmentation steps
train encoder and head on the pictures that the resting fusion network makes. One Lightning epoch is one
part of the schedule.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from rigsight.training import codes
from rigsight.training.config import TrainConfig
from rigsight.training.data.stream import Sets, Stream
from rigsight.training.losses.dynamic import LossRates, dynamic_factor
from rigsight.training.losses.fusion import FusionLoss
from rigsight.training.losses.segmentation import cross_entropy, soft_dice
from rigsight.training.models.colour import luma
from rigsight.training.models.segmif import SegMiF
from rigsight.training.schedule import Part, parts, rate


class InteractiveTraining(LightningModule):
    """Holds the network, its moving average, and both optimisers."""

    weights: Tensor | None

    def __init__(self, config: TrainConfig, model: SegMiF, sets: Sets, weights: Tensor | None) -> None:
        """``weights`` of the classes [C], or None for equal ones."""
        super().__init__()
        self.automatic_optimization = False
        self.config, self.model, self.sets = config, model, sets
        self.parts = parts(config)
        self.average = AveragedModel(model, multi_avg_fn=_ema(config.schedule.ema_decay), use_buffers=True)
        self.register_buffer("weights", weights, persistent=False)
        fusion = config.fusion
        self.fusion_loss = FusionLoss(fusion.eta_gradient, fusion.structure, fusion.intensity, fusion.maximum)
        self.rates = LossRates(2, fusion.rate_window)
        self.last_loss = math.nan

    @property
    def part(self) -> Part:
        """Where the schedule is."""
        return self.parts[min(self.current_epoch, len(self.parts) - 1)]

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """The batches of the current part."""
        config = self.config
        stream = Stream(
            self.sets,
            config.augmentation,
            config.schedule.batch,
            config.seed,
            self.current_epoch,
            self.part.steps,
        )
        return DataLoader(stream, batch_size=None)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """AdamW for the fusion network, and for encoder and head; no decay on norms and biases."""
        decay = self.config.schedule.weight_decay
        seg = self.config.segmentation
        fusion = _groups(self.model.fusion, self.config.fusion.lr, decay)
        segmentation = _groups(self.model.encoder, seg.lr, decay)
        segmentation += _groups(self.model.head, seg.lr * seg.head_lr_factor, decay)
        return [torch.optim.AdamW(fusion), torch.optim.AdamW(segmentation)]

    def on_train_epoch_start(self) -> None:
        """Seed dropout by the part, and let rest what does not learn in it."""
        torch.manual_seed(self.config.seed * 100_003 + self.current_epoch)
        fusing = self.part.phase == "fusion"
        self.model.fusion.train(fusing).requires_grad_(fusing)
        for module in (self.model.encoder, self.model.head):
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
        self.last_loss = float(loss.detach())
        if not math.isfinite(self.last_loss):
            raise codes.LOSS_NOT_FINITE(f"{part.phase} step {part.first + index}: loss {self.last_loss}")
        optimizers: Any = self.optimizers(use_pl_optimizer=True)
        optimizer = optimizers[0 if fusing else 1]
        self._set_rate(optimizer, part, part.first + index)
        optimizer.zero_grad(set_to_none=True)
        self.manual_backward(loss)
        learning = [p for group in optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(learning, self.config.schedule.clip_norm)
        optimizer.step()
        self.average.update_parameters(self.model)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know."""
        checkpoint["loss_rates"] = self.rates.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back."""
        self.rates.restore(checkpoint["loss_rates"])

    def _fusion_step(self, batch: dict[str, Tensor], number: int) -> Tensor:
        rgb, thermal, tables = batch["rgb"], batch["thermal"], batch["tables"]
        fused, average = self.model.fuse_with_average(rgb, thermal, tables)
        fusion = self.fusion_loss(fused, luma(rgb), thermal, average)
        settings = self.config.fusion
        # In the first round the segmentation network has learnt nothing that could guide the fusion.
        if number == 1 or not self.config.segmentation.steps:
            return fusion
        picture = self.model.colour(fused.clamp(0.0, 1.0), rgb)
        segmentation = self._segmentation_loss(self.model.segment(picture, rgb, thermal), batch["labels"])
        self.rates.add([float(fusion.detach()), float(segmentation.detach())])
        shares = [settings.share / number, settings.segmentation_share]
        factors = dynamic_factor(self.rates.rates(), shares, settings.temperature)
        return factors[0] * fusion + factors[1] * segmentation

    def _segmentation_step(self, batch: dict[str, Tensor]) -> Tensor:
        rgb, thermal = batch["rgb"], batch["thermal"]
        with torch.no_grad():
            fused = self.model.fuse(rgb, thermal, batch["tables"]).clamp(0.0, 1.0)
            picture = self.model.colour(fused, rgb)
        return self._segmentation_loss(self.model.segment(picture, rgb, thermal), batch["labels"])

    def _segmentation_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        loss = cross_entropy(logits, labels, self.weights)
        share = self.config.segmentation.dice
        return loss + share * soft_dice(logits, labels) if share else loss

    def _set_rate(self, optimizer: Any, part: Part, step: int) -> None:
        phase = self.config.fusion if part.phase == "fusion" else self.config.segmentation
        schedule = self.config.schedule
        share = rate(step, phase.steps * schedule.rounds, schedule.warmup_steps, schedule.poly_power)
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * share


def _groups(module: nn.Module, lr: float, decay: float) -> list[dict[str, Any]]:
    parameters = list(module.parameters())
    thick = [p for p in parameters if p.ndim > 1]
    thin = [p for p in parameters if p.ndim <= 1]
    return [
        {"params": thick, "lr": lr, "highest": lr, "weight_decay": decay},
        {"params": thin, "lr": lr, "highest": lr, "weight_decay": 0.0},
    ]


def _ema(decay: float) -> Any:
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
