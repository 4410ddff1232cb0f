"""Options of the Mask R-CNN with BNSA."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rigsight.base.schema import StrictModel
from rigsight.training.losses.mask import MaskTerms

PLACES = ("c2", "c3", "c4", "c5")


class BnsaOptions(StrictModel):
    """The defaults are the paper's network with four classes; the sizes below serve students and tests."""

    classes: int = Field(default=4, ge=1, le=254, description="of things; the background is not one")
    modality: Literal["thermal", "rgb"] = Field(default="thermal", description="which picture it takes")
    backbone: Literal["resnet50", "resnet18"] = "resnet50"
    norm: Literal["frozen", "batch"] = Field(
        default="frozen", description="frozen needs pretrained weights; batch learns from scratch"
    )
    backbone_weights: str | None = Field(
        default=None, description="'download', or the file; torchvision's, as weights_of says"
    )
    weights_of: Literal["coco", "imagenet"] = Field(
        default="coco", description="coco: the whole Mask R-CNN but for its last layers, ResNet-50 only"
    )
    frozen_stages: int = Field(
        default=2, ge=0, le=5, description="stages at rest from the stem on, as Detectron2 counts them"
    )
    bnsa: str = Field(
        default="c3+c4", pattern=r"^(none|c[2-5](\+c[2-5])*)$", description="stages with a BNSA: c2 to c5"
    )
    up: Literal["deconv", "bilinear"] = "deconv"
    box_loss: Literal["smooth_l1", "siou", "focal_siou"] = "focal_siou"
    box_loss_weight: float = Field(default=1.0, gt=0)
    box_gamma: float = Field(default=0.5, ge=0, description="of Focal-SIoU; the paper's gamma and lambda")
    mask_loss: MaskTerms = "bce_dice_lovasz"
    short_side: int = Field(default=0, ge=0, description="resize to this short side, 0: as the pictures are")
    long_side: int = Field(default=1333, ge=32, description="largest long side of a resized picture")
    anchor: int = Field(
        default=32, ge=4, description="side of the smallest anchors, pixels; doubled at every level"
    )
    width: int = Field(default=256, ge=8, description="channels of FPN, RPN and mask head")
    box_width: int = Field(default=1024, ge=8, description="units of the box head")
    mask_layers: int = Field(default=4, ge=1)
    rois: int = Field(default=512, ge=4, description="regions of a picture that the heads learn from")
    proposals: int = Field(default=1000, ge=1, description="of a picture after non-maximum suppression")
    detections: int = Field(default=100, ge=1, description="of a picture, at most")
    score: float = Field(default=0.05, ge=0, le=1, description="detections below are dropped")
    nms: float = Field(default=0.5, gt=0, le=1, description="IoU at which the weaker detection is dropped")

    @model_validator(mode="after")
    def _check(self) -> BnsaOptions:
        fitting = self.backbone == "resnet50" and self.width == 256 and self.box_width == 1024
        if self.backbone_weights and self.weights_of == "coco" and not (fitting and self.mask_layers == 4):
            raise ValueError("COCO weights fit the published sizes only; set weights_of: imagenet")
        return self

    @property
    def places(self) -> tuple[str, ...]:
        """The stages with a BNSA, in order."""
        return tuple(place for place in PLACES if place in self.bnsa.split("+"))


# What is at most to be spent on a CPU: about 1.5 GMAC at 256x192.
SMALL: dict[str, int | str] = {
    "backbone": "resnet18",
    "norm": "batch",
    "frozen_stages": 0,
    "anchor": 12,
    "width": 64,
    "box_width": 256,
    "mask_layers": 2,
    "rois": 64,
    "proposals": 200,
    "detections": 50,
}
