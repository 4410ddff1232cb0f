"""Training of instance segmentation: Mask R-CNN with five losses, judged by COCO's mask AP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from torch import Tensor, nn
from torch.utils.data import DataLoader

from rigsight.base.files import write_text
from rigsight.edge.frames import UInt8, as_uint8
from rigsight.edge.instances import paste_mask
from rigsight.training import codes
from rigsight.training.config import InstancesRecipe, TrainConfig
from rigsight.training.data.instance_materials import gather_instances
from rigsight.training.data.instance_stream import Batch, InstanceSource, InstanceStream
from rigsight.training.data.instances import InstanceModality
from rigsight.training.instance_scoring import detections, score_instances
from rigsight.training.progress import Progress
from rigsight.training.systems.base import Outcome
from rigsight.training.systems.supervised import Supervised

SCORES = "coco.json"
SHOWN, SURE = 4, 0.5


class InstanceTraining(Supervised):
    """Training of Mask R-CNN; the scores are mask AP."""

    recipe: InstancesRecipe
    metric = "mask AP"

    def __init__(self, config: TrainConfig, network: nn.Module, progress: Progress) -> None:
        """Raises RigsightError TRN-008 when the network's classes are not the data's, and what data raise."""
        super().__init__(config, network)
        assert isinstance(config.recipe, InstancesRecipe)
        self.recipe = config.recipe
        inputs: Any = network.inputs
        self.modality: InstanceModality = inputs[0]
        self.materials = gather_instances(config, self.modality, progress)
        self.epochs = self.recipe.epochs
        self.classes, self.data = self.materials.classes, self.materials.description
        options: Any = network.options
        things = len(self.classes) - 1
        if options.classes != things:
            raise codes.OTHER_CLASSES(
                f"'{config.model.name}' tells {options.classes} kinds of things apart, the data has {things}",
                fix=f"Set model.options.classes={things}; the background is not counted.",
            )

    @property
    def samples(self) -> int:
        """Training pictures."""
        return len(self.materials.train)

    def train_dataloader(self) -> DataLoader[Batch]:
        """The batches of the current epoch."""
        config = self.config
        stream = InstanceStream(
            self.materials.train,
            config.augmentation,
            (self.modality,),
            config.schedule.batch,
            config.seed,
            self.current_epoch,
            self.steps_per_epoch,
            self.share,
        )
        return DataLoader(stream, batch_size=None, num_workers=config.schedule.loaders)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """One batch. Raises TRN-004 when the loss is not finite."""
        losses = self.network(batch[self.modality], batch["targets"])
        recipe = self.recipe
        loss = (
            recipe.rpn_weight * (losses["rpn_class"] + losses["rpn_box"])
            + recipe.class_weight * losses["class"]
            + recipe.box_weight * losses["box"]
            + recipe.mask_weight * losses["mask"]
        )
        return self.checked(loss, batch, f"epoch {self.current_epoch + 1}, step {index}")

    def validate(self) -> dict[str, float]:
        """See :class:`System`."""
        return {judged.name: score_instances(self.best, judged).ap for judged in self.materials.validation}

    def finish(self, progress: Progress) -> Outcome:
        """Mask AP of the test sets, or of the validation sets where there are none; all of COCO's figures
        go into ``coco.json``."""
        judged = self.materials.tests(progress) or self.materials.validation
        found = {each.name: score_instances(self.best, each) for each in judged}
        told = {name: value.as_json() for name, value in found.items()}
        write_text(Path(self.config.out) / SCORES, json.dumps(told, indent=1))
        return Outcome({name: {"both": round(value.ap, 4)} for name, value in found.items()}, {})

    def preview(self) -> UInt8 | None:
        """A few validation pictures, truth on the left, detections on the right."""
        if not self.materials.validation:
            return None
        judged = self.materials.validation[0]
        places = np.linspace(0, len(judged.source) - 1, min(SHOWN, len(judged.source)))
        return as_uint8(np.vstack([self._row(judged.source, round(place)) for place in places]))

    def _row(self, source: InstanceSource, index: int) -> UInt8:
        sample = source.plain(index)
        height, width = sample.picture.shape[:2]
        found = detections(self.best, sample.picture)
        sure = found["scores"] >= SURE
        masks = [
            paste_mask(grid, box, height, width)
            for grid, box in zip(found["masks"][sure], found["boxes"][sure], strict=True)
        ]
        truth = self._drawn(sample.picture, sample.masks, sample.labels)
        return np.hstack([truth, self._drawn(sample.picture, masks, found["labels"][sure])])

    def _drawn(self, picture: UInt8, masks: Sequence[UInt8] | UInt8, labels: Any) -> UInt8:
        drawn = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) if picture.ndim == 2 else picture.copy()
        for mask, label in zip(masks, labels, strict=True):
            color = np.array(self.classes[int(label)].color, np.float32)
            inside = mask > 0
            drawn[inside] = (0.5 * drawn[inside] + 0.5 * color).astype(np.uint8)
            outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(drawn, outlines, -1, [int(c) for c in color], 1)
        return as_uint8(drawn)
